"""What tickets do when something happens elsewhere."""

from chengshu.data.tickets.services import rechecks
from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import subscribe


@subscribe("city.ingest.batch.loaded", name="tickets.recheck", title="新数据到了，复检工单")
def batch_loaded(event: Event) -> None:
    """New data of a resource: look again at its open tickets."""
    rechecks.after_batch(resource_id=int(event.data["resource_id"]), event=event.id)
