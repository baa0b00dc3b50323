"""Writing the Parquet files of a table: layout, Bloom filters, and the statistics for the log.

Layout: row groups of about 60,000 rows in key order, Bloom filters on the key columns, about
600,000 rows a file. With it a key lookup opens the files whose key range fits and decodes one row
group of each; a merge rewrites a tenth of a five-million-row table per touched file.
"""

import json
import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from chengshu_lake.storage import Storage

ROW_GROUP = 61_440  # a multiple of DuckDB's vector size, so that batches pass uncut
FILE_ROWS = 10 * ROW_GROUP
_DICTIONARY_BYTES = 64 << 10  # larger dictionaries only slow the writer down
_TEXT_BOUND = 32  # characters of a text kept as bound in the log, the custom of Delta writers
_ABOVE_ALL = "\U0010ffff"


class NewFiles:
    """Files of a write that is not committed yet; thread-safe."""

    def __init__(self, storage: Storage, table: str, schema: pa.Schema, key: Sequence[str]) -> None:
        self._storage = storage
        self.table = table
        self._schema = schema
        self._key = tuple(key)
        self._guard = threading.Lock()
        self._paths: list[str] = []
        self.actions: list[AddAction] = []
        self.rows = 0

    def write(self, batches: Iterable[pa.RecordBatch], file_rows: int = FILE_ROWS) -> None:
        """Write the batches, in their order, to as many files as ``file_rows`` asks for."""
        writer: _FileWriter | None = None
        try:
            for batch in batches:
                start = 0
                while start < batch.num_rows:
                    if writer is None:
                        writer = self._open(file_rows)
                    piece = batch.slice(start, file_rows - writer.rows)
                    writer.add(piece)
                    start += piece.num_rows
                    if writer.rows >= file_rows:
                        self._finish(writer)
                        writer = None
            if writer is not None:
                self._finish(writer)
                writer = None
        finally:
            if writer is not None:
                writer.abandon()

    def discard(self) -> None:
        """Delete what was written; called when the commit will not happen."""
        self._storage.delete(self.table, self._paths)
        self._paths.clear()
        self.actions.clear()
        self.rows = 0

    def _open(self, file_rows: int) -> "_FileWriter":
        path = f"part-{uuid.uuid4().hex}.zstd.parquet"
        with self._guard:
            self._paths.append(path)
        sink = self._storage.open_output(self.table, path)
        return _FileWriter(path, sink, self._schema, self._key, file_rows)

    def _finish(self, writer: "_FileWriter") -> None:
        action = writer.close()
        with self._guard:
            self.actions.append(action)
            self.rows += writer.rows


class _FileWriter:
    """One Parquet file; gathers batches into full row groups."""

    def __init__(
        self, path: str, sink: Any, schema: pa.Schema, key: Sequence[str], file_rows: int
    ) -> None:
        self._path = path
        self._sink = sink
        self._schema = schema
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self.rows = 0
        self._file = pa.PythonFile(sink, "w")
        bloom = {"ndv": min(ROW_GROUP, file_rows), "fpp": 0.01}
        blooming = {name: bloom for name in key if not pa.types.is_boolean(schema.field(name).type)}
        try:
            self._writer = pq.ParquetWriter(
                self._file,
                schema,
                compression="zstd",
                compression_level=1,
                dictionary_pagesize_limit=_DICTIONARY_BYTES,
                bloom_filter_options=blooming or None,
            )
        except BaseException:  # it writes its first bytes here; the disk may be full already
            _let_go(self._file, sink)
            raise

    def add(self, batch: pa.RecordBatch) -> None:
        # DuckDB hands out every column as nullable; the table knows better.
        arrays = [
            column if column.type == field.type else column.cast(field.type)
            for column, field in zip(batch.columns, self._schema, strict=True)
        ]
        self._pending.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._pending_rows += batch.num_rows
        self.rows += batch.num_rows
        if self._pending_rows >= ROW_GROUP:
            self._flush(keep_rest=True)

    def _flush(self, *, keep_rest: bool) -> None:
        gathered = pa.Table.from_batches(self._pending, schema=self._schema)
        full = gathered.num_rows - gathered.num_rows % ROW_GROUP if keep_rest else None
        self._writer.write_table(gathered.slice(0, full), row_group_size=ROW_GROUP)
        rest = gathered.slice(full) if full is not None else None
        self._pending = rest.to_batches() if rest is not None else []
        self._pending_rows = rest.num_rows if rest is not None else 0

    def close(self) -> AddAction:
        if self._pending_rows:
            self._flush(keep_rest=False)
        self._writer.close()
        size = self._file.tell()
        self._file.close()
        self._sink.close()
        stats = _statistics(self._writer.writer.metadata, self._schema)
        return AddAction(self._path, size, {}, int(time.time() * 1000), True, json.dumps(stats))

    def abandon(self) -> None:
        """Let go of the file after a failure."""
        _let_go(self._writer, self._file, self._sink)


def _let_go(*parts: Any) -> None:
    """Close what is left; a second error must not cover the first."""
    for part in parts:
        with suppress(OSError, ValueError, pa.ArrowException):
            part.close()


def _statistics(meta: Any, schema: pa.Schema) -> dict[str, Any]:
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for index, name in enumerate(schema.names):
        parts = [meta.row_group(n).column(index).statistics for n in range(meta.num_row_groups)]
        nulls[name] = sum(part.null_count for part in parts if part is not None)
        filled = [part for part in parts if part is not None and part.has_min_max]
        whole = all(
            part is not None and (part.has_min_max or not part.num_values) for part in parts
        )
        if filled and whole and _bounded(schema.field(name).type):
            low[name] = _bound(min(part.min for part in filled), upper=False)
            high[name] = _bound(max(part.max for part in filled), upper=True)
    return {
        "numRecords": meta.num_rows,
        "minValues": low,
        "maxValues": high,
        "nullCount": nulls,
    }


def _bounded(kind: pa.DataType) -> bool:
    """Kinds whose bounds survive the log's JSON exactly; others go without."""
    return (
        pa.types.is_string(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
    )


def _bound(value: Any, *, upper: bool) -> Any:
    if isinstance(value, str):
        if len(value) <= _TEXT_BOUND:
            return value
        return value[:_TEXT_BOUND] + (_ABOVE_ALL if upper else "")
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return value.isoformat(timespec="microseconds")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    return value
