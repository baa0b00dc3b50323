"""What an entry's page says of cascading: where it came from, where it went, what the other side said."""

from django.template.loader import render_to_string
from django.urls import reverse

from chengshu.data.cascade import selectors
from chengshu.data.cascade.services import cataloguing
from chengshu.data.cascade.services.platforms import MANAGE
from chengshu.data.catalog.facade import Resource
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows


def content(actor: Actor, resource: Resource) -> str:
    """回流 mark with the upper source, deliveries, answers to the entry itself; "" when there is nothing to say."""
    channels = [
        (channel, channel.incoming.order_by("-number").first())
        for channel in selectors.returned_to(resource)
    ]
    plans = [
        (plan, plan.outgoing.order_by("-number").first())
        for plan in selectors.plans(actor).filter(resource=resource)
    ]
    entries = cataloguing.states_of(resource)
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
