"""The lake: what callers use. See :class:`Lake`."""

# ruff: noqa: S608 - identifiers go through quoted(), values through parameters or literal()

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable, Field
from deltalake.exceptions import CommitFailedError, DeltaError

from chengshu_lake.columns import ArrowInput, added_fields, storable_schema
from chengshu_lake.errors import (
    BadQuery,
    CommitConflict,
    KeyMissing,
    SchemaMismatch,
    TableExists,
    write_errors,
)
from chengshu_lake.merging import overlaps
from chengshu_lake.names import TableAt, check_alias, check_name, check_zone
from chengshu_lake.results import CompactResult, HistoryEntry, TableStats, WriteResult
from chengshu_lake.sandbox import check_condition, check_query
from chengshu_lake.session import Limits, add_view, open_session, quoted, seal, stream
from chengshu_lake.snapshot import (
    KEY_PROPERTY,
    PROPERTIES,
    Snapshot,
    history,
    key_property,
    open_delta,
    open_snapshot,
    version_at,
)
from chengshu_lake.storage import all_tables, open_storage
from chengshu_lake.workspace import Workspace
from chengshu_lake.writing import Guard, Intent, Writer

_ROWS = "t"


class Lake:
    """Delta Lake tables below one root, shared by any number of processes.

    ``root`` is a folder or a URL delta-rs understands (with ``storage_options``). One operation
    uses at most about ``memory_limit_mb`` MB inside DuckDB (plus a few row groups) and ``threads``
    threads; what does not fit spills to ``temp_dir``. A write keeps to ``write_memory_mb``, so that a
    delivery of any size costs the same memory. A write is refused while less than
    ``reserve_mb`` MB would stay free. Table names are ``zone/name``.

    Every error is a :class:`~chengshu_lake.errors.LakeError` with a Chinese message. Objects of
    this class hold no connection and may be used from several threads and after a fork.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        storage_options: Mapping[str, str] | None = None,
        memory_limit_mb: int = 1024,
        write_memory_mb: int = 400,
        threads: int = 2,
        temp_dir: str | Path | None = None,
        reserve_mb: int = 256,
    ) -> None:
        self._storage = open_storage(root, storage_options)
        if temp_dir is None:
            remote = "://" in str(root)
            temp_dir = Path(tempfile.gettempdir()) if remote else Path(root).resolve() / "_tmp"
        self._limits = Limits(memory_limit_mb, threads, Path(temp_dir))
        writing = replace(self._limits, memory_mb=min(memory_limit_mb, write_memory_mb))
        self._writer = Writer(self._storage, writing, reserve_mb << 20)

    # Tables

    def create(
        self, table: str, schema: pa.Schema, *, key: Sequence[str] = (), description: str = ""
    ) -> None:
        """Create an empty table; ``key`` names the columns that identify a row.

        Raises:
            TableExists: the name is taken.
            SchemaMismatch: a column the lake cannot store, or a bad key.
        """
        check_name(table)
        stored = storable_schema(schema, key)
        with write_errors(table), self._storage.lock(table):
            if self._exists(table):
                raise TableExists(f"表 {table} 已存在，未做任何改动。")
            try:
                DeltaTable.create(
                    self._storage.uri(table),
                    stored,
                    mode="error",
                    name=table,
                    description=description or None,
                    configuration={**PROPERTIES, KEY_PROPERTY: key_property(key)},
                    storage_options=self._storage.options,
                    raise_if_key_not_exists=False,
                )
            except (CommitFailedError, DeltaError) as error:
                if self._exists(table):
                    raise TableExists(f"表 {table} 已存在，未做任何改动。") from error
                raise

    def _exists(self, table: str) -> bool:
        return DeltaTable.is_deltatable(self._storage.uri(table), self._storage.options)

    def exists(self, table: str) -> bool:
        """Whether the table exists."""
        return self._exists(check_name(table))

    def tables(self, zone: str | None = None) -> list[str]:
        """Names of all tables, or of those of one zone."""
        return all_tables(self._storage, check_zone(zone) if zone is not None else None)

    def schema(self, table: str, *, as_of: int | datetime | None = None) -> pa.Schema:
        """The columns of the table (now, or at a version or moment)."""
        return self._snapshot(table, as_of).schema

    def key(self, table: str) -> tuple[str, ...]:
        """The key columns; empty for a table without a key."""
        return self._snapshot(table).key

    def version(self, table: str) -> int:
        """The newest version number; the first is 0."""
        return open_delta(self._storage, check_name(table)).version()

    def as_of(self, table: str, when: datetime) -> int:
        """The version that was the newest at the time-zone-aware moment ``when``."""
        return version_at(open_delta(self._storage, check_name(table)), table, when)

    def count(self, table: str, *, as_of: int | datetime | None = None) -> int:
        """Number of rows by the log's statistics (files are opened only where they are missing)."""
        snapshot = self._snapshot(table, as_of)
        if snapshot.rows is not None:
            return snapshot.rows
        found = self.sql("SELECT count(*) FROM t", tables={"t": TableAt(table, snapshot.version)})
        return int(found.read_all().column(0)[0].as_py())

    def stats(self, table: str) -> TableStats:
        """Files, bytes and rows of the newest version."""
        snapshot = self._snapshot(table)
        size = sum(file.size for file in snapshot.files)
        rows = snapshot.rows if snapshot.rows is not None else self.count(table)
        return TableStats(table, snapshot.version, len(snapshot.files), size, rows)

    def history(self, table: str, *, limit: int | None = None) -> list[HistoryEntry]:
        """Commits, newest first."""
        return history(open_delta(self._storage, check_name(table)), limit)

    def evolve(self, table: str, new_schema: pa.Schema) -> int:
        """Add the nullable columns that ``new_schema`` has beyond the table; returns the version.

        Raises:
            SchemaMismatch: a column lost, changed or not nullable; the table stays as it was.
        """
        check_name(table)
        with write_errors(table), self._storage.lock(table):
            snapshot = open_snapshot(self._storage, table, for_writing=True)
            new = added_fields(snapshot.schema, new_schema)
            if not new:
                return snapshot.version
            try:
                snapshot.delta.alter.add_columns([Field.from_arrow(field) for field in new])
            except CommitFailedError as error:
                raise CommitConflict(
                    f"表 {table} 正被其他程序修改，结构未改动，请重试。"
                ) from error
            self._storage.settle(table, snapshot.version + 1)
            return snapshot.version + 1

    def drop(self, table: str) -> None:
        """Delete the table with all its versions; not reversible."""
        with self._storage.lock(check_name(table)):
            open_delta(self._storage, table)
            self._storage.remove(table)

    # Writing

    def append(
        self,
        table: str,
        data: ArrowInput,
        *,
        commit_key: str | None = None,
        source: str = "",
        skip_known: bool = False,
    ) -> WriteResult:
        """Add rows. In a table with a key all keys must be new; ``skip_known`` leaves the others out.

        Rows left out are counted as unchanged, and what the table holds of them stays.

        ``commit_key`` makes the call repeatable: when a commit with this key is in the table, the
        call writes nothing and returns that commit's result (``replayed``). ``source`` is free
        text for the history. Columns the data lacks become empty.

        Raises:
            SchemaMismatch, DuplicateKeys, NoSpace, CommitConflict: and nothing was written.
        """
        intent = Intent(check_name(table), "append", commit_key, source)
        return self._writer.append(data, intent, skip_known=skip_known)

    def top_up(
        self,
        table: str,
        data: ArrowInput,
        *,
        where: str = "true",
        params: Sequence[Any] = (),
        commit_key: str | None = None,
        source: str = "",
    ) -> WriteResult:
        """Append what a table without key lacks: for logs whose readings overlap.

        A row that comes n times and is held m times is added n - m times; the others are counted as unchanged.
        Rows are the same when every column but the stamps is. ``where`` narrows the rows of the table that are
        looked at (as for :meth:`read`); it must hold for every row the data may repeat. Other arguments and
        errors as for :meth:`append`.

        Raises:
            BadQuery: the condition. SchemaMismatch: the table has a key; use ``append(skip_known=True)``.
        """
        if self._snapshot(table, None).key:
            raise SchemaMismatch(f"表 {table} 有主键，补齐请用 append(skip_known=True)。")
        check_condition(where, _ROWS)
        intent = Intent(check_name(table), "append", commit_key, source)
        return self._writer.top_up(data, intent, (where, params))

    def overwrite(
        self,
        table: str,
        data: ArrowInput,
        *,
        commit_key: str | None = None,
        source: str = "",
        max_lost: float | None = None,
    ) -> WriteResult:
        """Replace all rows by the data in one commit. Arguments and errors as for :meth:`append`.

        Raises:
            TooManyDeleted: the table would shrink by more than the share ``max_lost`` (0 to 1).
        """
        intent = Intent(check_name(table), "overwrite", commit_key, source)
        return self._writer.overwrite(data, intent, guard=_guard(max_lost))

    def sync(
        self,
        table: str,
        data: ArrowInput,
        *,
        commit_key: str | None = None,
        source: str = "",
        max_lost: float | None = None,
    ) -> WriteResult:
        """Make the table hold exactly the data: upsert by key, and delete the keys the data lacks.

        Only files that differ are written anew. Arguments and errors as for :meth:`append`.

        Raises:
            TooManyDeleted: more than the share ``max_lost`` (0 to 1) of the rows would vanish.
        """
        intent = Intent(check_name(table), "sync", commit_key, source)
        return self._writer.sync(data, intent, guard=_guard(max_lost))

    def merge(
        self, table: str, data: ArrowInput, *, commit_key: str | None = None, source: str = ""
    ) -> WriteResult:
        """Upsert by the key: known keys are updated where a value differs, the rest is inserted.

        Columns the data lacks keep their stored values (empty for inserted rows). Columns whose name
        starts with ``STAMP_PREFIX`` are no difference: an unchanged row keeps its first stamp.
        Arguments and errors as for :meth:`append`.
        """
        return self._writer.merge(data, Intent(check_name(table), "merge", commit_key, source))

    def compact(self, table: str) -> CompactResult:
        """Rewrite small and overlapping files into few sorted ones; the rows stay the same."""
        return self._writer.compact(check_name(table))

    def vacuum(self, table: str, *, keep_hours: float = 168, dry_run: bool = False) -> list[str]:
        """Delete files that no version of the last ``keep_hours`` needs; returns their paths.

        Also removes what killed writers left. Readers that started on an older version lose it,
        so keep more than the longest query takes.
        """
        with self._storage.lock(check_name(table)):
            snapshot = open_snapshot(self._storage, table, for_writing=True)
            return snapshot.delta.vacuum(
                retention_hours=int(keep_hours),
                dry_run=dry_run,
                enforce_retention_duration=False,
                full=True,
            )

    # Reading

    def read(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        params: Sequence[Any] = (),
        as_of: int | datetime | None = None,
        limit: int | None = None,
        order_by: Sequence[str] = (),
    ) -> pa.RecordBatchReader:
        """Rows of one table as a stream of batches.

        ``where`` is one SQL condition with ``?`` for ``params``; ``order_by`` holds column names,
        each optionally followed by `` desc``.

        Raises:
            BadQuery: an unknown column, or a condition the sandbox refuses.
        """
        snapshot = self._snapshot(table, as_of)
        query = f"SELECT {_selected(snapshot, columns)} FROM {_ROWS}"
        if where:
            check_condition(where, _ROWS)
            query += f" WHERE ({where}\n)"
        if order_by:
            query += " ORDER BY " + ", ".join(_ordered(snapshot, term) for term in order_by)
        if limit is not None:
            query += f" LIMIT {int(limit)}"
        return self._query(query, params, {_ROWS: snapshot})

    def lookup(
        self, table: str, key_values: Sequence[Any], *, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """The rows with the given keys, in key order.

        ``key_values`` holds one value per key, or one tuple where the key has several columns.
        """
        snapshot = self._snapshot(table)
        if not snapshot.key:
            raise KeyMissing(f"表 {table} 没有主键，不能按主键查找。")
        keys = [value if isinstance(value, tuple) else (value,) for value in key_values]
        if any(len(key) != len(snapshot.key) for key in keys):
            raise KeyMissing(f"表 {table} 的主键为 {'、'.join(snapshot.key)}，请给出全部主键值。")
        bounds = [
            {name: (value, value) for name, value in zip(snapshot.key, key, strict=True)}
            for key in keys
        ]
        try:
            files = tuple(
                file for file in snapshot.files if any(overlaps(file, one) for one in bounds)
            )
        except TypeError as error:
            raise SchemaMismatch(f"查找值的类型与表 {table} 的主键不符。") from error
        match = " AND ".join(f"{quoted(name)} = ?" for name in snapshot.key)
        condition = " OR ".join(f"({match})" for _ in keys) or "false"
        order = ", ".join(quoted(name) for name in snapshot.key)
        query = (
            f"SELECT {_selected(snapshot, columns)} FROM {_ROWS} WHERE {condition} ORDER BY {order}"
        )
        flat = [value for key in keys for value in key]
        return self._query(query, flat, {_ROWS: replace(snapshot, files=files)}).read_all()

    def sql(
        self,
        query: str,
        *,
        tables: Mapping[str, str | TableAt],
        params: Sequence[Any] = (),
        timeout: float | None = None,
    ) -> pa.RecordBatchReader:
        """Answer one SELECT over the named tables, and nothing else.

        ``tables`` maps the names used in the query to tables (``TableAt`` for an older version).
        The query reaches no other table, file, address or setting. ``timeout`` in seconds.

        Raises:
            BadQuery: refused, wrong, or beyond memory or time.
        """
        check_query(query, tables)
        wanted = {
            check_alias(alias): target if isinstance(target, TableAt) else TableAt(target)
            for alias, target in tables.items()
        }
        snapshots = {alias: self._snapshot(at.name, at.at) for alias, at in wanted.items()}
        return self._query(query, params, snapshots, timeout=timeout)

    @contextmanager
    def session(self, tables: Mapping[str, str | TableAt]) -> Iterator[duckdb.DuckDBPyConnection]:
        """A sealed DuckDB session over the named tables, for many queries of the platform's own.

        One opening cost however many queries follow. The session reaches the files of these tables
        and nothing else; statements are not inspected, so text of people belongs into :meth:`sql`.
        """
        wanted = {
            check_alias(alias): target if isinstance(target, TableAt) else TableAt(target)
            for alias, target in tables.items()
        }
        workspace = Workspace(self._limits.temp_dir)
        try:
            session = open_session(self._limits, workspace.path)
            try:
                paths = [
                    path
                    for alias, at in wanted.items()
                    for path in add_view(
                        session, self._storage, alias, self._snapshot(at.name, at.at)
                    )
                ]
                seal(session, paths)
                yield session
            finally:
                session.close()
        finally:
            workspace.close()

    def _snapshot(self, table: str, as_of: int | datetime | None = None) -> Snapshot:
        return open_snapshot(self._storage, check_name(table), as_of)

    def _query(
        self,
        query: str,
        params: Sequence[Any],
        snapshots: Mapping[str, Snapshot],
        *,
        timeout: float | None = None,
    ) -> pa.RecordBatchReader:
        workspace = Workspace(self._limits.temp_dir)
        with _closed_on_failure(workspace):
            session = open_session(self._limits, workspace.path)
        with _closed_on_failure(session, workspace):
            paths = [
                path
                for alias, snapshot in snapshots.items()
                for path in add_view(session, self._storage, alias, snapshot)
            ]
            seal(session, paths)
        return stream(session, workspace, query, params, timeout=timeout)


@contextmanager
def _closed_on_failure(*opened: duckdb.DuckDBPyConnection | Workspace) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for one in opened:
            one.close()
        raise


def _guard(max_lost: float | None) -> Guard | None:
    return None if max_lost is None else Guard(max_lost)


def _selected(snapshot: Snapshot, columns: Sequence[str] | None) -> str:
    wanted = snapshot.schema.names if columns is None else list(columns)
    unknown = [name for name in wanted if name not in snapshot.schema.names]
    if unknown or not wanted:
        raise BadQuery(f"表 {snapshot.table} 没有列 {unknown}，请核对列名。")
    return ", ".join(quoted(name) for name in wanted)


def _ordered(snapshot: Snapshot, term: str) -> str:
    name, _, direction = term.partition(" ")
    if name not in snapshot.schema.names or direction.lower() not in {"", "asc", "desc"}:
        raise BadQuery(f"不能按“{term}”排序：请写列名，可加 desc。")
    return f"{quoted(name)} {direction}".strip()
