"""Loads one batch: stage, merge into the lake once, and write the balance, all or nothing.

Safe against ``kill -9`` at any point: staging starts over (or is found complete), the lake's commit key makes the
merge happen once, and the figures are written in one transaction together with audit and event.
"""

import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings
from django.utils import timezone

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.contract.facade import (
    ColumnType,
    CompiledContract,
    compile_contract,
    identifier,
    rule_name,
)
from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import Batch, BatchProblem, Collected, RegionCount
from chengshu.data.ingest.pipeline import (
    STAMPS,
    StageProgress,
    StageResult,
    WriteMode,
    stage,
    stamp_of,
    stamped,
)
from chengshu.data.ingest.pipeline.quarantine import PLACE as QUARANTINE_PLACE
from chengshu.data.ingest.pipeline.result import ACCEPTED_FILE, CONFLICTS_FILE
from chengshu.data.ingest.reading import RowBatch
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.facade import SealedWriter, create_sealed_file
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Region
from chengshu.kernel.jobs.registration import JobContext
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_lake import Lake, LakeError, TableExists, TableStats, WriteResult

REGION_FORMAT = "region12"
# Compaction pays when merges have left this many files.
COMPACT_ABOVE_FILES = 24
STAGE = "stage"
MERGE_MARK = "merging"

log = logging.getLogger("chengshu.ingest")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a batch did: the stage's balance and the lake's write."""

    staged: StageResult
    written: WriteResult
    stats: TableStats
    regions: dict[str, int]


@cache
def lake() -> Lake:
    """The lake of this installation (one handle per process)."""
    return Lake(settings.LAKE_ROOT)


def load(
    *,
    batch: Batch,
    resource: PublishedResource,
    rows: Iterable[RowBatch],
    context: JobContext | None,
) -> Loaded:
    """Stage ``rows`` and merge what is accepted into the resource's table.

    Raises:
        StageError, ReadingError, LakeError: nothing was loaded; the message says why.
        JobCancelled: the person asked to stop before the merge.
    """
    staged, written = bring_in(batch=batch, resource=resource, rows=rows, context=context)
    return measure(resource=resource, staged=staged, written=written)


def bring_in(
    *,
    batch: Batch,
    resource: PublishedResource,
    rows: Iterable[RowBatch],
    context: JobContext | None,
) -> tuple[StageResult, WriteResult]:
    """The part of a load that may be refused or cancelled; arguments and errors as for :func:`load`."""
    contract = compile_contract(resource.contract)
    staged = StageResult.load(batch.folder / STAGE, contract.schema)
    if staged is None:
        staged = stage(
            rows, contract, batch.folder / STAGE,
            on_progress=_reporter(context), cancelled=_canceller(context), create=sealed,
        )  # fmt: skip
    if context is not None and not merge_begun(batch):
        context.progress(done=staged.source, total=staged.source, stage="合并入库")
    # A rerun that finds this mark completes the merge: the killed run may have committed it already.
    (batch.folder / MERGE_MARK).touch()
    try:
        written = merge(batch=batch, resource=resource, contract=contract, staged=staged)
    except LakeError:
        (batch.folder / MERGE_MARK).unlink()
        raise
    return staged, written


def sealed(path: Path) -> SealedWriter:
    """Rejected rows wait for weeks and hold whole people: at rest they are sealed."""
    return create_sealed_file(path, place=QUARANTINE_PLACE)


def merge_begun(batch: Batch) -> bool:
    """Whether the lake may hold this batch's rows already."""
    return (batch.folder / MERGE_MARK).is_file()


def measure(*, resource: PublishedResource, staged: StageResult, written: WriteResult) -> Loaded:
    """What the table holds after the merge; compacts it when merges have left many files."""
    table = resource.lake_table
    stats = lake().stats(table)
    if stats.files > COMPACT_ABOVE_FILES:
        try:
            lake().compact(table)
        except LakeError:
            # The rows are in; tidying up can wait for the next load.
            log.exception("compaction of %s failed", table)
        stats = lake().stats(table)
    # Where the table holds this batch and nothing else (a first delivery), its rows are at hand already.
    alone = written.version == stats.version and written.inserted == stats.rows == staged.accepted
    regions = delivered_regions(resource, staged) if alone else count_regions(resource)
    return Loaded(staged, written, stats, regions)


def merge(
    *, batch: Batch, resource: PublishedResource, contract: CompiledContract, staged: StageResult
) -> WriteResult:
    """Write the accepted rows exactly once, each stamped with the batch and its source row.

    Raises:
        TooManyDeleted: the mode of the batch removes rows, and more would go than its limit allows.
    """
    table, plain = resource.lake_table, contract.contract.schema
    schema = pa.schema([*plain, *STAMPS])
    if not lake().exists(table):
        with suppress(TableExists):  # another first load of the resource was quicker
            lake().create(table, schema, key=resource.key, description=resource.title)
    else:
        known = lake().schema(table)
        # What the catalogue gave up stays in the table, empty from now on; what it added starts empty.
        added = [field.with_nullable(True) for field in schema if field.name not in known.names]
        if added:
            lake().evolve(table, pa.schema([*known, *added]))
    given: dict[str, Any] = {
        "commit_key": f"batch:{batch.pk}",
        "source": f"{batch.get_origin_display()} {batch.pk}",
    }
    rows = stamped(staged, plain.names, stamp_of(batch.pk))
    match write_mode(batch, resource):
        case WriteMode.OVERWRITE:
            return lake().overwrite(table, rows, max_lost=batch.options.get("max_lost"), **given)
        case WriteMode.SYNC:
            return lake().sync(table, rows, max_lost=batch.options.get("max_lost"), **given)
        case WriteMode.APPEND if "overlap" in batch.options and not resource.key:
            where, params = _held_before(resource, batch.options["overlap"])
            return lake().top_up(table, rows, where=where, params=params, **given)
        case WriteMode.APPEND:
            return lake().append(table, rows, skip_known=bool(resource.key), **given)
        case WriteMode.MERGE:
            return lake().merge(table, rows, **given)


def _held_before(resource: PublishedResource, overlap: Mapping[str, str]) -> tuple[str, list[Any]]:
    """The condition on the lake's rows that a reading may repeat; all of them when it names no border."""
    if not overlap:
        return "true", []
    column, since = resource.column(overlap["item"]), overlap["since"]
    dated = column.type in (ColumnType.DATE, ColumnType.DATETIME)
    value = date.fromisoformat(since) if dated else Decimal(since)
    name = identifier(column.name)
    return f"{name} >= ? OR {name} IS NULL", [value]


def write_mode(batch: Batch, resource: PublishedResource) -> WriteMode:
    """How the rows of a batch go into the lake; unless it says, by key, or appended where there is none."""
    asked = batch.options.get("write")
    if asked:
        return WriteMode(asked)
    return WriteMode.MERGE if resource.key else WriteMode.APPEND


def region_column(resource: PublishedResource) -> str | None:
    """The first column that holds a 12-digit region code; None when there is none."""
    return next((c.name for c in resource.columns if c.format == REGION_FORMAT), None)


def count_regions(resource: PublishedResource) -> dict[str, int]:
    """Records of the table by 12-digit region code; empty when no column holds one."""
    column = region_column(resource)
    if column is None:
        return {}
    query = (
        f'SELECT "{column}" AS code, count(*) AS n FROM t WHERE "{column}" IS NOT NULL GROUP BY 1'  # noqa: S608 - a catalogued column name
    )
    found = lake().sql(query, tables={"t": resource.lake_table}).read_all().to_pylist()
    return {row["code"]: row["n"] for row in found}


def delivered_regions(resource: PublishedResource, staged: StageResult) -> dict[str, int]:
    """The same of the accepted rows of a batch, without opening the table."""
    column = region_column(resource)
    counts: Counter[str] = Counter()
    for batch in staged.reader([column]) if column is not None else ():
        # Whole columns at once: a delivery may hold every village of China once.
        counted: Any = pc.value_counts(batch.column(0).drop_null())
        codes, times = counted.flatten()
        counts.update(dict(zip(codes.to_pylist(), times.to_pylist(), strict=True)))
    return dict(counts)


def finish(
    *,
    batch: Batch,
    resource: PublishedResource,
    loaded: Loaded,
    actor: Actor,
    also: Callable[[], None] | None = None,
) -> None:
    """Write figures, problems, totals, audit and event in one transaction, and what ``also`` writes."""
    staged, written = loaded.staged, loaded.written
    with unit_of_work():
        now = timezone.now()
        batch.state, batch.error, batch.finished_at = BatchState.LOADED, "", now
        batch.source_rows, batch.accepted = staged.source, staged.accepted
        batch.quarantined, batch.duplicates = staged.quarantined, staged.duplicates
        batch.inserted, batch.updated = written.inserted, written.updated
        batch.unchanged, batch.lake_version = written.unchanged, written.version
        batch.catalogue_version = resource.version
        started = (batch.job and batch.job.started_at) or batch.created_at
        batch.seconds = max(0.0, (now - started).total_seconds())
        batch.save()
        _write_problems(batch, resource, staged.violations)
        _write_totals(resource, loaded)
        balance = {
            "source": staged.source, "accepted": staged.accepted,
            "quarantined": staged.quarantined, "duplicates": staged.duplicates,
        }  # fmt: skip
        record(actor=actor, action="ingest.batch_loaded", obj=batch, after=balance)
        emit(
            type="city.ingest.batch.loaded", source="ingest", subject=resource.code,
            data={"batch": str(batch.pk), "resource_id": resource.id, **balance},
            idempotency_key=f"batch-loaded:{batch.pk}",
        )  # fmt: skip
        if also is not None:
            also()
    tidy(batch)


def tidy(batch: Batch) -> None:
    """Remove what a loaded batch needs no more; quarantine and duplicates stay for people to work on."""
    for name in (ACCEPTED_FILE, CONFLICTS_FILE):
        (batch.folder / STAGE / name).unlink(missing_ok=True)
    (batch.folder / MERGE_MARK).unlink(missing_ok=True)


def _write_totals(resource: PublishedResource, loaded: Loaded) -> None:
    """Totals of the table, unless a load that ended meanwhile has written newer ones."""
    Collected.objects.get_or_create(resource_id=resource.id)
    held = Collected.objects.select_for_update().get(resource_id=resource.id)
    if held.lake_version > loaded.stats.version:
        return
    held.rows, held.bytes = loaded.stats.rows, loaded.stats.bytes
    held.lake_version, held.updated_at = loaded.stats.version, timezone.now()
    held.save()
    write_regions(resource.id, loaded.regions)


def _write_problems(
    batch: Batch, resource: PublishedResource, violations: Mapping[tuple[str, str], int]
) -> None:
    titles = {column.name: column.title for column in resource.columns}
    batch.problems.all().delete()
    BatchProblem.objects.bulk_create(
        BatchProblem(
            batch=batch, rule=rule, rule_name=rule_name(rule), column=column,
            column_title=titles.get(column, ""), rows=count,
        )
        for (column, rule), count in violations.items()
    )  # fmt: skip


def write_regions(resource_id: int, counts: dict[str, int]) -> None:
    """Replace the per-community counts of a resource."""
    # The city's own regions are few; the codes of a delivery may be all of China's.
    known = set(Region.objects.values_list("code", flat=True))
    RegionCount.objects.filter(resource_id=resource_id).delete()
    RegionCount.objects.bulk_create(
        RegionCount(resource_id=resource_id, region_id=code, rows=rows)
        for code, rows in counts.items()
        if code in known
    )


def discard(batch: Batch) -> None:
    """Remove what a failed or cancelled batch left on disk."""
    shutil.rmtree(batch.folder, ignore_errors=True)


def _reporter(context: JobContext | None) -> Any:
    if context is None:
        return None

    def report(progress: StageProgress) -> None:
        total = int(progress.source / progress.fraction) if progress.fraction else None
        context.progress(
            done=progress.source, total=total, stage="读取与校验",
            counts={"accepted": progress.accepted, "quarantined": progress.quarantined},
        )  # fmt: skip

    return report


def _canceller(context: JobContext | None) -> Any:
    return None if context is None else context.cancel_requested
