"""What cascading does when something happens elsewhere."""

from chengshu.data.cascade.services import cataloguing, receiving
from chengshu.data.catalog.facade import Resource
from chengshu.data.ingest.facade import Batch
from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import subscribe


def _resource(event: Event) -> Resource | None:
    rows = Resource.objects.select_related("published", "provider", "category")
    return rows.filter(pk=event.data.get("id")).first()


@subscribe("city.ingest.batch.loaded", name="cascade.settle", title="回流核对")
def batch_loaded(event: Event) -> None:
    """A batch is in the lake: if it was handed to us, make the receipt."""
    batch = Batch.objects.filter(pk=event.data["batch"]).first()
    if batch is not None:
        receiving.settle_loaded(batch=batch)


@subscribe("city.catalog.resource.published", name="cascade.follow", title="目录上报")
def entry_published(event: Event) -> None:
    """A version is published: it goes up where it has to."""
    resource = _resource(event)
    if resource is not None:
        cataloguing.follow(resource)


@subscribe("city.catalog.resource.retired", name="cascade.retire", title="目录撤销上报")
def entry_retired(event: Event) -> None:
    """An entry is retired: it is taken back."""
    resource = _resource(event)
    if resource is not None:
        cataloguing.withdraw(resource)
