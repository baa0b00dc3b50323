"""Background work of the collection package."""

import json
from collections.abc import Iterator
from typing import Any

from chengshu.data.catalog.facade import PublishedResource, published_by_id
from chengshu.data.ingest import loading
from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.groups import group
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.pipeline import EXPORT_ROWS, StageCancelledError, StageError
from chengshu.data.ingest.pipeline import replay as replay_rows
from chengshu.data.ingest.quarantined import OPEN, RowFilter, quarantine_file
from chengshu.data.ingest.reading import (
    ReadingError,
    ReadOptions,
    RowBatch,
    open_rows,
)
from chengshu.data.ingest.services import background
from chengshu.data.ingest.services.clearing import clear, clear_all
from chengshu.data.ingest.services.closing import close, settle, sweep
from chengshu.data.ingest.services.drafts import expire_drafts
from chengshu.data.ingest.services.exporting import write_export
from chengshu.data.ingest.services.extraction import batch_rows
from chengshu.data.ingest.services.pushing import pushed_rows, sweep_pushed
from chengshu.data.ingest.services.sealing import seal_plain
from chengshu.data.ingest.services.uploads import LIMITS, named
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.errors import ChengshuError, Conflict
from chengshu.kernel.jobs.registration import JobCancelled, JobContext, job
from chengshu_lake import LakeError

KEEP_HOURS = 168


@job("ingest.load", name="归集数据")
def load_batch(context: JobContext, *, batch: str) -> dict[str, Any]:
    """Load one confirmed batch; a repeat after a crash finishes what was begun, once."""
    item = Batch.objects.select_related(
        "resource", "file", "data_source", "parent", "created_by"
    ).get(pk=batch)
    if item.state == BatchState.LOADED:
        loading.tidy(item)
        if item.data_source is not None:
            clear(item.data_source)
        return _summary(item)
    Batch.objects.filter(pk=item.pk).update(state=BatchState.RUNNING)
    item.state = BatchState.RUNNING
    account = item.created_by
    actor = Actor(account=account, name=account.display_name) if account else platform()
    try:
        resource = published_by_id(item.resource_id)
        staged, written = loading.bring_in(
            batch=item, resource=resource, rows=source_rows(item, resource), context=context
        )
    except (StageCancelledError, JobCancelled) as error:
        close(item, BatchState.CANCELLED, str(error))
        raise JobCancelled(str(error)) from error
    except (ReadingError, StageError, LakeError, ChengshuError) as error:
        close(item, BatchState.FAILED, getattr(error, "detail", "") or str(error))
        raise Conflict(item.error) from error
    except Exception as error:
        _give_up(context, item, error)
        raise
    # From here on the rows are in the lake: a fault is mended by running again, never by undoing.
    try:
        loaded = loading.measure(resource=resource, staged=staged, written=written)
        loading.finish(batch=item, resource=resource, loaded=loaded, actor=actor)
    except Exception as error:
        _give_up(context, item, error)
        raise
    if item.data_source is not None:
        clear(item.data_source)
    return _summary(item)


def _give_up(context: JobContext, item: Batch, error: Exception) -> None:
    """After the last attempt the batch says how far it came; before it, the job is tried again."""
    if context.job.attempts >= context.job.max_attempts:
        close(item, BatchState.FAILED, f"程序出错（{type(error).__name__}）。")


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
        return batch_rows(item)
    if item.origin == Origin.PUSH:
        return pushed_rows(item)
    if item.origin == Origin.REPLAY and item.parent is not None:
        corrections = _corrections(item)
        if len(corrections) != options["rows"]:
            raise Conflict(
                "这批更正已经退回到隔离区，不能再回放。", advice="请在原批次的隔离区重新回放。"
            )
        return replay_rows(quarantine_file(item.parent), corrections, resource.contract)
    raise Conflict("这个批次没有可读的来源。")


def _corrections(item: Batch) -> dict[int, dict[str, str | None]]:
    """New values by row number; rows corrected alike share theirs, for there may be a million of them."""
    known: dict[str, dict[str, str | None]] = {}
    found = {}
    rows = item.replayed_rows.order_by().values_list("row_number", "values")
    for number, values in rows.iterator(chunk_size=10_000):
        found[number] = known.setdefault(json.dumps(values), values)
    return found


def _asker(context: JobContext) -> Actor:
    account = context.job.created_by
    return Actor(account=account, name=account.display_name) if account else platform()


@job("ingest.export", name="导出隔离数据")
def export_batch(context: JobContext, *, batch: str) -> dict[str, int]:
    """Write a large quarantine as Excel for whoever asked."""
    item = Batch.objects.select_related("resource").get(pk=batch)
    actor = _asker(context)
    context.progress(total=min(item.quarantined, EXPORT_ROWS), stage="写入表格", force=True)
    return {"rows": write_export(actor=actor, batch=item)}


@job(background.CORRECT, name="按值更正隔离数据")
def correct_values(
    context: JobContext, *, resource: int, rule: str, column: str, change: str
) -> dict[str, int]:
    """Correct one wrong value in very many rows; a repeat goes on with the rows that are left."""
    actor = _asker(context)
    item = group(actor, resource_id=resource, rule=rule, column=column)
    return background.run_correction(context, actor, item, change)


@job(background.GIVE_UP, name="放弃隔离数据")
def give_up_rows(
    context: JobContext, *, resource: int, rule: str, column: str, reason: str
) -> dict[str, int]:
    """Set a very large group aside; a repeat goes on with the rows that are left."""
    actor = _asker(context)
    item = group(actor, resource_id=resource, rule=rule, column=column)
    return background.run_giving_up(context, actor, item, reason)


@job(background.SEND_BACK, name="退回隔离数据")
def send_rows_back(
    context: JobContext, *, batch: str, rule: str, column: str, note: str
) -> dict[str, int]:
    """Return very many rows of a batch; a repeat goes on with the rows that are left."""
    item = Batch.objects.select_related("resource").get(pk=batch)
    chosen = RowFilter(rule=rule, column=column, status=OPEN)
    return background.run_return(context, _asker(context), item, chosen, note)


@job(background.ADOPT, name="采用表格更正")
def adopt_workbook(context: JobContext, *, batch: str, book: str) -> dict[str, int]:
    """Take over a corrected workbook of a large batch: all of it, once, or nothing."""
    item = Batch.objects.select_related("resource").get(pk=batch)
    return background.run_adoption(context, _asker(context), item, book)


@job("ingest.settle", name="核对批次状态")
def settle_batches(context: JobContext) -> dict[str, int]:
    """Close batches whose job ended without them: cancelled while waiting, or killed too often."""
    del context
    return {"rows": settle()}


@job("ingest.expire_drafts", name="清理没有确认的上传")
def expire_old_drafts(context: JobContext) -> dict[str, int]:
    """Warn of uploads nobody confirms, then drop them."""
    del context
    return expire_drafts()


@job("ingest.sweep", name="清理未采用的上传文件")
def sweep_files(context: JobContext) -> dict[str, int]:
    """Remove uploaded files no batch refers to and pushed deliveries nobody committed; seal rows kept from before."""
    del context
    return {
        "files": sweep(), "pushes": sweep_pushed(), "cleared": clear_all(), "sealed": seal_plain(),
        "books": background.sweep_workbooks(),
    }  # fmt: skip


@job("ingest.maintain_lake", name="整理湖表")
def maintain_lake(context: JobContext) -> dict[str, int]:
    """Fold small files together and remove what no version of the last week refers to.

    Old files stay a week, longer than any reader takes, so that older versions can still be read that long.
    """
    lake, removed = loading.lake(), 0
    tables = lake.tables()
    for done, table in enumerate(tables, 1):
        lake.compact(table)
        removed += len(lake.vacuum(table, keep_hours=KEEP_HOURS))
        context.progress(done=done, total=len(tables), stage=table)
    return {"tables": len(tables), "files_removed": removed}
