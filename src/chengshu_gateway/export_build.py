"""Making export files: what a grant sees of a snapshot, as Parquet or CSV in an age file.

Publishing side, like `snapshot_build`: filter and masks are the gateway's own, so the file holds
exactly the records that single calls would show, in the same form.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as arrow_compute
import pyarrow.csv as arrow_csv
import pyarrow.parquet as arrow_parquet

from chengshu_gateway import export_keys, masks, rowfilter
from chengshu_gateway.bundle import Grant, Interface
from chengshu_gateway.mask_columns import mask_array
from chengshu_gateway.snapshot import Snapshot

# The stubs' overloads of the compute kernels are too narrow to be of help.
pc: Any = arrow_compute
_BATCH = 20_000
_TYPES: dict[str, Any] = {"integer": pa.int64(), "real": pa.float64(), "boolean": pa.bool_()}

Row = tuple[Any, ...]


class ExportTooLargeError(ValueError):
    """More records or bytes than an export may have; nothing is left behind."""


@dataclass(frozen=True, slots=True)
class BuiltExport:
    """What was made: records, and size and SHA-256 of the encrypted file."""

    rows: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How large an export may become; `most_bytes` is of the file before it is encrypted."""

    most_rows: int
    most_bytes: int


def build_export(
    target: Path,
    snapshot: Snapshot,
    interface: Interface,
    grant: Grant,
    *,
    hash_key: bytes,
    secret: str,
    export: str,
    chosen: str,
    limits: Limits,
    progress: Callable[[int], None] | None = None,
) -> BuiltExport:
    """Write the records that a grant sees into `target`, encrypted for the key with this secret.

    Raises:
        ExportTooLargeError: The limits are passed. SnapshotError: The snapshot lacks a field.
    """
    # Here, not above: whoever only asks for the limits need not load it. It has no types.
    pyrage: Any = import_module("pyrage")

    plain = target.with_suffix(".plain")
    recipient = pyrage.x25519.Identity.from_str(export_keys.identity(secret, export)).to_public()
    try:
        rows = _write(plain, snapshot, interface, grant, hash_key, chosen, limits, progress)
        with plain.open("rb") as source, target.open("wb") as sink:
            pyrage.encrypt_io(source, sink, [recipient])
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        plain.unlink(missing_ok=True)
    with target.open("rb") as made:
        digest = hashlib.file_digest(made, "sha256").hexdigest()
    return BuiltExport(rows, target.stat().st_size, digest)


def _write(  # noqa: PLR0917 - one call, with what build_export got
    path: Path,
    snapshot: Snapshot,
    interface: Interface,
    grant: Grant,
    hash_key: bytes,
    chosen: str,
    limits: Limits,
    progress: Callable[[int], None] | None,
) -> int:
    shown = _Shown(interface, grant, hash_key)
    total = 0
    with ExitStack() as stack:
        path.touch(mode=0o600)
        sink = stack.enter_context(path.open("wb"))
        writer: Any = stack.enter_context(
            arrow_parquet.ParquetWriter(sink, shown.schema, compression="zstd")
            if chosen == "parquet"
            else arrow_csv.CSVWriter(sink, shown.schema)
        )
        for rows in shown.batches(snapshot):
            total += len(rows)
            if total > limits.most_rows:
                raise ExportTooLargeError(f"超过每份 {limits.most_rows:,} 条")
            writer.write_table(shown.table(rows))
            if sink.tell() > limits.most_bytes:
                raise ExportTooLargeError(f"超过每份 {limits.most_bytes >> 20:,} MB")
            if progress is not None:
                progress(total)
    return total


class _Shown:
    """How one grant sees the rows of its interface."""

    def __init__(self, interface: Interface, grant: Grant, hash_key: bytes) -> None:
        self._fields = list(grant.fields)
        self._masks = {name: masks.parse(grant.masks.get(name, "none")) for name in self._fields}
        self._kinds = {column.name: column.type for column in interface.columns}
        self._hash_key = hash_key
        subjects = [mask.subject for mask in self._masks.values() if mask.subject]
        filtered = rowfilter.fields_of(grant.row_filter) if grant.row_filter else []
        self._columns = list(dict.fromkeys([*self._fields, *subjects, *filtered]))
        places = {name: at for at, name in enumerate(self._columns)}
        self._visible = (
            rowfilter.compile_filter(grant.row_filter, places) if grant.row_filter else None
        )
        self._places = places
        titles = {column.name: column.title for column in interface.columns}
        self.schema = pa.schema(
            [
                pa.field(name, self._type(name), metadata={"title": titles[name]})
                for name in self._fields
            ]
        )

    def batches(self, snapshot: Snapshot) -> Iterator[Sequence[Row]]:
        """Yield the rows that the filter lets through, in the order of their keys."""
        ordered = f'{snapshot.selection(self._columns)} ORDER BY "{snapshot.key_column}"'
        cursor: sqlite3.Cursor = snapshot.fetch(ordered)
        visible = self._visible
        while part := cursor.fetchmany(_BATCH):
            yield part if visible is None else [row for row in part if visible(row) is True]

    def table(self, rows: Sequence[Row]) -> pa.Table:
        """Return rows as the grant shows them."""
        columns = list(zip(*rows, strict=True)) or [()] * len(self._columns)
        arrays = [self._shown(name, columns) for name in self._fields]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _shown(self, name: str, columns: Sequence[Sequence[Any]]) -> Any:
        mask = self._masks[name]
        subjects = self._array(mask.subject, columns) if mask.subject else None
        return mask_array(
            self._array(name, columns), mask, hash_key=self._hash_key, subjects=subjects
        )

    def _array(self, name: str, columns: Sequence[Sequence[Any]]) -> Any:
        values, kind = columns[self._places[name]], self._kinds[name]
        if kind == "boolean":
            values = [None if value is None else bool(value) for value in values]
        array = pa.array(values, _TYPES.get(kind, pa.string()))
        if kind == "real":
            # JSON has no infinity, and a file must not show more than a call.
            array = pc.if_else(pc.is_finite(array), array, pa.scalar(None, pa.float64()))
        return array

    def _type(self, name: str) -> Any:
        return (
            pa.string() if self._masks[name].hides else _TYPES.get(self._kinds[name], pa.string())
        )


__all__ = ["BuiltExport", "ExportTooLargeError", "Limits", "build_export"]
