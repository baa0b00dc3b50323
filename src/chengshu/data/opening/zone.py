"""The open zone: public copies in the lake, apart from the city's working tables."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from django.conf import settings

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.opening.masking import Masker, dataset_key, released
from chengshu.data.opening.row_scope import condition
from chengshu.kernel.errors import Conflict
from chengshu_lake import Lake

ZONE = "open"

Report = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ZoneCopy:
    """A version of a table in the open zone and the working version it was taken from.

    ``columns`` are as the public gets them; ``masks`` are the declarations of those that were masked.
    """

    table: str
    version: int
    lake_version: int
    rows: int
    columns: tuple[ColumnSpec, ...]
    masks: Mapping[str, str] = field(default_factory=dict)


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
    masks: Mapping[str, str] | None = None,
    report: Report | None = None,
) -> ZoneCopy:
    """Replace the open table ``name`` by the chosen columns and rows, masked, in key order, in one commit.

    ``commit_key`` makes it repeatable: a rerun over the same working version and choice finds its commit and writes
    nothing. A field whose type changed moves the data to a new table, so that the published version stays readable.

    Raises:
        Conflict: nothing collected, no chosen field in the data, or no row in scope.
        InvalidInput: a mask left values recognisable.
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
    masker = Masker(present, masks or {}, dataset_key(name) if masks else b"")
    key = f"{commit_key}:{version}:{_choice(present, masker.masks, row_filter)}"
    table = _target(f"{ZONE}/{name}", masker.schema(source))
    where, values = condition(row_filter, resource.columns)
    keys = [k for k in resource.key if k in source.names]
    # A masked key must not show through the order of the rows either.
    scrambled = any(k in masker.masks or k not in {c.name for c in present} for k in keys)
    reader = lake().read(
        resource.lake_table, columns=[*(c.name for c in present), *masker.subjects],
        where=where or None, params=values, as_of=version, order_by=() if masker.masks and scrambled else keys,
    )  # fmt: skip
    written = lake().overwrite(
        table, _counted(masker.masked(iter(reader)), report), commit_key=key,
        source=f"{resource.lake_table} v{version}",
    )  # fmt: skip
    if masker.masks and scrambled:
        names = [column.name for column in present]
        sorted_again = lake().read(table, columns=names, as_of=written.version, order_by=names)
        written = lake().overwrite(
            table, iter(sorted_again), commit_key=f"{key}:sorted", source=f"{table} v{written.version}"
        )  # fmt: skip
    rows = lake().count(table, as_of=written.version)
    if not rows:
        raise Conflict(
            "在选定的行范围内没有任何记录。",
            kept="没有开放任何数据。",
            advice="请放宽行范围，或先归集数据。",
        )
    shown = tuple(released(column, masker.masks) for column in present)
    return ZoneCopy(table, written.version, version, rows, shown, masker.masks)


SAMPLE_ROWS = 3


def masked_sample(
    resource: PublishedResource, fields: Sequence[str], masks: Mapping[str, str], slug: str
) -> dict[str, list[str]]:
    """A few values of each masked field as the public would see them; nothing where no data was collected."""
    if not masks or not lake().exists(resource.lake_table):
        return {}
    names = set(lake().schema(resource.lake_table).names)
    chosen = [c for c in resource.columns if c.name in masks and c.name in names & set(fields)]
    masker = Masker(chosen, masks, dataset_key(table_name(slug)))
    if not chosen or not names.issuperset(masker.subjects):
        return {}
    reader = lake().read(
        resource.lake_table,
        columns=[*(c.name for c in chosen), *masker.subjects],
        limit=SAMPLE_ROWS,
    )
    rows = pa.Table.from_batches(
        [masker.masked_batch(batch) for batch in reader], masker.schema(pa.schema(reader.schema))
    )
    return {c.name: [str(v) for v in rows[c.name].to_pylist() if v is not None] for c in chosen}


def table_name(slug: str) -> str:
    """The open table's name: hyphens are not allowed there, underscores not in a slug."""
    return slug.replace("-", "_")


def _choice(columns: Sequence[ColumnSpec], masks: Mapping[str, str], row_filter: Any) -> str:
    """A short digest of what is taken and how: a retry after an edit must not find the commit of before."""
    text = json.dumps([[c.name for c in columns], dict(masks), row_filter], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


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


def _counted(reader: Iterable[pa.RecordBatch], report: Report | None) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in reader:
        yield batch
        rows += batch.num_rows
        if report is not None:
            report(rows)
