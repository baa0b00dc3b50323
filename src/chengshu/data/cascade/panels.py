"""What an entry's page says of cascading: where it came from, where it went, what the other side said."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef
from django.template.loader import render_to_string
from django.urls import reverse

from chengshu.data.cascade import selectors
from chengshu.data.cascade.models import Channel, Entry, Plan
from chengshu.data.cascade.services import cataloguing
from chengshu.data.cascade.services.platforms import MANAGE
from chengshu.data.catalog.facade import Resource
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows


def returned() -> Exists:
    """The mark 回流: entries that another platform hands to us."""
    return Exists(Channel.objects.filter(resource=OuterRef("pk")))


def content(actor: Actor, resource: Resource) -> str:
    """回流 mark with the upper source, deliveries, answers to the entry itself; "" when there is nothing to say."""
    channels, plans, entries = _found(actor, resource)
    may = allows(actor, MANAGE, resource) and resource.published_id is not None
    if not (channels or plans or entries or may):
        return ""
    return render_to_string(
        "cascade/resource_panel.html",
        {
            "channels": channels, "plans": plans, "entries": entries,
            "plan_url": f"{reverse('cascade:plan-new')}?resource={resource.code}" if may else "",
            "entry_url": f"{reverse('cascade:entry-new')}?resource={resource.code}" if may else "",
        },
    )  # fmt: skip


def _found(actor: Actor, resource: Resource) -> tuple[list[Any], list[Any], Sequence[Entry]]:
    """What there is; one query for the many entries that have none of it."""
    having = Resource.objects.filter(pk=resource.pk).filter(
        Exists(Channel.objects.filter(resource=OuterRef("pk")))
        | Exists(Plan.objects.filter(resource=OuterRef("pk")))
        | Exists(Entry.objects.filter(resource=OuterRef("pk")))
    )
    if not having.exists():
        return [], [], ()
    channels = [
        (channel, channel.incoming.order_by("-number").first())
        for channel in selectors.returned_to(resource)
    ]
    plans = [
        (plan, plan.outgoing.order_by("-number").first())
        for plan in selectors.plans(actor).filter(resource=resource)
    ]
    return channels, plans, cataloguing.states_of(resource)
