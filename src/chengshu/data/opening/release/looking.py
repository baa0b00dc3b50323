"""The look at a release before it leaves, and the same look without publishing anything."""

from collections.abc import Callable, Sequence
from uuid import UUID

from chengshu.data.catalog.facade import PublishedResource, published_by_id
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.opening import gate
from chengshu.data.opening.disclosure import assessment, rules
from chengshu.data.opening.disclosure.differencing import COMPARED, Earlier
from chengshu.data.opening.disclosure.review import ReleaseRefused, Review
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.release.profile import refuse_personal
from chengshu.data.opening.zone import ZoneCopy, copy_to_zone, table_name
from chengshu.kernel.errors import ChengshuError, Conflict
from chengshu.kernel.jobs.registration import JobContext
from chengshu_lake import LakeError


def looked_at(
    dataset: OpenDataset,
    resource: PublishedResource,
    columns: Sequence[ColumnSpec],
    key: str,
    report: Callable[..., None],
) -> tuple[ZoneCopy, Review]:
    """Copy to the open zone and look whether anybody could be recognised; the record names what may not leave.

    Raises:
        ReleaseRefused: personal data stands in the fields themselves. ChengshuError: nothing to copy.
    """
    copy = copy_to_zone(
        resource=resource, columns=columns, row_filter=dataset.row_filter,
        name=table_name(dataset.slug), commit_key=key, masks=dataset.masks,
        report=lambda rows: report("复制到开放域", rows),
    )  # fmt: skip
    report("检查个人信息", 0, copy.rows)
    refuse_personal(copy)
    asked = rules.read(dataset.privacy)
    copy, left_out = assessment.suppressed(copy, asked, key)
    found = assessment.assess(copy, asked, earlier_releases(dataset))
    return copy, found | {"left_out": left_out}


def earlier_releases(dataset: OpenDataset) -> list[Earlier]:
    """The releases that the public may still have, the newest first; each table once."""
    kept = dataset.releases.order_by("-number")[:COMPARED]
    return [Earlier(r.number, r.open_table, r.open_version, r.columns) for r in kept]


def figures(found: Review) -> Review:
    """A record without the values of people."""
    return {name: value for name, value in found.items() if name not in {"cells", "proposals"}}


def look(*, dataset: OpenDataset, job_id: UUID, context: JobContext | None) -> Review:
    """Look at what would be released now and keep the record with the dataset; nothing is published.

    Raises:
        ChengshuError: there is nothing to look at; the dataset remembers why.
    """

    def report(stage: str, rows: int, total: int | None = None) -> None:
        if context is not None:
            context.progress(done=rows, total=total, stage=stage)

    held = OpenDataset.objects.filter(pk=dataset.pk)
    try:
        resource = published_by_id(dataset.resource_id)
        columns = gate.choose(resource, dataset.fields, dataset.masks, agreement=dataset.restricted)
        _, found = looked_at(dataset, resource, columns, f"look:{job_id}", report)
    except ReleaseRefused as error:
        found = error.review
    except (LakeError, ChengshuError) as error:
        told = error if isinstance(error, ChengshuError) else Conflict(str(error))
        held.update(error=told.detail, review={})
        raise told from error
    held.update(review=found, error="")
    return found
