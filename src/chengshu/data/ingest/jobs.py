"""Background work of the collection package."""

from collections.abc import Iterator
from typing import Any

from chengshu.data.catalog.facade import PublishedResource, published_by_id
from chengshu.data.ingest import loading
from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.pipeline import StageCancelledError, StageError
from chengshu.data.ingest.pipeline import replay as replay_rows
from chengshu.data.ingest.reading import (
    ReadingError,
    ReadOptions,
    RowBatch,
    open_postgres,
    open_rows,
)
from chengshu.data.ingest.services.quarantine import quarantine_file, release
from chengshu.data.ingest.services.tables import uri
from chengshu.data.ingest.services.uploads import LIMITS, named
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import ChengshuError, Conflict
from chengshu.kernel.jobs.registration import JobCancelled, JobContext, job
from chengshu_lake import LakeError


@job("ingest.load", name="归集数据")
def load_batch(context: JobContext, *, batch: str) -> dict[str, Any]:
    """Load one confirmed batch; a repeat after a crash finishes what was begun, once."""
    item = Batch.objects.select_related("resource", "file", "data_source", "parent").get(pk=batch)
    if item.state == BatchState.LOADED:
        return _summary(item)
    Batch.objects.filter(pk=item.pk).update(state=BatchState.RUNNING)
    item.state = BatchState.RUNNING
    account = item.created_by
    actor = (
        Actor(account=account, name=account.display_name)
        if account
        else Actor(system=True, name="平台")
    )
    try:
        resource = published_by_id(item.resource_id)
        loaded = loading.load(
            batch=item, resource=resource, rows=source_rows(item, resource), context=context
        )
        loading.finish(batch=item, resource=resource, loaded=loaded, actor=actor)
    except (StageCancelledError, JobCancelled) as error:
        _close(item, BatchState.CANCELLED, str(error))
        raise JobCancelled(str(error)) from error
    except (ReadingError, StageError, LakeError, ChengshuError) as error:
        _close(item, BatchState.FAILED, getattr(error, "detail", "") or str(error))
        raise Conflict(item.error) from error
    except Exception as error:
        if context.job.attempts >= context.job.max_attempts:
            _close(item, BatchState.FAILED, f"程序出错（{type(error).__name__}），没有入库。")
        raise
    return _summary(item)


def _close(item: Batch, state: BatchState, reason: str) -> None:
    item.state, item.error = state, reason
    item.save(update_fields=["state", "error"])
    if item.origin == Origin.REPLAY:
        release(item)
    loading.discard(item)


def _summary(item: Batch) -> dict[str, Any]:
    return {
        "source": item.source_rows, "accepted": item.accepted,
        "quarantined": item.quarantined, "duplicates": item.duplicates,
    }  # fmt: skip


def source_rows(item: Batch, resource: PublishedResource) -> Iterator[RowBatch]:
    """The rows of a batch, wherever they come from."""
    options = item.options
    if item.origin == Origin.FILE and item.file is not None:
        required = frozenset(c.name for c in resource.columns if c.required)
        reading = ReadOptions(
            mapping=options["mapping"], header_row=options["header_row"],
            encoding=options["encoding"] or None, delimiter=options["delimiter"] or None,
            sheet=options["sheet"] or None, required=required,
        )  # fmt: skip
        return open_rows(named(item.file), reading, LIMITS)
    if item.origin == Origin.TABLE and item.data_source is not None:
        return open_postgres(
            uri(item.data_source), options["schema"], options["table"], options["mapping"]
        )
    if item.origin == Origin.REPLAY and item.parent is not None:
        corrections = {int(row): values for row, values in options["corrections"].items()}
        return replay_rows(quarantine_file(item.parent), corrections, resource.contract)
    raise Conflict("这个批次没有可读的来源。")
