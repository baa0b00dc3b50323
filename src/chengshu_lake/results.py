"""What lake operations return: plain frozen values, no handles."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class WriteResult:
    """Outcome of append, overwrite, merge or sync.

    ``deleted`` counts rows that are no longer there. ``version`` is the table version that holds the
    write. ``replayed`` says that a commit with the same commit key was found, nothing was written, and
    the counts are those of that commit. ``seconds`` is the duration of the write that did the work.
    """

    table: str
    operation: str
    version: int
    inserted: int
    updated: int
    unchanged: int
    files_added: int
    files_removed: int
    seconds: float
    replayed: bool = False
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class CompactResult:
    """Files before and after a compaction; equal when the layout was already good."""

    table: str
    version: int
    files_before: int
    files_after: int
    seconds: float


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One commit. The counts are ``None`` for commits that another engine made."""

    version: int
    at: datetime
    operation: str
    source: str
    commit_key: str | None
    inserted: int | None
    updated: int | None
    unchanged: int | None


@dataclass(frozen=True, slots=True)
class TableStats:
    """Size of the current version, from the log: files, bytes of these files, rows."""

    table: str
    version: int
    files: int
    bytes: int
    rows: int
