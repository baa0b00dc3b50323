"""Loads one batch: stage, merge into the lake once, and write the balance, all or nothing.

Safe against ``kill -9`` at any point: staging starts over (or is found complete), the lake's commit key makes the
merge happen once, and the figures are written in one transaction together with audit and event.
"""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.utils import timezone

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import Batch, BatchProblem, Collected, RegionCount
from chengshu.data.ingest.pipeline import StageProgress, StageResult, stage
from chengshu.data.ingest.reading import RowBatch
from chengshu.data.quality.facade import CompiledContract, compile_contract, rule_name
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.services import record
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Region
from chengshu.kernel.jobs.registration import JobContext
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_lake import Lake, TableStats, WriteResult

REGION_FORMAT = "region12"
# Compaction pays when merges have left this many files.
COMPACT_ABOVE_FILES = 24


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
    contract = compile_contract(resource.contract)
    staged = StageResult.load(batch.folder / "stage", contract.schema)
    if staged is None:
        staged = stage(
            rows, contract, batch.folder / "stage",
            on_progress=_reporter(context), cancelled=_canceller(context),
        )  # fmt: skip
    if context is not None:
        context.progress(done=staged.source, total=staged.source, stage="合并入库")
    written = merge(batch=batch, resource=resource, contract=contract, staged=staged)
    table = resource.lake_table
    stats = lake().stats(table)
    if stats.files > COMPACT_ABOVE_FILES:
        lake().compact(table)
        stats = lake().stats(table)
    return Loaded(staged, written, stats, count_regions(resource))


def merge(
    *, batch: Batch, resource: PublishedResource, contract: CompiledContract, staged: StageResult
) -> WriteResult:
    """Write the accepted rows exactly once; a table without a key is appended to."""
    table, schema = resource.lake_table, contract.contract.schema
    if not lake().exists(table):
        lake().create(table, schema, key=resource.key, description=resource.title)
    elif lake().schema(table).names != schema.names:
        lake().evolve(table, schema)
    write = lake().merge if resource.key else lake().append
    return write(
        table,
        staged.reader(schema.names),
        commit_key=f"batch:{batch.pk}",
        source=f"{batch.get_origin_display()} {batch.pk}",
    )


def count_regions(resource: PublishedResource) -> dict[str, int]:
    """Records by 12-digit region code, from the first column that holds one; empty when there is none."""
    column = next((c.name for c in resource.columns if c.format == REGION_FORMAT), None)
    if column is None:
        return {}
    query = (
        f'SELECT "{column}" AS code, count(*) AS n FROM t WHERE "{column}" IS NOT NULL GROUP BY 1'  # noqa: S608 - a catalogued column name
    )
    found = lake().sql(query, tables={"t": resource.lake_table}).read_all().to_pylist()
    return {row["code"]: row["n"] for row in found}


def finish(*, batch: Batch, resource: PublishedResource, loaded: Loaded, actor: Actor) -> None:
    """Write figures, problems, totals, audit and event in one transaction."""
    staged, written = loaded.staged, loaded.written
    with unit_of_work():
        now = timezone.now()
        batch.state, batch.error, batch.finished_at = BatchState.LOADED, "", now
        batch.source_rows, batch.accepted = staged.source, staged.accepted
        batch.quarantined, batch.duplicates = staged.quarantined, staged.duplicates
        batch.inserted, batch.updated = written.inserted, written.updated
        batch.unchanged, batch.lake_version = written.unchanged, written.version
        batch.catalogue_version = resource.version
        batch.seconds = max(0.0, (now - batch.created_at).total_seconds())
        batch.save()
        _write_problems(batch, resource, staged.violations)
        Collected.objects.update_or_create(
            resource_id=resource.id,
            defaults={
                "rows": loaded.stats.rows, "bytes": loaded.stats.bytes,
                "lake_version": loaded.stats.version, "updated_at": now,
            },
        )  # fmt: skip
        write_regions(resource.id, loaded.regions)
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
    # The accepted rows are in the lake now; quarantine and duplicates stay for people to work on.
    staged.accepted_path.unlink(missing_ok=True)


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
    known = set(Region.objects.filter(code__in=list(counts)).values_list("code", flat=True))
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
