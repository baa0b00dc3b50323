"""What the scan does when something happens elsewhere."""

from chengshu.data.classification.services import mark_stale
from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import subscribe


@subscribe("city.ingest.batch.loaded", name="classification.data_changed")
def batch_loaded(event: Event) -> None:
    """New data: look again."""
    mark_stale(event.subject)


@subscribe("city.catalog.resource.published", name="classification.catalogue_changed")
def entry_published(event: Event) -> None:
    """The catalogue says something else now: compare again."""
    mark_stale(event.subject)
