"""Looks through one table of the lake."""

import time
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from django.conf import settings

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.classification.proposal import Proposal, proposals
from chengshu.data.protection.facade import detect_column
from chengshu_lake import Lake

WHOLE = 50_000
SAMPLE = 20_000
_RULE_OF_THREE = 3.0


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What one table told. ``blind_share`` as in :class:`ResourceScan`."""

    version: int
    rows: int
    looked_at: int
    columns: int
    blind_share: float
    seconds: float
    found: list[tuple[str, Proposal]]


def lake() -> Lake:
    """The lake of this installation."""
    return Lake(settings.LAKE_ROOT)


def scan_table(resource: PublishedResource) -> ScanResult | None:
    """Scan the entry's table; None while nothing was collected.

    Tables of at most :data:`WHOLE` rows are read whole. From larger ones every k-th row is taken in stored order, so
    that each file and batch is represented in proportion; about :data:`SAMPLE` rows come out.
    """
    house = lake()
    if not house.exists(resource.lake_table):
        return None
    started = time.perf_counter()
    version = house.version(resource.lake_table)
    known = house.schema(resource.lake_table).names
    columns = [
        c for c in resource.columns
        if c.name in known and str(c.type) in {"text", "integer"} and c.codes is None
    ]  # fmt: skip
    rows = house.count(resource.lake_table)
    table = _rows(house, resource.lake_table, [c.name for c in columns], rows, version)
    found: list[tuple[str, Proposal]] = []
    for column in columns:
        seen = detect_column(table[column.name], name=column.name, title=column.title)
        found += [(column.name, made) for made in proposals(column, seen, rows=rows)]
    looked = table.num_rows if columns else rows
    return ScanResult(
        version=version, rows=rows, looked_at=looked, columns=len(columns),
        blind_share=0.0 if looked >= rows else _RULE_OF_THREE / looked,
        seconds=time.perf_counter() - started, found=found,
    )  # fmt: skip


def _rows(house: Lake, table: str, columns: list[str], rows: int, version: int) -> Any:
    if not columns:
        return pa.table({})
    reader = house.read(table, columns=columns, as_of=version)
    if rows <= WHOLE:
        return reader.read_all()
    step, offset, parts = -(-rows // SAMPLE), 0, []
    for batch in reader:
        first = -offset % step
        picked = pa.array(range(first, batch.num_rows, step), pa.int64())
        parts.append(batch.take(picked))
        offset += batch.num_rows
    return pa.Table.from_batches(parts, schema=reader.schema)
