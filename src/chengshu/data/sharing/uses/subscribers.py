"""What the index of look-ups does when something happens elsewhere."""

from django.urls import reverse

from chengshu.data.sharing.uses.models import UseObjection
from chengshu.data.sharing.uses.services import KIND
from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import subscribe
from chengshu.kernel.notices.services import notify


@subscribe("city.tickets.ticket.closed", name="sharing_uses.answered", title="告知用数疑问的答复")
def ticket_closed(event: Event) -> None:
    """Tell the person that the question was answered."""
    if event.data.get("kind") != KIND:
        return
    item = UseObjection.objects.filter(ticket_id=event.data["ticket"]).first()
    if item is not None:
        notify(
            account=item.account, title="您对“谁查过我”的疑问已有答复",
            body="答复在“我的 → 谁查过我”里。", url=reverse("citizen:data-uses"),
            key=f"use-objection:{item.pk}:{event.id}",
        )  # fmt: skip
