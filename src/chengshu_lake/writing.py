"""Append, overwrite, merge and compact: prepare, take the table's queue, commit once.

Nothing is visible before the commit, and the commit is one file of the Delta log. A killed writer
leaves at most Parquet files that no version names; vacuum removes them.
"""

# ruff: noqa: S608 - identifiers go through quoted(), values through parameters or literal()

import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake.exceptions import DeltaError

from chengshu_lake import merging
from chengshu_lake.ahead import Ahead, NoLongerEmpty
from chengshu_lake.columns import ArrowInput, fitted, input_schema, padded
from chengshu_lake.errors import (
    CommitConflict,
    DuplicateKeys,
    KeyMissing,
    NoSpace,
    SchemaMismatch,
    TooManyDeleted,
    write_errors,
)
from chengshu_lake.merging import UPSERT, Policy
from chengshu_lake.parquet import FILE_ROWS, ROW_GROUP, NewFiles
from chengshu_lake.results import CompactResult, WriteResult
from chengshu_lake.session import Limits, files_sql, open_session, quoted, table_sql
from chengshu_lake.snapshot import (
    CommitLost,
    DataFile,
    Snapshot,
    commit,
    earlier_result,
    landed,
    open_snapshot,
)
from chengshu_lake.storage import Storage
from chengshu_lake.workspace import Workspace, sweep

ATTEMPTS = 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0  # seconds


@dataclass(slots=True)
class Change:
    """What one attempt wants to commit."""

    new: NewFiles
    remove: tuple[DataFile, ...] = ()
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    data_change: bool = True
    reusable: bool = False  # does not depend on the version it was planned on


@dataclass(frozen=True, slots=True)
class Intent:
    """Who asks for what: the parts of a write that go into the log."""

    table: str
    operation: str
    commit_key: str | None = None
    source: str = ""
    started: float = field(default_factory=time.monotonic)


Plan = Callable[[Snapshot], Change]


@dataclass(frozen=True, slots=True)
class Guard:
    """How much may vanish: at most ``share`` (0 to 1) of the rows that are there."""

    share: float


def _allow(guard: Guard | None, table: str, deleted: int, rows: int | None) -> None:
    """Raise TooManyDeleted when more would vanish than the guard lets pass."""
    if guard is None or not rows or deleted <= guard.share * rows:
        return
    raise TooManyDeleted(
        f"本次写入会让表 {table} 的 {rows:,} 行中有 {deleted:,} 行消失（{deleted / rows:.1%}），"
        f"超过了允许的 {guard.share:.0%}。未写入任何数据，表中原有数据未改动。",
        deleted=deleted, rows=rows,
    )  # fmt: skip


class Writer:
    """The writing half of a lake."""

    def __init__(self, storage: Storage, limits: Limits, reserve_bytes: int) -> None:
        self._storage = storage
        self._limits = limits
        self._reserve = reserve_bytes

    def append(self, data: ArrowInput, intent: Intent, *, skip_known: bool = False) -> WriteResult:
        """Add rows; in a table with a key they must all be new, or the known ones are left out."""
        snapshot = open_snapshot(self._storage, intent.table, for_writing=True)
        if earlier := self._earlier(snapshot, intent):
            return earlier
        if not snapshot.key:
            return self._replace(data, snapshot, intent, keep=True)
        if skip_known:
            return self._upsert(data, snapshot, intent, policy=Policy(update=False))
        return self._upsert(data, snapshot, intent, only_new=True)

    def top_up(
        self, data: ArrowInput, intent: Intent, within: tuple[str, Sequence[Any]]
    ) -> WriteResult:
        """Add the rows a table without key lacks, each as often as it lacks it."""
        first = open_snapshot(self._storage, intent.table, for_writing=True)
        if earlier := self._earlier(first, intent):
            return earlier
        with (
            write_errors(intent.table),
            self._workspace(data) as work,
            open_session(self._limits, work) as session,
        ):
            schema, batches = fitted(data, first.schema)
            batch = merging.spool(session, schema, batches)

            def plan(snapshot: Snapshot) -> Change:
                input_schema(schema, snapshot.schema)
                rows = merging.find_lacking(self._storage, snapshot, batch, work, within)
                self._need(batch.nbytes // 2)
                new = self._new_files(snapshot)
                columns = merging.offered_sql(snapshot.schema, schema)
                query = session.sql(f"SELECT {columns} FROM lacking")
                with _discard_on_failure(new):
                    new.write(query.to_arrow_reader(ROW_GROUP), merging.even_rows(rows))
                return Change(new, inserted=rows, unchanged=batch.rows - rows)

            return self._commit(plan, intent)

    def overwrite(
        self, data: ArrowInput, intent: Intent, *, guard: Guard | None = None
    ) -> WriteResult:
        """Put rows in the place of all present ones."""
        snapshot = open_snapshot(self._storage, intent.table, for_writing=True)
        if earlier := self._earlier(snapshot, intent):
            return earlier
        return self._replace(data, snapshot, intent, keep=False, guard=guard)

    def merge(self, data: ArrowInput, intent: Intent) -> WriteResult:
        """Update rows with known keys, insert the others."""
        snapshot = open_snapshot(self._storage, intent.table, for_writing=True)
        if not snapshot.key:
            raise KeyMissing(f"表 {intent.table} 没有主键，不能合并；请改用追加或覆盖。")
        if earlier := self._earlier(snapshot, intent):
            return earlier
        return self._upsert(data, snapshot, intent)

    def sync(self, data: ArrowInput, intent: Intent, *, guard: Guard | None = None) -> WriteResult:
        """Make the table hold exactly these rows, touching only what differs."""
        snapshot = open_snapshot(self._storage, intent.table, for_writing=True)
        if not snapshot.key:
            raise KeyMissing(f"表 {intent.table} 没有主键，不能比较快照；请改用覆盖。")
        if earlier := self._earlier(snapshot, intent):
            return earlier
        policy = Policy(delete=True)
        return self._upsert(data, snapshot, intent, policy=policy, guard=guard)

    def _upsert(
        self,
        data: ArrowInput,
        first: Snapshot,
        intent: Intent,
        *,
        only_new: bool = False,
        policy: Policy = UPSERT,
        guard: Guard | None = None,
    ) -> WriteResult:
        with write_errors(intent.table), self._workspace(data) as work:
            schema, batches = fitted(data, first.schema)
            if not first.files:
                ahead = self._write_ahead(batches, schema, first)
                if ahead.rest is None:
                    return self._commit_first(
                        ahead.new, first, intent, only_new=only_new, policy=policy, guard=guard
                    )
                with _discarded(ahead.new):
                    return self._compare(
                        ahead.all_batches(self._storage, work), schema, first, intent, work,
                        only_new=only_new, policy=policy, guard=guard,
                    )  # fmt: skip
            return self._compare(
                batches, schema, first, intent, work, only_new=only_new, policy=policy, guard=guard
            )

    def _write_ahead(
        self, batches: Iterator[pa.RecordBatch], schema: pa.Schema, first: Snapshot
    ) -> Ahead:
        """Into an empty table, rows that arrive in key order need no comparison and no sort.

        Writes such rows as they come, until the end or until the order breaks.
        """
        new = self._new_files(first)
        ahead = Ahead(new, schema)

        def watched() -> Iterator[pa.RecordBatch]:
            for batch in ahead.rising(batches, first.key):
                self._need(batch.nbytes // 2)
                yield batch

        with _discard_on_failure(new):
            new.write(padded(watched(), first.schema))
        return ahead

    def _commit_first(
        self,
        new: NewFiles,
        first: Snapshot,
        intent: Intent,
        *,
        only_new: bool,
        policy: Policy,
        guard: Guard | None,
    ) -> WriteResult:
        """Commit the first rows of a table; if it is not empty any more, merge them instead."""

        def plan(snapshot: Snapshot) -> Change:
            if snapshot.files:
                raise NoLongerEmpty
            input_schema(first.schema, snapshot.schema)
            return Change(new, inserted=new.rows, reusable=True)

        try:
            result = self._commit(plan, intent)
        except (NoLongerEmpty, CommitConflict, SchemaMismatch) as error:
            with _discarded(new):
                if not isinstance(error, NoLongerEmpty):
                    raise
                with self._workspace(None) as work:
                    written = Ahead(new, first.schema).all_batches(self._storage, work)
                    return self._compare(
                        written, first.schema, first, intent, work,
                        only_new=only_new, policy=policy, guard=guard,
                    )  # fmt: skip
        if result.replayed:
            new.discard()
        return result

    def _compare(
        self,
        batches: Iterator[pa.RecordBatch],
        schema: pa.Schema,
        first: Snapshot,
        intent: Intent,
        work: Path,
        *,
        only_new: bool,
        policy: Policy,
        guard: Guard | None,
    ) -> WriteResult:
        """The general merge: spool, compare with the version, write what is touched."""
        with open_session(self._limits, work) as session:
            batch = merging.spool(session, schema, batches)
            merging.check_unique(batch, first.key)

            def plan(snapshot: Snapshot) -> Change:
                input_schema(schema, snapshot.schema)
                touched = merging.find_touched(self._storage, snapshot, batch, work, policy)
                if only_new and touched.updated + touched.unchanged:
                    known = touched.updated + touched.unchanged
                    raise DuplicateKeys(
                        f"有 {known} 个主键在表 {intent.table} 中已经存在，未追加任何数据。"
                        "如需更新这些记录请用合并。"
                    )
                _allow(guard, intent.table, touched.deleted, snapshot.rows)
                old = sum(file.size for file in touched.files)
                self._need(old + batch.nbytes // 2)
                new = self._new_files(snapshot)
                with _discard_on_failure(new):
                    merging.write_touched(
                        self._storage, snapshot, batch, touched, new,
                        threads=self._limits.threads, work=work,
                    )  # fmt: skip
                return Change(
                    new, touched.files, touched.inserted, touched.updated, touched.unchanged,
                    touched.deleted,
                )  # fmt: skip

            return self._commit(plan, intent)

    def _replace(
        self,
        data: ArrowInput,
        first: Snapshot,
        intent: Intent,
        *,
        keep: bool,
        guard: Guard | None = None,
    ) -> WriteResult:
        with write_errors(intent.table), self._workspace(data) as work:
            new = self._new_files(first)
            with _discard_on_failure(new):
                self._write_input(data, first, new, work)

            def plan(snapshot: Snapshot) -> Change:
                input_schema(first.schema, snapshot.schema)
                if keep:
                    return Change(new, inserted=new.rows, reusable=True)
                old = snapshot.rows or 0
                _allow(guard, intent.table, max(0, old - new.rows), snapshot.rows)
                return Change(new, snapshot.files, inserted=new.rows, deleted=old, reusable=True)

            try:
                result = self._commit(plan, intent)
            except (CommitConflict, SchemaMismatch, TooManyDeleted):
                new.discard()
                raise
            if result.replayed:
                new.discard()
            return result

    def _write_input(self, data: ArrowInput, first: Snapshot, new: NewFiles, work: Path) -> None:
        schema, batches = fitted(data, first.schema)
        if not first.key:
            new.write(padded(batches, first.schema))
            return
        with open_session(self._limits, work) as session:
            batch = merging.spool(session, schema, batches)
            merging.check_unique(batch, first.key)
            self._need(batch.nbytes // 2)
            order = ", ".join(quoted(name) for name in first.key)
            columns = merging.offered_sql(first.schema, schema)
            rows = session.sql(f"SELECT {columns} FROM batch ORDER BY {order}")
            new.write(rows.to_arrow_reader(ROW_GROUP), merging.even_rows(batch.rows))

    def compact(self, table: str) -> CompactResult:
        """Bring a table back to few, sorted files; rows and results of queries stay the same."""
        intent = Intent(table, "compact")
        counts = [0, 0]

        def plan(snapshot: Snapshot) -> Change:
            disorder = _disordered(snapshot)
            counts[:] = [len(snapshot.files), len(snapshot.files)]
            new = self._new_files(snapshot)
            if not disorder:
                return Change(new, data_change=False)
            self._need(sum(file.size for file in disorder))
            with _discard_on_failure(new), self._workspace(None) as work:
                self._sort_files(snapshot, disorder, new, work)
            for action in new.actions:
                action.data_change = False
            counts[1] += len(new.actions) - len(disorder)
            return Change(new, tuple(disorder), unchanged=new.rows, data_change=False)

        with write_errors(intent.table):
            result = self._commit(plan, intent)
        return CompactResult(table, result.version, counts[0], counts[1], result.seconds)

    def _sort_files(
        self, snapshot: Snapshot, files: list[DataFile], new: NewFiles, work: Path
    ) -> None:
        paths = [self._storage.local_copy(snapshot.table, file.path, work) for file in files]
        complete = all(file.complete for file in files)
        query = table_sql(snapshot.schema, files_sql(paths), complete=complete)
        if snapshot.key:
            query += " ORDER BY " + ", ".join(quoted(name) for name in snapshot.key)
        rows = sum(file.rows or 0 for file in files)
        with open_session(self._limits, work) as session:
            new.write(session.sql(query).to_arrow_reader(ROW_GROUP), merging.even_rows(rows))

    def _commit(self, plan: Plan, intent: Intent) -> WriteResult:
        pause = _FIRST_PAUSE
        with self._storage.lock(intent.table):
            for _attempt in range(ATTEMPTS):
                snapshot = open_snapshot(self._storage, intent.table, for_writing=True)
                if earlier := self._earlier(snapshot, intent):
                    return earlier
                change = plan(snapshot)
                try:
                    return self._commit_once(snapshot, change, intent)
                except CommitLost:
                    time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
                    pause = min(pause * 2, _LONGEST_PAUSE)
        raise CommitConflict(
            f"表 {intent.table} 正被其他程序频繁写入，重试 {ATTEMPTS} 次仍未成功，"
            "本次数据未写入，原有数据未受影响。请稍后重试。"
        )

    def _commit_once(self, snapshot: Snapshot, change: Change, intent: Intent) -> WriteResult:
        result = WriteResult(
            table=intent.table,
            operation=intent.operation,
            version=snapshot.version,
            inserted=change.inserted,
            updated=change.updated,
            unchanged=change.unchanged,
            deleted=change.deleted,
            files_added=len(change.new.actions),
            files_removed=len(change.remove),
            seconds=round(time.monotonic() - intent.started, 3),
        )
        if not change.new.actions and not change.remove and intent.commit_key is None:
            return result
        write_id = uuid.uuid4().hex
        try:
            version = commit(
                snapshot,
                add=change.new.actions,
                remove=change.remove,
                info=_info(result, intent, write_id),
                commit_key=intent.commit_key,
                data_change=change.data_change,
            )
        except (CommitLost, DeltaError, OSError) as error:
            # The answer of a commit may get lost after the commit: look before throwing away.
            version = snapshot.version + 1
            if not landed(self._storage, intent.table, version, write_id):
                if not (change.reusable and isinstance(error, CommitLost)):
                    change.new.discard()
                raise
        self._storage.settle(intent.table, version)
        return replace(result, version=version)

    def _earlier(self, snapshot: Snapshot, intent: Intent) -> WriteResult | None:
        if intent.commit_key is None:
            return None
        return earlier_result(self._storage, snapshot, intent.commit_key)

    def _new_files(self, snapshot: Snapshot) -> NewFiles:
        return NewFiles(self._storage, snapshot.table, snapshot.schema, snapshot.key)

    @contextmanager
    def _workspace(self, data: ArrowInput | None) -> Iterator[Path]:
        self._need(data.nbytes // 2 if isinstance(data, pa.Table) else 0)
        sweep(self._limits.temp_dir)
        with Workspace(self._limits.temp_dir) as workspace:
            yield workspace.path

    def _need(self, estimate: int) -> None:
        free = self._storage.free_bytes()
        if free is not None and free < estimate + self._reserve:
            raise NoSpace(
                f"磁盘剩余空间 {free >> 20} MB，本次写入约需 {estimate >> 20} MB，"
                f"另须保留 {self._reserve >> 20} MB；未写入任何数据，表中原有数据未改动。"
                "请清理磁盘或扩容后重试。"
            )


@contextmanager
def _discarded(new: NewFiles) -> Iterator[None]:
    """The files are only read in the block, and gone after it."""
    try:
        yield
    finally:
        new.discard()


@contextmanager
def _discard_on_failure(new: NewFiles) -> Iterator[None]:
    try:
        yield
    except BaseException:
        new.discard()
        raise


def _info(result: WriteResult, intent: Intent, write_id: str) -> dict[str, object]:
    return {
        "operation": result.operation,
        "source": intent.source,
        "commit_key": intent.commit_key,
        "inserted": result.inserted,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "deleted": result.deleted,
        "files_added": result.files_added,
        "files_removed": result.files_removed,
        "seconds": result.seconds,
        "write_id": write_id,
    }


def _disordered(snapshot: Snapshot) -> list[DataFile]:
    """Files that are small, and those whose key ranges overlap others; empty when fine."""
    files = snapshot.files
    picked = {file.path for file in files if (file.rows or 0) < FILE_ROWS // 2}
    if snapshot.key:
        lead = snapshot.key[0]
        for file in files:
            bounds = {lead: (file.low.get(lead), file.high.get(lead))}
            if None in bounds[lead]:
                continue
            for other in files:
                if other.path != file.path and merging.overlaps(other, bounds):
                    picked |= {file.path, other.path}
    return [file for file in files if file.path in picked] if len(picked) > 1 else []
