"""Scratch folders: one per operation, for spilled and downloaded data, gone when it ends.

A folder is never shared: DuckDB gives its spill files fixed names. Its owner holds a lock on a file
in it, so that the folders of killed processes can be told from those in use and swept away.
"""

import fcntl
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_PREFIX = "lake-"
_LOCK = "in-use"
_SETTLED = 60  # seconds after which a folder without a lock is no longer being set up


class Workspace:
    """A new folder below ``parent``; a context manager, or closed by hand."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._lock = (self.path / _LOCK).open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Delete the folder with all it holds."""
        if not self._lock.closed:
            shutil.rmtree(self.path, ignore_errors=True)
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def sweep(parent: Path) -> int:
    """Delete the folders that killed processes left; returns how many."""
    swept = 0
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # its owner, or another sweeper, may take it away meanwhile
            if time.time() - folder.stat().st_mtime < _SETTLED:
                continue
            with (folder / _LOCK).open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
                swept += 1
    return swept
