"""Reading published snapshots: immutable SQLite files, opened once, read in the event loop.

`immutable=1` skips all locking and change checks, which is only safe because a published file
never changes: a new version is a new name and the pointer moves.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from chengshu_gateway import pointer

_MAP_BYTES = 16 << 30


class SnapshotError(RuntimeError):
    """A snapshot that cannot be used; the text says why, in Chinese."""


def index_name(column: str) -> str:
    """Return the quoted name of a column's index."""
    return f'"by_{column}"'


class Snapshot:
    """One open version of a published table."""

    def __init__(self, path: Path) -> None:
        """Open a published file; raises SnapshotError when it is missing or foreign."""
        uri = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
        self.path = path
        self.version = path.stem
        try:
            self._connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=512
            )
        except sqlite3.Error as error:
            raise _unusable(path, error) from error
        try:
            self._connection.execute(f"PRAGMA mmap_size={_MAP_BYTES}")
            rows = self._connection.execute("SELECT name, value FROM meta").fetchall()
        except sqlite3.Error as error:
            self._connection.close()
            raise _unusable(path, error) from error
        meta = dict(rows)
        self.rows = int(meta["rows"])
        self.created = float(meta["created"])
        self.key_column = str(meta["key_column"])
        self.columns: dict[str, str] = dict(
            self._connection.execute("SELECT name, type FROM columns ORDER BY position").fetchall()
        )
        self.indexes = self._read_indexes()
        self.fetch = self._connection.execute
        self._holders = 0
        self._closing = False

    def statement(self, fields: Sequence[str]) -> str:
        """Return the lookup statement for some columns; raises SnapshotError for unknown ones."""
        return f'{self.selection(fields)} WHERE "{self.key_column}" = ?'

    def selection(self, fields: Sequence[str]) -> str:
        """Return how some columns are selected; raises SnapshotError for unknown ones."""
        missing = [name for name in fields if name not in self.columns]
        if missing:
            raise SnapshotError(f"数据快照缺少字段 {'、'.join(missing)}，请重新发布快照。")
        chosen = ", ".join(f'"{name}"' for name in fields)
        return f"SELECT {chosen} FROM data"  # noqa: S608 - checked against the file's own columns

    def lookup(self, key: str, fields: Sequence[str] | None = None) -> dict[str, Any] | None:
        """Return one row as stored (unmasked), or None."""
        names = list(self.columns) if fields is None else list(fields)
        row = self.fetch(self.statement(names), (key,)).fetchone()
        return None if row is None else dict(zip(names, row, strict=True))

    def _read_indexes(self) -> dict[str, int]:
        """Return the indexed columns with their numbers of values; none in files of older builds."""
        known = self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'indexes'")
        if known.fetchone() is None:
            return {}
        return dict(self._connection.execute("SELECT name, values_found FROM indexes").fetchall())

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep the file open while a call that pauses between its records reads from it."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if self._closing and not self._holders:
                self._connection.close()

    def close(self) -> None:
        """Release the file, as soon as no call holds it any more."""
        self._closing = True
        if not self._holders:
            self._connection.close()


def _unusable(path: Path, error: sqlite3.Error) -> SnapshotError:
    return SnapshotError(f"数据快照打不开：{path.name}（{error}）。请重新发布。")


def open_current(directory: Path) -> Snapshot | None:
    """Open the version that a snapshot directory points at; None when nothing is published."""
    name = pointer.read(directory)
    if name is None:
        return None
    path = directory / name
    if not path.is_file():
        raise SnapshotError(f"数据快照 {name} 不存在，请重新发布。")
    return Snapshot(path)
