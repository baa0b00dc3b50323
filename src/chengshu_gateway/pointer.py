"""Publication by pointer: a file gets a new name for ever, and `CURRENT` names the valid one."""

import os
import re
from pathlib import Path

CURRENT = "CURRENT"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def sync_directory(directory: Path) -> None:
    """Make renames in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a whole file under a temporary name, fsync it and rename it into place."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def swap(directory: Path, name: str) -> None:
    """Point `CURRENT` of a directory at a file that is already durable there."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"发布文件名不合规：{name!r}")
    write_durably(directory / CURRENT, name.encode() + b"\n")


def read(directory: Path) -> str | None:
    """Return the name that `CURRENT` holds; None when nothing was published.

    Raises:
        ValueError: The pointer does not hold a plain file name (never followed).
    """
    try:
        name = (directory / CURRENT).read_text("ascii").strip()
    except FileNotFoundError:
        return None
    if not _NAME.fullmatch(name):
        raise ValueError(f"发布指针内容不合规：{directory.name}/{CURRENT}，请重新发布。")
    return name


def stamp(directory: Path) -> tuple[int, int] | None:
    """Return a cheap mark that changes with every swap (for polling); None when unpublished."""
    try:
        status = (directory / CURRENT).stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_ino
