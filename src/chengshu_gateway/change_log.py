"""The change log inside a snapshot: what each replaced version had that the next one has not.

An undo log: for every version that the file still knows, the rows that differed from the version
before, as they were *before*. The row of any key at any known version is then its first undo entry
after that version or, when there is none, the row of today. One immutable file holds rows and log
together, so a reader never sees one without the other.
"""

import contextlib
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from chengshu_gateway.bundle import Column

KEPT_DAYS = 30
KEPT_VERSIONS = 500
LEAST_KEPT = 10_000
"""Entries that are kept however small the table is; beyond, no more than the table has rows: who
missed more than that is better served by reading everything anew."""
HOP, PRESENT = '"#hop"', '"#present"'
"""Names that no column of an interface can have."""


@dataclass(frozen=True, slots=True)
class _Version:
    """One version that a cursor may start from, and how many rows it changed."""

    hop: int
    version: str
    at: float
    changes: int


def write(
    path: Path,
    former: Path | None,
    *,
    version: str,
    columns: Sequence[Column],
    key: str,
    track: bool,
) -> None:
    """Add the log to a snapshot that is being built; `former` is the version it will replace.

    Without `track`, or when the columns changed, the log starts anew at this version.
    """
    with contextlib.closing(sqlite3.connect(f"file:{quote(str(path))}", uri=True)) as connection:
        connection.isolation_level = None
        for pragma in ("journal_mode=OFF", "synchronous=OFF"):
            connection.execute(f"PRAGMA {pragma}")
        _create(connection, columns, key)
        connection.execute("BEGIN")
        hop, changes = 0, 0
        if track and former is not None and former.is_file():
            connection.execute("COMMIT")
            uri = f"file:{quote(str(former.absolute()))}?mode=ro&immutable=1"
            connection.execute("ATTACH DATABASE ? AS former", (uri,))
            connection.execute("BEGIN")
            if _alike(connection, columns, key):
                known = _kept(connection, former)
                hop = known[-1].hop + 1
                _copy(connection, known)
                changes = _compare(connection, columns, key, hop)
        connection.execute(
            "INSERT INTO hops VALUES (?, ?, ?, ?)", (hop, version, time.time(), changes)
        )
        connection.execute("COMMIT")


def _create(connection: sqlite3.Connection, columns: Sequence[Column], key: str) -> None:
    connection.execute(
        "CREATE TABLE hops (hop INTEGER PRIMARY KEY, version TEXT, at REAL, changes INTEGER)"
    )
    names = ", ".join(f'"{column.name}"' for column in columns)
    connection.execute(
        f'CREATE TABLE undo ({HOP} INTEGER, {PRESENT} INTEGER, {names}, PRIMARY KEY ("{key}", {HOP}))'
        " WITHOUT ROWID"
    )
    connection.execute(f'CREATE INDEX undo_by_hop ON undo ({HOP}, "{key}")')


def _alike(connection: sqlite3.Connection, columns: Sequence[Column], key: str) -> bool:
    stored = connection.execute("SELECT name, type FROM former.columns ORDER BY position")
    (former_key,) = connection.execute(
        "SELECT value FROM former.meta WHERE name = 'key_column'"
    ).fetchone()
    return former_key == key and stored.fetchall() == [(each.name, each.type) for each in columns]


def _kept(connection: sqlite3.Connection, former: Path) -> list[_Version]:
    """The versions a cursor may still start from, the oldest first: at least the former one."""
    table = connection.execute("SELECT 1 FROM former.sqlite_master WHERE name = 'hops'").fetchone()
    if table is None:
        return [_Version(0, former.stem, time.time(), 0)]
    (rows,) = connection.execute("SELECT value FROM former.meta WHERE name = 'rows'").fetchone()
    newest_first = connection.execute("SELECT * FROM former.hops ORDER BY hop DESC")
    since, left = time.time() - KEPT_DAYS * 86400, max(int(rows), LEAST_KEPT)
    kept: list[_Version] = []
    for each in (_Version(*row) for row in newest_first):
        if kept and (each.at < since or left < 0 or len(kept) >= KEPT_VERSIONS):
            break
        kept.insert(0, each)
        # What a version changed is needed by those who start before it.
        left -= each.changes
    return kept


def _copy(connection: sqlite3.Connection, known: Sequence[_Version]) -> None:
    connection.executemany(
        "INSERT INTO hops VALUES (?, ?, ?, ?)",
        [(each.hop, each.version, each.at, each.changes) for each in known],
    )
    if connection.execute("SELECT 1 FROM former.sqlite_master WHERE name = 'undo'").fetchone():
        connection.execute(
            f"INSERT INTO undo SELECT * FROM former.undo WHERE {HOP} > ?",  # noqa: S608
            (known[0].hop,),
        )


def _compare(connection: sqlite3.Connection, columns: Sequence[Column], key: str, hop: int) -> int:
    names = ", ".join(f'"{column.name}"' for column in columns)
    same = " AND ".join(f'n."{column.name}" IS o."{column.name}"' for column in columns)
    gone = connection.execute(
        f"INSERT INTO undo ({HOP}, {PRESENT}, {names}) SELECT ?, 1, {names} FROM former.data AS o"  # noqa: S608
        f" WHERE NOT EXISTS (SELECT 1 FROM main.data AS n WHERE {same})",
        (hop,),
    )
    added = connection.execute(
        f'INSERT INTO undo ({HOP}, {PRESENT}, "{key}") SELECT ?, 0, n."{key}" FROM main.data AS n'  # noqa: S608
        f' WHERE NOT EXISTS (SELECT 1 FROM former.data AS o WHERE o."{key}" = n."{key}")',
        (hop,),
    )
    return gone.rowcount + added.rowcount
