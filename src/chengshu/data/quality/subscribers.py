"""What quality does when something happens elsewhere."""

from chengshu.data.ingest.facade import Batch, Origin
from chengshu.data.quality.models import Evaluation
from chengshu.data.quality.services.requests import request_evaluation
from chengshu.kernel.access.actor import platform
from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import subscribe


@subscribe("city.ingest.batch.loaded", name="quality.evaluate", title="质量评价")
def batch_loaded(event: Event) -> None:
    """New data in the lake: evaluate the resource, at once where a person who loaded them looks at the page.

    An evaluation that was made meanwhile and knows the batch is not made again: a first delivery of the whole city
    would else keep everybody waiting.
    """
    batch = Batch.objects.get(pk=event.data["batch"])
    known = Evaluation.objects.filter(
        resource=batch.resource_id, latest=True, batch=batch.pk, at__gte=batch.finished_at
    )
    if known.exists():
        return
    request_evaluation(
        actor=platform("质量评价"), resource_id=batch.resource_id, key=f"quality:{event.id}",
        awaited=batch.created_by_id is not None and batch.origin != Origin.DEMO,
    )  # fmt: skip


@subscribe("city.catalog.resource.published", name="quality.follow_catalogue", title="质量评价")
def entry_published(event: Event) -> None:
    """A new version of an entry makes new promises: ask the stored table again."""
    found = Evaluation.objects.filter(resource__code=event.subject, latest=True).first()
    if found is not None:
        request_evaluation(
            actor=platform("质量评价"), resource_id=found.resource_id, full=True,
            key=f"quality:{event.id}",
        )  # fmt: skip
