"""Errors of the lake engine.

Every message is a Chinese sentence for the person who reads it: what happened, what was kept,
what to do next. The cause stays attached (``__cause__``) for the log.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa
from deltalake.exceptions import DeltaError


class LakeError(Exception):
    """Base of everything the lake engine raises on purpose."""


class BadTableName(LakeError):
    """The text is not a ``zone/name`` of a lake table."""


class TableMissing(LakeError):
    """The table does not exist."""


class TableExists(LakeError):
    """A table of this name exists already."""


class VersionMissing(LakeError):
    """The asked version or time is not (or no longer) in the table."""


class UnsupportedTable(LakeError):
    """The table asks for a Delta feature that this engine does not read or write."""


class CommitConflict(LakeError):
    """Other writers won every attempt; nothing of this write is visible."""


class NoSpace(LakeError):
    """Not enough disk space; nothing of this write is visible."""


class SchemaMismatch(LakeError):
    """The data does not fit the columns of the table; nothing was written."""


class DuplicateKeys(SchemaMismatch):
    """A key occurs twice in the input, or exists already where it must be new."""


class TooManyDeleted(LakeError):
    """More rows would vanish than the caller allows; nothing was written.

    ``deleted`` of the table's ``rows`` rows would be gone.
    """

    def __init__(self, message: str, *, deleted: int, rows: int) -> None:
        super().__init__(message)
        self.deleted = deleted
        self.rows = rows


class KeyMissing(SchemaMismatch):
    """The call needs a key, and the table or the row has none."""


class BadQuery(LakeError):
    """The query is refused by the sandbox, or cannot be answered."""


NO_SPACE = "磁盘空间不足，本次写入已取消，表中原有数据未改动。请清理磁盘或扩容后重试。"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FULL_TEXTS = ("no space left on device", "os error 28", "disk quota", "max_temp_directory_size")


def is_disk_full(error: BaseException) -> bool:
    """Whether the error, or one it was raised from, says that the disk (or a quota) is full."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _FULL:
            return True
        if any(text in str(seen).lower() for text in _FULL_TEXTS):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


@contextmanager
def write_errors(table: str) -> Iterator[None]:
    """Put failures of the disk and of the libraries below into words; others pass unchanged.

    Raises:
        NoSpace: the disk or a quota is full, in the words of any of the libraries.
        LakeError: anything else that DuckDB, Arrow, delta-rs or the file system reports.
    """
    try:
        yield
    except LakeError:
        raise
    except (duckdb.Error, pa.ArrowException, DeltaError, OSError) as error:
        if is_disk_full(error):
            raise NoSpace(NO_SPACE) from error
        raise LakeError(
            f"对表 {table} 的写入没有完成，表中原有数据未改动。请重试；仍失败时把这句话交给运维人员："
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from error
