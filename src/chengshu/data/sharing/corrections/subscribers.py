"""What corrections do when something happens elsewhere."""

from chengshu.data.sharing.corrections.services import KIND, close, inform_ready
from chengshu.data.sharing.models import ShareInterface
from chengshu.data.tickets.facade import Ticket
from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import subscribe


@subscribe("city.tickets.ticket.closed", name="sharing_corrections.close", title="校核单办结")
def ticket_closed(event: Event) -> None:
    """The ticket is closed: corrected, or not, with the reason."""
    if event.data.get("kind") == KIND:
        close(ticket=Ticket.objects.get(pk=event.data["ticket"]))


@subscribe(
    "city.sharing.interface.published", name="sharing_corrections.inform",
    title="通知用过错值的应用",
)  # fmt: skip
def interface_published(event: Event) -> None:
    """An interface answers with newer data: those who received what was corrected can fetch it again."""
    item = ShareInterface.objects.filter(code=event.subject).first()
    if item is not None:
        inform_ready(resource_id=item.resource_id)
