"""Why staging stopped. Nothing of the batch has left the work folder in any of these cases."""

import errno

import duckdb

_DISK_SIGNS = ("no space left", "disk full", f"errno {errno.ENOSPC}")


class StageError(Exception):
    """Staging failed as a whole; the message is for the data officer (Chinese)."""


class StageCancelledError(StageError):
    """The person asked to stop."""


def explain(error: OSError | duckdb.Error) -> StageError:
    """A machine fault in the user's words; the cause stays chained for the log."""
    text = str(error).lower()
    if getattr(error, "errno", None) == errno.ENOSPC or any(sign in text for sign in _DISK_SIGNS):
        return StageError(
            "磁盘空间不足，装载已撤销，没有载入任何数据。请联系运维清理或扩容后重新装载。"
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return StageError(
            "内存不足，装载已撤销，没有载入任何数据。请稍后重试，或联系运维调高内存上限。"
        )
    return StageError(
        "读写暂存文件时出错，装载已撤销，没有载入任何数据。请重试；仍不成功请联系运维。"
    )
