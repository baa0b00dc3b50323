"""What discovery does when something happens elsewhere."""

from chengshu.data.discovery.facade import check_source
from chengshu.data.discovery.models import SourceBinding
from chengshu.data.ingest.facade import Batch, Origin
from chengshu.kernel.access.actor import platform
from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import subscribe
from chengshu.kernel.jobs.services import enqueue


@subscribe("city.collection.source.drifted", name="discovery.look_at_source")
def run_met_drift(event: Event) -> None:
    """A run found other columns than agreed: compare with the catalogue at once."""
    resource = event.data.get("resource_id")
    if resource and SourceBinding.objects.filter(resource=resource).exists():
        check_source(int(resource))


@subscribe("city.ingest.batch.loaded", name="discovery.take_figures")
def batch_loaded(event: Event) -> None:
    """Compare a new delivery with the ones before; the demo city's first deliveries have none before them."""
    batch = Batch.objects.filter(pk=event.data.get("batch")).first()
    if batch is None or batch.origin in (Origin.DEMO, Origin.REPLAY):
        return
    enqueue(
        "discovery.figures", actor=platform("数据变动"), title=f"统计批次：{batch}",
        arguments={"batch": str(batch.pk)}, key=f"discovery.figures:{batch.pk}",
    )  # fmt: skip
