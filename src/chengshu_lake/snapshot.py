"""One version of a Delta table: its columns, its files with their key ranges, and its commits.

Commits are compare-and-swap on the version number: delta-rs' own merging retries are off
(``max_commit_retries=0``), because a merge that was planned on version *n* may only become *n + 1*.
The engine plans again instead.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Transaction,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from chengshu_lake.errors import (
    TableMissing,
    UnsupportedTable,
    VersionMissing,
)
from chengshu_lake.results import HistoryEntry, WriteResult
from chengshu_lake.storage import Storage

KEY_PROPERTY = "chengshu.key"
COMMIT_INFO = "chengshu"
# History is evidence: the log is kept, and with it the result behind every commit key.
PROPERTIES = {
    # The log's statistics of all columns, not of the first 32: they tell that a file has every column, and a table
    # whose files do is planned in half the time.
    "delta.dataSkippingNumIndexedCols": "-1",
    "delta.enableDeletionVectors": "false",
    "delta.enableExpiredLogCleanup": "false",
}
_READER_FEATURES = frozenset({"timestampNtz"})
_WRITER_FEATURES = frozenset({"timestampNtz", "appendOnly", "invariants"})
_PLAIN_WRITER, _FEATURE_WRITER, _MAPPING_READER = 2, 7, 2


class CommitLost(Exception):
    """Another writer committed first."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file of a version. ``low`` and ``high`` bound the columns that have bounds."""

    path: str
    size: int
    rows: int | None
    low: Mapping[str, Any]
    high: Mapping[str, Any]
    complete: bool  # statistics name every column of the table, so the file has them all


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A table version as the log tells it; files were not opened."""

    table: str
    delta: DeltaTable
    version: int
    schema: pa.Schema
    key: tuple[str, ...]
    files: tuple[DataFile, ...]

    @property
    def rows(self) -> int | None:
        """Number of rows by the log; ``None`` when another engine left out the statistics."""
        counts = [file.rows for file in self.files]
        return None if None in counts else sum(count or 0 for count in counts)


def open_snapshot(
    storage: Storage, table: str, at: int | datetime | None = None, *, for_writing: bool = False
) -> Snapshot:
    """Load a version (the newest by default).

    Raises:
        TableMissing: no such table.
        VersionMissing: no such version, or a time before the table existed.
        UnsupportedTable: the protocol asks for a feature that would be misread or broken.
    """
    delta = open_delta(storage, table)
    if at is not None:
        version = at if isinstance(at, int) else version_at(delta, table, at)
        if not 0 <= version <= delta.version():
            raise VersionMissing(
                f"表 {table} 没有第 {version} 版，现有第 0 至 {delta.version()} 版。"
            )
        try:
            delta.load_as_version(version)
        except DeltaError as error:
            raise VersionMissing(f"表 {table} 的第 {version} 版已被清理，无法读取。") from error
    _check_protocol(table, delta, for_writing=for_writing)
    schema = pa.schema(cast(Any, delta.schema().to_arrow()))
    key = tuple(json.loads(delta.metadata().configuration.get(KEY_PROPERTY, "[]")))
    files = tuple(_data_files(table, delta, schema))
    return Snapshot(table, delta, delta.version(), schema, key, files)


def open_delta(storage: Storage, table: str) -> DeltaTable:
    """The newest version by delta-rs.

    Raises:
        TableMissing: no such table.
    """
    try:
        return DeltaTable(storage.uri(table), storage_options=storage.options)
    except TableNotFoundError as error:
        raise TableMissing(f"数据湖中没有表 {table}，请核对表名或先建表。") from error
    except DeltaError as error:
        raise UnsupportedTable(f"表 {table} 的事务日志不能识别，已拒绝读取：{error}") from error


def _check_protocol(table: str, delta: DeltaTable, *, for_writing: bool) -> None:
    protocol = delta.protocol()
    settings = delta.metadata().configuration
    unread = set(protocol.reader_features or ()) - _READER_FEATURES
    if protocol.min_reader_version == _MAPPING_READER:
        unread |= (
            {"columnMapping"}
            if settings.get("delta.columnMapping.mode", "none") != "none"
            else set()
        )
    if settings.get("delta.enableDeletionVectors") == "true":
        unread.add("deletionVectors")
    if delta.metadata().partition_columns:
        unread.add("partitionColumns")
    if unread:
        raise UnsupportedTable(
            f"表 {table} 启用了本平台不支持的特性 {sorted(unread)}，为避免读错已拒绝。"
            "请在原引擎中关闭这些特性并重写该表。"
        )
    if not for_writing:
        return
    unwritten = set(protocol.writer_features or ()) - _WRITER_FEATURES
    if _PLAIN_WRITER < protocol.min_writer_version < _FEATURE_WRITER:
        unwritten.add(f"writerVersion{protocol.min_writer_version}")
    if settings.get("delta.appendOnly") == "true":
        unwritten.add("appendOnly")
    if delta.schema().invariants:
        unwritten.add("invariants")
    if unwritten:
        raise UnsupportedTable(
            f"表 {table} 要求写入方支持 {sorted(unwritten)}，本平台不支持，已拒绝写入；仍可读取。"
        )


def _data_files(table: str, delta: DeltaTable, schema: pa.Schema) -> list[DataFile]:
    found = []
    for row in pa.table(delta.get_add_actions()).to_pylist():
        path = row["path"]
        if "://" in path or path.startswith("/") or ".." in path.split("/"):
            raise UnsupportedTable(f"表 {table} 引用了表外的文件，已拒绝读取。")
        nulls = row.get("null_count") or {}
        found.append(
            DataFile(
                path=path,
                size=row["size_bytes"],
                rows=row.get("num_records"),
                low=row.get("min") or {},
                high=row.get("max") or {},
                complete=all(nulls.get(name) is not None for name in schema.names),
            )
        )
    return sorted(found, key=lambda file: file.path)


def commit(
    snapshot: Snapshot,
    *,
    add: Sequence[AddAction],
    remove: Sequence[DataFile],
    info: Mapping[str, Any],
    commit_key: str | None,
    data_change: bool = True,
) -> int:
    """Make ``snapshot.version + 1`` of it, all or nothing, and return that number.

    Raises:
        CommitLost: someone else made that version first.
    """
    now = int(datetime.now(UTC).timestamp() * 1000)
    target = snapshot.version + 1
    removed = [
        RemoveAction(file.path, data_change, now, file.size, partition_values={}) for file in remove
    ]
    marks = [Transaction(_app_id(commit_key), target, now)] if commit_key else None
    try:
        snapshot.delta.create_write_transaction(
            actions=[*add, *removed],
            mode="append",
            schema=snapshot.delta.schema(),
            commit_properties=CommitProperties(
                custom_metadata={COMMIT_INFO: json.dumps(dict(info), ensure_ascii=False)},
                max_commit_retries=0,
                app_transactions=marks,
            ),
            post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
        )
    except CommitFailedError as error:
        raise CommitLost from error
    return target


def landed(storage: Storage, table: str, version: int, write_id: str) -> bool:
    """Whether commit ``version`` is the one that carries ``write_id``."""
    delta = open_delta(storage, table)
    if delta.version() < version:
        return False
    for entry in delta.history(delta.version() - version + 1):
        if entry["version"] == version:
            return bool(json.loads(entry.get(COMMIT_INFO, "{}")).get("write_id") == write_id)
    return False


def key_property(key: Sequence[str]) -> str:
    """The text under which a table's key is kept in its properties."""
    return json.dumps(list(key), ensure_ascii=False)


def _app_id(commit_key: str) -> str:
    return f"chengshu:{commit_key}"


def earlier_result(storage: Storage, snapshot: Snapshot, commit_key: str) -> WriteResult | None:
    """The result that a commit with this key recorded, if there was one."""
    version = snapshot.delta.transaction_version(_app_id(commit_key))
    if version is None:
        return None
    delta = open_delta(storage, snapshot.table)
    for entry in delta.history(delta.version() - version + 1):
        if entry["version"] == version:
            info = json.loads(entry.get(COMMIT_INFO, "{}"))
            return WriteResult(
                table=snapshot.table,
                operation=info.get("operation", ""),
                version=version,
                replayed=True,
                **{name: info.get(name, 0) for name in _COUNTS},
            )
    raise VersionMissing(
        f"表 {snapshot.table} 已有提交键 {commit_key!r} 的记录（第 {version} 版），"
        "但该版日志已被清理；数据已入库，未重复写入。"
    )


_COUNTS = (
    "inserted", "updated", "unchanged", "deleted", "files_added", "files_removed", "seconds",
)  # fmt: skip


def history(delta: DeltaTable, limit: int | None = None) -> list[HistoryEntry]:
    """Commits, newest first."""
    entries = []
    for raw in delta.history(limit):
        info = json.loads(raw.get(COMMIT_INFO, "{}"))
        entries.append(
            HistoryEntry(
                version=raw["version"],
                at=datetime.fromtimestamp(raw["timestamp"] / 1000, UTC),
                operation=info.get("operation") or _words(raw.get("operation", "")),
                source=info.get("source", ""),
                commit_key=info.get("commit_key"),
                inserted=info.get("inserted"),
                updated=info.get("updated"),
                unchanged=info.get("unchanged"),
            )
        )
    return entries


def _words(operation: str) -> str:
    return re.sub(r"\s+", " ", operation).lower()


def version_at(delta: DeltaTable, table: str, when: datetime) -> int:
    """The newest version that existed at a time-zone-aware moment.

    Raises:
        VersionMissing: the moment has no zone, or lies before the first version.
    """
    if when.tzinfo is None:
        raise VersionMissing("按时间查询历史版本时必须给出带时区的时间。")
    for entry in history(delta):
        if entry.at <= when:
            return entry.version
    raise VersionMissing(f"表 {table} 在 {when.isoformat()} 时尚未建立。")
