"""Building snapshots from Arrow record batches (publishing side; the gateway only reads them)."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from chengshu_gateway import change_log, pointer
from chengshu_gateway.arrow_columns import UnsupportedColumnError, column_of, storable
from chengshu_gateway.bundle import Column
from chengshu_gateway.snapshot import index_name

_PAGE_BYTES = 8192
_CACHE_KIB = 256 * 1024
_SQL_TYPES = {"integer": "INTEGER", "boolean": "INTEGER", "real": "REAL"}
GRACE_SECONDS = 600.0


class SnapshotBuildError(ValueError):
    """The rows cannot become a snapshot (null or duplicate key …); nothing was published."""


@dataclass(frozen=True, slots=True)
class PublishedSnapshot:
    """Outcome of a publication."""

    version: str
    path: Path
    rows: int
    columns: tuple[Column, ...]


def publish_snapshot(
    directory: Path,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    *,
    key_column: str,
    queryable: Sequence[str] = (),
    track_changes: bool = False,
    grace_seconds: float = GRACE_SECONDS,
    progress: Callable[[int], None] | None = None,
) -> PublishedSnapshot:
    """Build a snapshot of all batches under a new name, swap the pointer, drop old versions.

    `directory` is `<data>/snapshots/<name>`; the key column must be text, unique and not null;
    batches sorted by key build fastest. Columns of `queryable` get an index. With `track_changes` the
    file also says what changed since the versions before (`change_log`). Versions older than
    `grace_seconds` that are no longer current are removed. `progress` receives the number of rows
    so far. Memory stays bounded.

    Raises:
        SnapshotBuildError: Bad key, unsupported type or schema; the former version stays valid.
    """
    columns = _columns(schema)
    kinds = {column.name: column.type for column in columns}
    if kinds.get(key_column) != "text":
        raise SnapshotBuildError(f"主键字段 {key_column} 不存在或不是文本，快照未发布。")
    if unknown := [name for name in queryable if name not in kinds]:
        raise SnapshotBuildError(f"查询条件字段 {'、'.join(unknown)} 不存在，快照未发布。")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    version = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid4().hex[:8]}"
    building = directory / f".{version}.building"
    try:
        rows = _build(building, columns, batches, key_column, progress)
        _index(building, queryable, key_column, rows)
        former = pointer.read(directory)
        change_log.write(
            building, directory / former if former else None,
            version=version, columns=columns, key=key_column, track=track_changes,
        )  # fmt: skip
        path = directory / f"{version}.sqlite"
        with building.open("rb") as stream:
            os.fsync(stream.fileno())
        building.rename(path)
    except sqlite3.IntegrityError as error:
        raise SnapshotBuildError(
            f"主键 {key_column} 有空值或重复值，快照未发布，原版本仍有效。请先去重后重试。"
        ) from error
    except (sqlite3.OperationalError, OverflowError) as error:
        raise SnapshotBuildError(
            f"快照写入失败（{error}），未发布，原版本仍有效。请检查磁盘空间和数值范围后重试。"
        ) from error
    finally:
        building.unlink(missing_ok=True)
    pointer.sync_directory(directory)
    pointer.swap(directory, path.name)
    remove_old_versions(directory, grace_seconds=grace_seconds)
    return PublishedSnapshot(version, path, rows, columns)


def remove_old_versions(directory: Path, *, grace_seconds: float = GRACE_SECONDS) -> list[str]:
    """Delete versions replaced longer ago than the grace period; returns their names."""
    current = pointer.read(directory)
    replaced = (directory / pointer.CURRENT).stat().st_mtime if current else 0.0
    files = sorted(directory.glob("*.sqlite"), key=lambda path: path.stat().st_mtime)
    removed = []
    for path, successor in zip(files, [*files[1:], None], strict=True):
        until = successor.stat().st_mtime if successor else replaced
        if path.name != current and until <= time.time() - grace_seconds:
            path.unlink(missing_ok=True)
            removed.append(path.name)
    return removed


def _columns(schema: pa.Schema) -> tuple[Column, ...]:
    try:
        return tuple(column_of(each) for each in schema)
    except UnsupportedColumnError as error:
        raise SnapshotBuildError(str(error)) from error


def _build(
    path: Path,
    columns: tuple[Column, ...],
    batches: Iterable[pa.RecordBatch],
    key_column: str,
    progress: Callable[[int], None] | None,
) -> int:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in (
            f"page_size={_PAGE_BYTES}",
            f"cache_size=-{_CACHE_KIB}",
            "journal_mode=OFF",
            "synchronous=OFF",
            "locking_mode=EXCLUSIVE",
        ):
            connection.execute(f"PRAGMA {pragma}")
        _create(connection, columns, key_column)
        marks = ", ".join("?" * len(columns))
        rows = 0
        connection.execute("BEGIN")
        for batch in batches:
            connection.executemany(f"INSERT INTO data VALUES ({marks})", _values(batch, columns))  # noqa: S608
            rows += batch.num_rows
            if progress is not None:
                progress(rows)
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?)",
            [("rows", rows), ("created", time.time()), ("key_column", key_column)],
        )
        connection.execute("COMMIT")
    finally:
        connection.close()
    return rows


def _index(path: Path, queryable: Sequence[str], key: str, rows: int) -> None:
    """Index the columns that queries may ask for, each with the key: that is the order of pages."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in (f"cache_size=-{_CACHE_KIB}", "journal_mode=OFF", "synchronous=OFF"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE indexes (name TEXT PRIMARY KEY, values_found INTEGER)")
        for name in queryable:
            found = rows
            if name != key:
                connection.execute(f'CREATE INDEX {index_name(name)} ON data ("{name}", "{key}")')
                (found,) = connection.execute(
                    f'SELECT count(DISTINCT "{name}") FROM data INDEXED BY {index_name(name)}'  # noqa: S608
                ).fetchone()
            connection.execute("INSERT INTO indexes VALUES (?, ?)", (name, found))


def _create(connection: sqlite3.Connection, columns: tuple[Column, ...], key: str) -> None:
    definitions = ", ".join(
        f'"{column.name}" {_SQL_TYPES.get(column.type, "TEXT")}'
        + (" PRIMARY KEY NOT NULL" if column.name == key else "")
        for column in columns
    )
    connection.execute(f"CREATE TABLE data ({definitions}) STRICT, WITHOUT ROWID")
    connection.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID")
    connection.execute("CREATE TABLE columns (position INTEGER PRIMARY KEY, name TEXT, type TEXT)")
    connection.executemany(
        "INSERT INTO columns VALUES (?, ?, ?)",
        [(at, column.name, column.type) for at, column in enumerate(columns)],
    )


def _values(batch: pa.RecordBatch, columns: tuple[Column, ...]) -> Iterator[tuple[Any, ...]]:
    lists = [
        _sqlite_value(storable(batch.column(column.name), column.type)).to_pylist()
        for column in columns
    ]
    return zip(*lists, strict=True)


def _sqlite_value(array: Any) -> Any:
    return pc.cast(array, pa.int8()) if pa.types.is_boolean(array.type) else array
