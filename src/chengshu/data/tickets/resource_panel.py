"""What an entry's page says about its tickets; registered with the catalogue at start-up."""

from django.db.models import Case, Count, When, Window
from django.template.loader import render_to_string

from chengshu.data.catalog.facade import Resource
from chengshu.data.tickets import selectors
from chengshu.data.tickets.choices import State
from chengshu.data.tickets.presentation import tag
from chengshu.kernel.access.actor import Actor

SHOWN = 5


def content(actor: Actor, resource: Resource) -> str:
    """Open tickets first, newest first; only closed ones are shown when none is open."""
    closed = Case(When(state=State.CLOSED, then=True), default=False)
    rows = selectors.tickets_of(resource.pk, actor=actor).annotate(
        closed=closed, of_kind=Window(Count("pk"), partition_by=closed)
    )
    found = list(rows.order_by("closed", "-pk")[:SHOWN])
    waiting = [item for item in found if item.state != State.CLOSED]
    context = {
        "tickets": [(item, tag(item)) for item in waiting or found],
        "open": getattr(waiting[0], "of_kind", 0) if waiting else 0,
    }
    return render_to_string("tickets/resource_panel.html", context)
