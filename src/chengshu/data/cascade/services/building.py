"""The files of one delivery: the approved fields, masked, of one pinned version of the table, in parts with digests."""

import os
import shutil
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from django.conf import settings

from chengshu.data.cascade.adapters.api import digest_of
from chengshu.data.cascade.choices import FileFormat, Mode, OutgoingState
from chengshu.data.cascade.models import Outgoing, Part
from chengshu.data.cascade.notes import Note, NoteFile
from chengshu.data.cascade.services import planning
from chengshu.data.catalog.facade import PublishedResource, published_by_id
from chengshu.data.ingest.facade import lake
from chengshu.data.protection.facade import mask_key
from chengshu.kernel.crypto.keyring import keyring_from_text
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway.mask_columns import mask_array
from chengshu_gateway.masks import parse
from chengshu_gateway.rowfilter_sql import condition
from chengshu_lake import TableAt, VersionMissing

_BATCH_ROWS = 10_000


def build(outgoing: Outgoing) -> Note:
    """Write the files and the note of a delivery; what a killed run left is thrown away and written again.

    The plan is judged anew: a field that has become L4 since the approval stops the delivery.

    Raises:
        Conflict: the plan is not approved as it stands.
    """
    plan = outgoing.plan
    planning.require_approved(plan)
    resource = published_by_id(plan.resource_id)
    shutil.rmtree(outgoing.folder, ignore_errors=True)
    outgoing.folder.mkdir(parents=True)
    files = list(_write(outgoing, resource))
    note = Note(
        dataset=plan.dataset, number=outgoing.number, rows=sum(file.rows for file in files),
        files=tuple(files), title=resource.title, mode=outgoing.mode,
        period=f"{outgoing.created_at:%Y-%m-%d}",
    )  # fmt: skip
    with unit_of_work():
        outgoing.parts.all().delete()
        Part.objects.bulk_create(
            Part(
                outgoing=outgoing, number=position, name=file.name, rows=file.rows, size=file.size,
                sha256=file.sha256,
            )
            for position, file in enumerate(files, 1)
        )  # fmt: skip
        outgoing.note, outgoing.rows = note.document(), note.rows
        outgoing.state, outgoing.error = OutgoingState.SENDING, ""
        outgoing.save(update_fields=["note", "rows", "state", "error", "mode", "base_version"])
    return note


def _write(outgoing: Outgoing, resource: PublishedResource) -> Iterator[NoteFile]:
    """One file per ``part_rows`` rows; a delivery without rows has none."""
    plan, held, rows, number = outgoing.plan, [], 0, 0
    for batch in _masked(outgoing, resource):
        start = 0
        while start < batch.num_rows:
            piece = batch.slice(start, plan.part_rows - rows)
            held.append(piece)
            rows, start = rows + piece.num_rows, start + piece.num_rows
            if rows == plan.part_rows:
                number += 1
                yield _file(outgoing, number, held)
                held, rows = [], 0
    if held:
        yield _file(outgoing, number + 1, held)


def _file(outgoing: Outgoing, number: int, batches: list[pa.RecordBatch]) -> NoteFile:
    plan, table = outgoing.plan, pa.Table.from_batches(batches)
    path = outgoing.folder / f"{plan.dataset}-{outgoing.number:06d}-{number:04d}.{plan.file_format}"
    if plan.file_format == FileFormat.PARQUET:
        pq.write_table(table, path)
    else:
        pacsv.write_csv(table, path)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return NoteFile(path.name, table.num_rows, path.stat().st_size, digest_of(path))


def _masked(outgoing: Outgoing, resource: PublishedResource) -> Iterator[pa.RecordBatch]:
    """The rows as they leave: every value as text, so that both sides read the same."""
    plan = outgoing.plan
    key = mask_key(
        keyring_from_text(settings.SECRET_KEYS), f"cascade/{plan.platform_id}/{plan.dataset}"
    )
    masks = {name: parse(mask) for name, mask in plan.masks.items()}
    needed = [
        *plan.fields,
        *sorted({m.subject for m in masks.values() if m.subject} - {*plan.fields}),
    ]
    for batch in _rows(outgoing, resource, needed):
        arrays = []
        for name in plan.fields:
            values = batch.column(name)
            if name in masks:
                subject = masks[name].subject
                values = mask_array(
                    values, masks[name], hash_key=key,
                    subjects=batch.column(subject) if subject else None,
                )  # fmt: skip
            arrays.append(_text(values))
        yield pa.RecordBatch.from_arrays(arrays, names=list(plan.fields))


def _rows(
    outgoing: Outgoing, resource: PublishedResource, names: list[str]
) -> Iterator[pa.RecordBatch]:
    """The rows of the pinned version in the order of the key, or those that are not the same in the base version."""
    plan = outgoing.plan
    columns = ", ".join(f'"{name}"' for name in names)
    where, values = condition(plan.row_filter) if plan.row_filter else ("TRUE", [])
    order = ", ".join(f'"{name}"' for name in resource.key) or columns
    tables: dict[str, str | TableAt] = {"now": TableAt(resource.lake_table, outgoing.lake_version)}
    query = f"SELECT {columns} FROM now WHERE {where}"  # noqa: S608 - catalogued names, bound values
    if outgoing.mode == Mode.CHANGES and outgoing.base_version is not None:
        tables["before"] = TableAt(resource.lake_table, outgoing.base_version)
        query = f"({query}) EXCEPT (SELECT {columns} FROM before WHERE {where})"  # noqa: S608 - as above
        values = [*values, *values]
    query = f"SELECT * FROM ({query}) AS found ORDER BY {order}"  # noqa: S608 - as above
    try:
        found = lake().sql(query, tables=tables, params=values)
    except VersionMissing:
        if outgoing.base_version is None:
            raise
        # The version the other side has is cleaned away here: only the whole is sure to be right.
        outgoing.mode, outgoing.base_version = Mode.FULL, None
        yield from _rows(outgoing, resource, names)
        return
    yield from found


def _text(values: Any) -> Any:
    if pa.types.is_string(values.type):
        return values
    return pa.array(
        [None if v is None else v.isoformat() if isinstance(v, date | datetime) else _plain(v)
         for v in values.to_pylist()],
        pa.string(),
    )  # fmt: skip


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def path_of(outgoing: Outgoing, name: str) -> Path:
    """Where a file of a delivery lies."""
    return outgoing.folder / Path(name).name
