"""The open zone: public copies in the lake, apart from the city's working tables."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from django.conf import settings

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.opening.row_scope import condition
from chengshu.kernel.errors import Conflict
from chengshu_lake import Lake

ZONE = "open"

Report = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ZoneCopy:
    """A version of a table in the open zone and the working version it was taken from."""

    table: str
    version: int
    lake_version: int
    rows: int
    columns: tuple[ColumnSpec, ...]


def lake() -> Lake:
    """The lake of this installation."""
    return Lake(settings.LAKE_ROOT)


def source_version(resource: PublishedResource) -> int:
    """The newest version of the resource's working table.

    Raises:
        Conflict: nothing was collected yet.
    """
    if not lake().exists(resource.lake_table):
        raise Conflict(
            f"“{resource.title}”还没有归集数据，不能开放。", kept="没有开放任何数据。",
            advice="请先归集数据，再发布。",
        )  # fmt: skip
    return lake().version(resource.lake_table)


def copy_to_zone(
    *,
    resource: PublishedResource,
    columns: Sequence[ColumnSpec],
    row_filter: Any,
    name: str,
    commit_key: str,
    report: Report | None = None,
) -> ZoneCopy:
    """Replace the open table ``name`` by the chosen columns and rows, in key order, in one commit.

    ``commit_key`` makes it repeatable: a rerun over the same working version finds its commit and writes nothing. A
    field whose type changed moves the data to a new table, so that the published version stays readable.

    Raises:
        Conflict: nothing collected, no chosen field in the data, or no row in scope.
        LakeError: the lake could not read or write; the published version stays.
    """
    version = source_version(resource)
    source = lake().schema(resource.lake_table, as_of=version)
    present = tuple(column for column in columns if column.name in source.names)
    if not present:
        raise Conflict(
            "选中的字段还没有归集到数据。",
            kept="没有开放任何数据。",
            advice="请先归集新版目录的数据。",
        )
    where, values = condition(row_filter, resource.columns)
    reader = lake().read(
        resource.lake_table, columns=[c.name for c in present], where=where or None,
        params=values, as_of=version, order_by=[k for k in resource.key if k in source.names],
    )  # fmt: skip
    schema = pa.schema([pa.field(c.name, source.field(c.name).type) for c in present])
    table = _target(f"{ZONE}/{name}", schema)
    written = lake().overwrite(
        table, _counted(reader, report), commit_key=f"{commit_key}:{version}",
        source=f"{resource.lake_table} v{version}",
    )  # fmt: skip
    rows = lake().count(table, as_of=written.version)
    if not rows:
        raise Conflict(
            "在选定的行范围内没有任何记录。",
            kept="没有开放任何数据。",
            advice="请放宽行范围，或先归集数据。",
        )
    return ZoneCopy(table, written.version, version, rows, present)


def _target(base: str, schema: pa.Schema) -> str:
    """The open table that can take the columns; created or widened as needed."""
    number, table = 1, base
    while lake().exists(table):
        stored = lake().schema(table)
        fits = all(
            stored.field(field.name).type == field.type
            for field in schema
            if field.name in stored.names
        )
        if fits:
            added = [field for field in schema if field.name not in stored.names]
            if added:
                lake().evolve(table, pa.schema([*stored, *added]))
            return table
        number += 1
        table = f"{base}_{number}"
    lake().create(table, schema, description="开放域")
    return table


def _counted(reader: pa.RecordBatchReader, report: Report | None) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in reader:
        yield batch
        rows += batch.num_rows
        if report is not None:
            report(rows)
