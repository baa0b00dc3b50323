"""DuckDB sessions: one small in-memory database per operation, bounded and without extensions."""

# ruff: noqa: S608 - identifiers go through quoted(), values through parameters or literal()

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa

from chengshu_lake.errors import BadQuery, NoSpace, VersionMissing, is_disk_full
from chengshu_lake.parquet import ROW_GROUP
from chengshu_lake.snapshot import Snapshot
from chengshu_lake.storage import Storage
from chengshu_lake.workspace import Workspace

_DUCKDB_TYPES = {
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
    pa.timestamp("us", "UTC"): "TIMESTAMPTZ",
    pa.timestamp("us"): "TIMESTAMP",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Resources of one operation: megabytes of memory, threads, folder for spilled data."""

    memory_mb: int
    threads: int
    temp_dir: Path


def quoted(name: str) -> str:
    """``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """``text`` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def duckdb_type(kind: pa.DataType) -> str:
    """DuckDB's name of a stored column type."""
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    return _DUCKDB_TYPES[kind]


def open_session(limits: Limits, scratch: Path) -> duckdb.DuckDBPyConnection:
    """A fresh in-memory database that spills to ``scratch``, a folder of its own."""
    session = duckdb.connect(
        config={
            "threads": limits.threads,
            "memory_limit": f"{limits.memory_mb}MB",
            "temp_directory": str(scratch),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        }
    )
    session.execute("SET TimeZone = 'UTC'")
    return session


def files_sql(paths: Sequence[str]) -> str:
    """A FROM item over local Parquet files whose columns may differ."""
    listed = ", ".join(literal(path) for path in paths)
    # To unite names every file is opened once more: not needed for one.
    return f"read_parquet([{listed}]{', union_by_name = true' if len(paths) > 1 else ''})"


def columns_sql(schema: pa.Schema) -> str:
    """The schema's columns as a select list."""
    return ", ".join(quoted(name) for name in schema.names)


def empty_sql(schema: pa.Schema) -> str:
    """A query with the schema's columns and no rows."""
    columns = ", ".join(
        f"NULL::{duckdb_type(field.type)} AS {quoted(field.name)}" for field in schema
    )
    return f"SELECT {columns} WHERE false"


def table_sql(schema: pa.Schema, source: str, *, complete: bool) -> str:
    """The table's columns out of ``source``; columns no file has yet are empty."""
    if complete:
        return f"SELECT {columns_sql(schema)} FROM {source}"
    union = f"{empty_sql(schema)} UNION ALL BY NAME SELECT * FROM {source}"
    return f"SELECT {columns_sql(schema)} FROM ({union})"


def add_view(
    session: duckdb.DuckDBPyConnection, storage: Storage, alias: str, snapshot: Snapshot
) -> list[str]:
    """Make a version queryable as ``alias``; returns the local files the session must reach."""
    paths = [file.path for file in snapshot.files]
    if not paths:
        session.execute(f"CREATE VIEW {quoted(alias)} AS {empty_sql(snapshot.schema)}")
        return []
    if storage.missing(snapshot.table, paths):
        raise VersionMissing(
            f"表 {snapshot.table} 第 {snapshot.version} 版的数据文件已被清理，请读取较新的版本。"
        )
    complete = all(file.complete for file in snapshot.files)
    scan = storage.scan(snapshot.table, paths)
    local = scan if isinstance(scan, list) else []
    source = files_sql(local)
    if not isinstance(scan, list):
        source = quoted(f"_files_of_{alias}")
        session.register(f"_files_of_{alias}", scan)
    select = table_sql(snapshot.schema, source, complete=complete)
    session.execute(f"CREATE TEMP VIEW {quoted(alias)} AS {select}")
    return local


def seal(session: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> None:
    """Take away everything but the given files; not reversible for this session."""
    listed = ", ".join(literal(path) for path in paths)
    session.execute(f"SET allowed_paths = [{listed}]")
    session.execute("SET enable_external_access = false")
    session.execute("SET lock_configuration = true")


def stream(
    session: duckdb.DuckDBPyConnection,
    workspace: Workspace,
    query: str,
    params: Sequence[Any],
    *,
    timeout: float | None = None,
) -> pa.RecordBatchReader:
    """Run a query and hand out its batches; session and workspace are closed when they end.

    ``timeout`` in seconds covers the whole query including the reading of its result.
    """
    timer = threading.Timer(timeout, session.interrupt) if timeout else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        result = session.sql(query, params=list(params) or None)
        reader = result.to_arrow_reader(ROW_GROUP)
    except BaseException as error:
        _end(session, workspace, timer)
        if isinstance(error, duckdb.Error):
            raise _translated(error) from error
        raise
    batches = _Batches(reader)
    batches.close = weakref.finalize(batches, _end, session, workspace, timer)
    return pa.RecordBatchReader.from_batches(reader.schema, batches)


class _Batches:
    """The batches of a result; ``close`` runs at their end, on an error, or when dropped unread."""

    close: "weakref.finalize[Any, _Batches]"

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self._reader = reader

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> pa.RecordBatch:
        try:
            return self._reader.read_next_batch()
        except StopIteration:
            self.close()
            raise
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            self.close()
            raise _translated(error) from error


def _end(
    session: duckdb.DuckDBPyConnection, workspace: Workspace, timer: threading.Timer | None
) -> None:
    if timer:
        timer.cancel()
    session.close()
    workspace.close()


def _translated(error: Exception) -> Exception:
    text = str(error)
    if is_disk_full(error):
        return NoSpace("查询所需的临时磁盘空间不足，请缩小查询范围或清理磁盘后重试。")
    if isinstance(error, duckdb.InterruptException) or "INTERRUPT" in text:
        return BadQuery("查询超过了允许的时间，已停止。请缩小范围或增加筛选条件后重试。")
    if "Out of Memory" in text:
        return BadQuery("查询需要的内存超过了上限，已停止。请缩小范围或增加筛选条件后重试。")
    return BadQuery(f"查询不能执行：{text.splitlines()[0]}")
