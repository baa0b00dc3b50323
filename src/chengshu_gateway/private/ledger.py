"""What was spent of every grant's privacy budget, and the answers that were bought with it.

One small database for all workers of a gateway, written durably before anything is drawn: a killed
process can lose an answer, never an expense. The trail has every expense as well, with each answer
that it paid for; when the ledger is lost, or an older copy of it was put back, the expenses of the
present periods are read from there before the next one is allowed.
"""

import contextlib
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from chengshu_gateway import audit_chain

_WAIT_SECONDS = 10.0
_KEPT = timedelta(days=40)
"""Longer than any period."""
_MARK = b'"spent_on":"'
_TABLE = """
CREATE TABLE IF NOT EXISTS spent (
    expense TEXT PRIMARY KEY, app TEXT NOT NULL, interface TEXT NOT NULL, question TEXT NOT NULL,
    day TEXT NOT NULL, micros INTEGER NOT NULL CHECK (micros >= 0), answer TEXT,
    version TEXT NOT NULL DEFAULT '', lost INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID
"""
_INDEX = "CREATE INDEX IF NOT EXISTS spent_by ON spent (app, interface, day)"
# What left and is not kept any more cannot be given out again: whoever asks again pays again.
_ENTER = """
INSERT INTO spent (expense, app, interface, question, day, micros, lost) VALUES (?, ?, ?, ?, ?, ?, 1)
ON CONFLICT (expense) DO UPDATE SET lost = 1 WHERE answer IS NULL
"""


@dataclass(frozen=True, slots=True)
class Item:
    """Whose question, as the trail names it."""

    app: str
    interface: str
    question: str


@dataclass(frozen=True, slots=True)
class Expense:
    """An allowed expense: its number, the day it was made, what it was, what the period has spent with it.

    `answer` and `version` are what it bought, when that is already known.
    """

    number: str
    day: str
    micros: int
    spent: int
    answer: str | None
    version: str


class LedgerError(RuntimeError):
    """The ledger cannot be read or written; nothing may be answered."""


class Ledger:
    """The expenses of one gateway's data directory; use it from any thread and process."""

    def __init__(self, path: Path, audit: Path) -> None:
        """Nothing is opened before the first question."""
        self._path = path
        self._audit = audit
        self._lock = threading.Lock()
        self._caught_up = False

    def spend(
        self, item: Item, *, start: date, day: date, micros: int, limit: int
    ) -> Expense | None:
        """Pay for a question, or find what was paid in this period; None when the budget is used up.

        `start` is the first day of the period, `limit` its whole budget in millionths. When this
        returns, the expense is on the disk.

        Raises:
            LedgerError: nothing was paid.
        """
        with self._transaction() as connection:
            spent = _spent(connection, item, start)
            row = connection.execute(
                "SELECT expense, day, micros, answer, version FROM spent WHERE app = ? AND interface = ?"
                " AND question = ? AND day >= ? AND NOT lost ORDER BY day LIMIT 1",
                (item.app, item.interface, item.question, start.isoformat()),
            ).fetchone()
            if row is not None:
                return Expense(row[0], row[1], row[2], spent, row[3], row[4])
            if spent + micros > limit:
                return None
            number = secrets.token_hex(8)
            connection.execute(
                "INSERT INTO spent (expense, app, interface, question, day, micros)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (number, item.app, item.interface, item.question, day.isoformat(), micros),
            )
            return Expense(number, day.isoformat(), micros, spent + micros, None, "")

    def keep(self, number: str, answer: str, version: str) -> tuple[str, str]:
        """Keep what an expense bought; returns (answer, version) of whoever was first.

        Raises:
            LedgerError: nothing was kept, so nothing may leave.
        """
        with self._transaction() as connection:
            connection.execute(
                "UPDATE spent SET answer = ?, version = ?"
                " WHERE expense = ? AND answer IS NULL AND NOT lost",
                (answer, version, number),
            )
            row = connection.execute(
                "SELECT answer, version FROM spent WHERE expense = ? AND NOT lost", (number,)
            ).fetchone()
        if row is None:
            raise LedgerError("the expense is gone")
        return row[0], row[1]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, contextlib.closing(self._connect()) as connection:
                connection.execute("BEGIN IMMEDIATE")
                self._catch_up(connection)
                yield connection
                connection.execute("COMMIT")
                self._caught_up = True
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(str(error)) from error

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(
            self._path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        # FULL: a commit that returned is on the disk, also after a loss of power.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        """Once a process, and whenever the file is new: enter what only the trail knows."""
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version and self._caught_up:
            return
        connection.execute(_TABLE)
        connection.execute(_INDEX)
        connection.execute("PRAGMA user_version = 1")
        oldest = datetime.now(UTC) - _KEPT
        connection.execute("DELETE FROM spent WHERE day < ?", (oldest.date().isoformat(),))
        connection.executemany(_ENTER, _in_trail(self._audit, oldest.timestamp()))


def _spent(connection: sqlite3.Connection, item: Item, start: date) -> int:
    (found,) = connection.execute(
        "SELECT coalesce(sum(micros), 0) FROM spent WHERE app = ? AND interface = ? AND day >= ?",
        (item.app, item.interface, start.isoformat()),
    ).fetchone()
    return int(found)


def _in_trail(audit: Path, oldest: float) -> Iterator[tuple[str, str, str, str, str, int]]:
    """The expenses whose answers left, of the segments that were written to since `oldest`."""
    for chain in audit_chain.worker_directories(audit) if audit.is_dir() else []:
        for _number, path in audit_chain.segments(chain):
            if path.stat().st_mtime < oldest:
                continue
            with path.open("rb") as stream:
                for line in stream:
                    # A purpose may contain the mark: only the parsed record decides.
                    if _MARK in line and line.endswith(b"\n"):
                        record = audit_chain.content(line)
                        if record.get("spent_on") and record["outcome"] == "ok":
                            yield (
                                record["expense"], record["app"], record["interface"],
                                record["record"], record["spent_on"], record["spent"],
                            )  # fmt: skip
