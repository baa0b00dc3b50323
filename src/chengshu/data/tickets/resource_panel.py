"""What an entry's page says about its tickets; registered with the catalogue at start-up."""

from django.template.loader import render_to_string

from chengshu.data.catalog.facade import Resource
from chengshu.data.tickets import selectors
from chengshu.data.tickets.presentation import tag
from chengshu.kernel.access.actor import Actor

SHOWN = 5


def content(actor: Actor, resource: Resource) -> str:
    """Open tickets first, newest first; nothing when there never was one."""
    rows = selectors.tickets_of(resource.pk, actor=actor)
    waiting = selectors.opened(rows).count()
    found = list(selectors.opened(rows)[:SHOWN]) or list(rows[:SHOWN])
    context = {"tickets": [(item, tag(item)) for item in found], "open": waiting}
    return render_to_string("tickets/resource_panel.html", context)
