"""The merge: which files a batch touches, and writing these anew.

Delta tables are copy-on-write. Three passes keep the cost near what the batch really changes:

1. the log's key ranges, then the key columns alone, tell which files hold keys of the batch;
2. only in these, whole rows are compared: a row that arrives unchanged touches nothing, so the
   daily full delivery of a department that changed ten rows rewrites the files of ten rows;
3. large touched files are rewritten one by one in their order (no sort); small ones are folded,
   together with the new rows, into one sorted file. A table of average size stays one sorted file.

A column whose name starts with ``STAMP_PREFIX`` says where a row came from. It is written with the row
and is no part of the comparison: a row that arrives unchanged keeps its first stamp.
"""

# ruff: noqa: S608 - identifiers go through quoted(), values through parameters or literal()

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from chengshu_lake.errors import DuplicateKeys
from chengshu_lake.names import STAMP_PREFIX
from chengshu_lake.parquet import FILE_ROWS, ROW_GROUP, NewFiles
from chengshu_lake.session import (
    columns_sql,
    duckdb_type,
    empty_sql,
    files_sql,
    literal,
    quoted,
    table_sql,
)
from chengshu_lake.snapshot import DataFile, Snapshot
from chengshu_lake.storage import Storage

SMALL_ROWS = FILE_ROWS // 2
MAX_SMALL_FILES = 8
_FILE = "_chengshu_file"


@dataclass(frozen=True, slots=True)
class Batch:
    """The input of one write, spooled as table ``batch`` of a session."""

    session: duckdb.DuckDBPyConnection
    schema: pa.Schema  # the columns the input offers, in table order
    rows: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class Touched:
    """What a batch means for a version: counts, and the files to be written anew."""

    inserted: int
    updated: int
    unchanged: int
    large: tuple[DataFile, ...]
    small: tuple[DataFile, ...]
    deleted: int = 0
    emptied: tuple[DataFile, ...] = ()  # no row of these stays
    thinned: bool = False  # rows that the batch lacks are left out of the successors

    @property
    def files(self) -> tuple[DataFile, ...]:
        return self.large + self.small + self.emptied


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes of rows on either side.

    ``update``: a known key takes the new values, else it stays as it is. ``delete``: a row whose key the
    batch lacks goes.
    """

    update: bool = True
    delete: bool = False


UPSERT = Policy()


def spool(
    session: duckdb.DuckDBPyConnection, schema: pa.Schema, batches: Iterator[pa.RecordBatch]
) -> Batch:
    """Take the whole input into the session (it spills to disk beyond the memory limit)."""
    seen = [0, 0]
    failures: list[Exception] = []

    def counted() -> Iterator[pa.RecordBatch]:
        try:
            for batch in batches:
                seen[0] += batch.num_rows
                seen[1] += batch.nbytes
                yield batch
        except Exception as error:
            failures.append(error)
            raise

    session.register("_input", pa.RecordBatchReader.from_batches(schema, counted()))
    try:
        session.execute(f"CREATE TABLE batch AS SELECT {columns_sql(schema)} FROM _input")
    except duckdb.Error:
        if failures:  # the caller's own error, not DuckDB's report of it
            raise failures[0] from None
        raise
    session.unregister("_input")
    return Batch(session, schema, seen[0], seen[1])


def check_unique(batch: Batch, key: Sequence[str]) -> None:
    """Refuse a batch that holds a key twice.

    Raises:
        DuplicateKeys: with the number of such keys.
    """
    columns = ", ".join(quoted(name) for name in key)
    doubled = _number(
        batch.session,
        f"SELECT count(*) FROM (SELECT 1 FROM batch GROUP BY {columns} HAVING count(*) > 1)",
    )
    if doubled:
        raise DuplicateKeys(
            f"输入数据中有 {doubled} 个主键重复出现（主键：{'、'.join(key)}），未写入任何数据。"
            "请先去重再提交。"
        )


def find_touched(
    storage: Storage, snapshot: Snapshot, batch: Batch, work: Path, policy: Policy = UPSERT
) -> Touched:
    """Compare the batch with the version; leaves the tables ``upd`` and ``hits`` in the session."""
    session = batch.session
    session.execute("CREATE OR REPLACE TABLE hits (f VARCHAR, r BIGINT, changed BOOLEAN)")
    every = {storage.local_copy(snapshot.table, file.path, work): file for file in snapshot.files}
    in_range = set(_in_range(snapshot, batch))
    meeting = _files_with_keys(
        snapshot, batch, sorted(path for path, file in every.items() if file.path in in_range)
    )
    if meeting:
        scan = _scan(snapshot, [every[path] for path in meeting], meeting)
        session.execute(
            f"INSERT INTO hits SELECT t.{_FILE}, b.rowid, {_differs(snapshot, batch, policy)} "
            f"FROM {scan} t JOIN batch b ON {_same_key(snapshot.key, 't', 'b')}"
        )
    session.execute(
        "CREATE OR REPLACE TABLE upd AS SELECT h.f AS _f, b.* "
        "FROM hits h JOIN batch b ON b.rowid = h.r WHERE h.changed"
    )
    matched = _number(session, "SELECT count(DISTINCT r) FROM hits")
    updated = _number(session, "SELECT count(DISTINCT r) FROM hits WHERE changed")
    gone = _missing_rows(batch, every) if policy.delete else []
    emptied = tuple(file for file, lost, kept in gone if lost and not kept)
    found = session.execute("SELECT DISTINCT _f FROM upd ORDER BY 1").fetchall()
    changed = [every[path] for (path,) in found]
    changed += [file for file, lost, kept in gone if lost and kept and file not in changed]
    inserted = batch.rows - matched
    large, small = _arrange(snapshot, changed, emptied, inserted)
    return Touched(
        inserted, updated, matched - updated, large, small,
        deleted=sum(lost for _, lost, _ in gone), emptied=emptied, thinned=policy.delete,
    )  # fmt: skip


def find_lacking(
    storage: Storage,
    snapshot: Snapshot,
    batch: Batch,
    work: Path,
    within: tuple[str, Sequence[Any]],
) -> int:
    """Leave in table ``lacking`` the rows of the batch that the version does not hold as often; returns how many.

    Rows are compared whole, their stamps apart. ``within`` is a condition with its parameters: only rows of the
    version that fulfil it count as held.
    """
    paths = [storage.local_copy(snapshot.table, file.path, work) for file in snapshot.files]
    held = (
        table_sql(
            snapshot.schema, files_sql(paths), complete=all(f.complete for f in snapshot.files)
        )
        if paths
        else empty_sql(snapshot.schema)
    )
    condition, params = within
    names = [name for name in batch.schema.names if not name.startswith(STAMP_PREFIX)]
    same = ", ".join(quoted(name) for name in names)
    pairs = " AND ".join(f"b.{quoted(n)} IS NOT DISTINCT FROM k.{quoted(n)}" for n in names)
    batch.session.execute(
        f"CREATE OR REPLACE TABLE lacking AS SELECT b.* EXCLUDE (_copy, _place) FROM ("
        f"SELECT *, rowid AS _place, row_number() OVER (PARTITION BY {same} ORDER BY rowid) AS _copy "
        f"FROM batch) b LEFT JOIN (SELECT {same}, count(*) AS _copies FROM ({held}) t "
        f"WHERE ({condition}\n) GROUP BY ALL) k ON {pairs} "
        "WHERE b._copy > coalesce(k._copies, 0) ORDER BY b._place",
        list(params),
    )
    return _number(batch.session, "SELECT count(*) FROM lacking")


def _differs(snapshot: Snapshot, batch: Batch, policy: Policy) -> str:
    if not policy.update:
        return "false"
    left_out = {*snapshot.key, *(n for n in batch.schema.names if n.startswith(STAMP_PREFIX))}
    given = [name for name in batch.schema.names if name not in left_out]
    tests = [f"t.{quoted(name)} IS DISTINCT FROM b.{quoted(name)}" for name in given]
    return " OR ".join(tests) or "false"


def _missing_rows(batch: Batch, every: dict[str, DataFile]) -> list[tuple[DataFile, int, int]]:
    """Each file with how many of its rows the batch lacks, and how many it has."""
    hits: dict[str, int] = dict(
        batch.session.execute("SELECT f, count(*) FROM hits GROUP BY f").fetchall()
    )
    found = []
    for path, file in every.items():
        rows = file.rows
        if rows is None:
            rows = _number(batch.session, f"SELECT count(*) FROM {files_sql([path])}")
        kept = hits.get(path, 0)
        found.append((file, rows - kept, kept))
    return found


def _in_range(snapshot: Snapshot, batch: Batch) -> list[str]:
    if not batch.rows or not snapshot.files:
        return []
    ends = ", ".join(f"min({quoted(n)}), max({quoted(n)})" for n in snapshot.key)
    row = batch.session.sql(f"SELECT {ends} FROM batch").to_arrow_table()
    found = [column[0].as_py() for column in row.columns]
    bounds = dict(zip(snapshot.key, zip(found[::2], found[1::2], strict=True), strict=True))
    return [file.path for file in snapshot.files if overlaps(file, bounds)]


def overlaps(file: DataFile, bounds: dict[str, tuple[Any, Any]]) -> bool:
    """Whether the file may hold rows with every column within its (low, high) bounds."""
    for name, (low, high) in bounds.items():
        file_low, file_high = file.low.get(name), file.high.get(name)
        if file_low is not None and file_low > high:
            return False
        if file_high is not None and file_high < low:
            return False
    return True


def _files_with_keys(snapshot: Snapshot, batch: Batch, paths: list[str]) -> list[str]:
    if not paths:
        return []
    listed = ", ".join(literal(path) for path in paths)
    found = batch.session.execute(
        f"SELECT DISTINCT t.{_FILE} FROM read_parquet([{listed}], union_by_name = true, "
        f"filename = '{_FILE}') t JOIN batch b ON {_same_key(snapshot.key, 't', 'b')} ORDER BY 1"
    ).fetchall()
    return [path for (path,) in found]


def _scan(snapshot: Snapshot, files: Sequence[DataFile], paths: Sequence[str]) -> str:
    """A FROM item: the table's columns out of these files, and the file of each row."""
    source = files_sql(paths).removesuffix(")") + f", filename = '{_FILE}')"
    columns = f"{columns_sql(snapshot.schema)}, {_FILE}"
    if all(file.complete for file in files):
        return f"(SELECT {columns} FROM {source})"
    empty = f"SELECT *, NULL::VARCHAR AS {_FILE} FROM ({empty_sql(snapshot.schema)})"
    return f"(SELECT {columns} FROM ({empty} UNION ALL BY NAME SELECT * FROM {source}))"


def _arrange(
    snapshot: Snapshot, changed: list[DataFile], emptied: Sequence[DataFile], inserted: int
) -> tuple[tuple[DataFile, ...], tuple[DataFile, ...]]:
    large = [file for file in changed if (file.rows or 0) >= SMALL_ROWS]
    small = [file for file in changed if file not in large]
    if inserted or small:
        resting = [
            file
            for file in snapshot.files
            if (file.rows or 0) < SMALL_ROWS and file not in changed and file not in emptied
        ]
        if len(resting) >= MAX_SMALL_FILES:
            small += resting
    return tuple(large), tuple(small)


def write_touched(
    storage: Storage,
    snapshot: Snapshot,
    batch: Batch,
    touched: Touched,
    new: NewFiles,
    *,
    threads: int,
    work: Path,
) -> None:
    """Write the successors of the touched files, and the new rows."""

    def rewrite(file: DataFile) -> None:
        path = storage.local_copy(snapshot.table, file.path, work)
        query = _updated_sql(snapshot, batch, [file], [path], thinned=touched.thinned)
        with batch.session.cursor() as cursor:
            new.write(cursor.sql(query).to_arrow_reader(ROW_GROUP), FILE_ROWS * 2)

    with ThreadPoolExecutor(threads, thread_name_prefix="lake-rewrite") as pool:
        for done in [pool.submit(rewrite, file) for file in touched.large]:
            done.result()
    rows = touched.inserted + sum(file.rows or 0 for file in touched.small)
    parts = [_inserted_sql(snapshot, batch)] if touched.inserted else []
    if touched.small:
        paths = [storage.local_copy(snapshot.table, file.path, work) for file in touched.small]
        parts.append(_updated_sql(snapshot, batch, touched.small, paths, thinned=touched.thinned))
    if parts:
        query = f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY {_listed(snapshot.key)}"
        new.write(batch.session.sql(query).to_arrow_reader(ROW_GROUP), even_rows(rows))


def even_rows(rows: int) -> int:
    """Rows a file for ``rows`` rows in files of equal size, none above the target."""
    return max(1, math.ceil(rows / max(1, math.ceil(rows / FILE_ROWS))))


def _updated_sql(
    snapshot: Snapshot,
    batch: Batch,
    files: Sequence[DataFile],
    paths: Sequence[str],
    *,
    thinned: bool,
) -> str:
    columns = ", ".join(
        f"CASE WHEN u._f IS NULL THEN t.{quoted(name)} ELSE u.{quoted(name)} END AS {quoted(name)}"
        if name in batch.schema.names and name not in snapshot.key
        else f"t.{quoted(name)} AS {quoted(name)}"
        for name in snapshot.schema.names
    )
    rows = table_sql(
        snapshot.schema, files_sql(paths), complete=all(file.complete for file in files)
    )
    listed = ", ".join(literal(path) for path in paths)
    if thinned:
        rows = f"SELECT * FROM ({rows}) o SEMI JOIN batch k ON {_same_key(snapshot.key, 'o', 'k')}"
    return (
        f"SELECT {columns} FROM ({rows}) t LEFT JOIN (SELECT * FROM upd WHERE _f IN ({listed})) u "
        f"ON {_same_key(snapshot.key, 't', 'u')}"
    )


def _inserted_sql(snapshot: Snapshot, batch: Batch) -> str:
    return (
        f"SELECT {offered_sql(snapshot.schema, batch.schema)} FROM batch b "
        "ANTI JOIN hits h ON b.rowid = h.r"
    )


def offered_sql(table: pa.Schema, offered: pa.Schema) -> str:
    """A select list of all table columns, those the input lacks as empty."""
    return ", ".join(
        quoted(field.name)
        if field.name in offered.names
        else f"NULL::{duckdb_type(field.type)} AS {quoted(field.name)}"
        for field in table
    )


def _same_key(key: Sequence[str], left: str, right: str) -> str:
    return " AND ".join(f"{left}.{quoted(name)} = {right}.{quoted(name)}" for name in key)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(quoted(name) for name in names)


def _number(session: duckdb.DuckDBPyConnection, query: str) -> int:
    # fetchall, not fetchone: an unfinished result would block the connection.
    return int(session.execute(query).fetchall()[0][0])
