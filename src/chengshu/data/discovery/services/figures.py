"""Figures of each loaded batch, and what is unusual beside the batches before (数据变动)."""

import hashlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from chengshu.data.catalog.facade import PublishedResource, Resource
from chengshu.data.contract.facade import identifier
from chengshu.data.discovery.choices import FindingKind
from chengshu.data.discovery.models import BatchFigures, DriftFinding
from chengshu.data.discovery.services.drift import report
from chengshu.data.ingest.facade import Batch
from chengshu_lake import Lake

EARLIER = 5
# What counts as unusual: fewer than half the rows, a fifth more gaps, codes nobody used before in one row of a hundred.
FEWER, MORE_GAPS, NEW_SHARE = 0.5, 0.2, 0.01
FEW_ROWS = 20
MOST_CODES = 60
_STAMP = "_batch"


def take(*, batch: Batch, resource: PublishedResource, lake: Lake, stamp: str) -> BatchFigures:
    """Count the batch's rows in the lake in one scan: gaps per column, and the values of short closed lists."""
    parts = ["count(*)"]
    columns = list(resource.columns)
    for column in columns:
        name = identifier(column.name)
        parts.append(f"count({name})")
        parts.append(
            f"CASE WHEN approx_count_distinct({name}) <= {MOST_CODES} THEN histogram({name}::VARCHAR) END"
            if column.codes or (str(column.type) == "text" and not column.format and not column.key)
            else "NULL"
        )
    query = f"SELECT {', '.join(parts)} FROM t WHERE {_STAMP} = ?"  # noqa: S608 - quoted identifiers only
    found = lake.sql(query, tables={"t": resource.lake_table}, params=[stamp]).read_all()
    # By position: columns that are not counted all carry the same name.
    values = [column[0].as_py() for column in found.columns]
    figures: dict[str, Any] = {}
    for index, column in enumerate(columns):
        filled, codes = values[1 + 2 * index], values[2 + 2 * index]
        figures[column.name] = {"filled": filled, "codes": dict(codes) if codes else {}}
    kept, _ = BatchFigures.objects.update_or_create(
        batch=batch,
        defaults={"resource_id": batch.resource_id, "rows": values[0], "columns": figures},
    )
    return kept


def unusual(
    now: BatchFigures, earlier: Sequence[BatchFigures], titles: Mapping[str, str]
) -> list[str]:
    """Sentences about what differs from the batches before; empty without at least two of them."""
    if len(earlier) < 2 or not now.rows:  # noqa: PLR2004
        return []
    found = []
    usual = statistics.median(f.rows for f in earlier)
    if usual >= FEW_ROWS and now.rows < usual * FEWER:
        found.append(f"这批只有 {now.rows:,} 行，前 {len(earlier)} 批通常 {usual:,.0f} 行")
    if now.rows < FEW_ROWS:
        return found
    for column, figure in now.columns.items():
        title = titles.get(column, column)
        gaps = 1 - figure["filled"] / now.rows
        before = [
            1 - f.columns[column]["filled"] / f.rows
            for f in earlier
            if f.rows and column in f.columns
        ]
        if before and gaps - max(before) > MORE_GAPS:
            found.append(f"“{title}”空着的由 {max(before):.0%} 升到 {gaps:.0%}")
        known = {code for f in earlier for code in f.columns.get(column, {}).get("codes", {})}
        fresh = {c: n for c, n in figure["codes"].items() if c not in known}
        if known and figure["codes"] and sum(fresh.values()) > now.rows * NEW_SHARE:
            words = "、".join(f"“{c}”" for c in list(fresh)[:5])
            found.append(f"“{title}”出现了以前没有的取值 {words}")
    return found


def examine(
    *, batch: Batch, resource: PublishedResource, lake: Lake, stamp: str
) -> DriftFinding | None:
    """Take the figures of a batch and report what is unusual; safe to repeat."""
    now = take(batch=batch, resource=resource, lake=lake, stamp=stamp)
    earlier = list(
        BatchFigures.objects.filter(resource=resource.id, taken_at__lt=now.taken_at).exclude(
            pk=now.pk
        )[:EARLIER]
    )
    sentences = unusual(now, earlier, {c.name: c.title for c in resource.columns})
    if not sentences:
        return None
    entry = Resource.objects.select_related("provider").get(pk=resource.id)
    return report(
        resource=entry, kind=FindingKind.VALUES,
        mark=hashlib.sha256(f"{batch.pk}".encode()).hexdigest(),
        changes=[{"kind": "values", "sentence": s, "column": "", "breaking": False} for s in sentences],
        summary="；".join(sentences[:3]), breaking=False,
    )  # fmt: skip
