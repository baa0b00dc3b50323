"""Files exchanged in a folder of this machine, such as a mounted share."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from chengshu.data.cascade.adapters.base import Link, UpperError
from chengshu.data.cascade.adapters.exchange import FileUpper

_PIECE = 1024 * 1024


def allowed_roots() -> tuple[Path, ...]:
    """Folders under which an exchange folder may lie: those the operator allows for dropped files."""
    return settings.DROP_ROOTS or (Path(settings.DATA_DIR) / "drops",)


def folder_upper(link: Link) -> FileUpper:
    """The conversation through the folder that the address names.

    Raises:
        UpperError: there is no such folder below those that are allowed.
    """
    return FileUpper(link.name, FolderStore(link.name, _allowed(link)))


class FolderStore:
    """A folder as a store of the conversation."""

    def __init__(self, name: str, root: Path) -> None:
        self._name, self._root = name, root

    @property
    def place(self) -> str:
        """The folder's name."""
        return f"交换文件夹 {self._root.name}"

    @contextmanager
    def opened(self) -> Iterator["LocalExchange"]:
        """The folder; it needs no opening."""
        try:
            yield LocalExchange(self._root)
        except OSError as error:
            raise UpperError(
                f"“{self._name}”的交换文件夹用不了（{error.strerror}）。",
                "请运维检查是否还挂载着。",
            ) from error


class LocalExchange:
    """An :class:`ExchangeFolder` of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, place: str, most: int) -> bytes | None:
        """The content, None when it is no plain file."""
        path = self._plain(place)
        if path is None:
            return None
        with path.open("rb") as file:
            return file.read(most + 1)

    def write(self, place: str, content: bytes) -> None:
        """Write under a temporary name, to the disk, and rename."""

        def fill(part: Path) -> None:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())

        self._put(place, fill)

    def numbers(self, place: str) -> list[int]:
        """The folders named by a number."""
        folder = self._root / place
        return sorted(
            int(each.name)
            for each in (folder.iterdir() if folder.is_dir() else ())
            if each.name.isdecimal() and not each.is_symlink()
        )

    def copy_in(self, path: Path, place: str) -> None:
        """Copy under a temporary name and rename."""
        self._put(place, lambda part: shutil.copyfile(path, part))

    def copy_out(self, place: str, target: Path, most: int) -> bool:
        """Copy here, of a longer file ``most`` bytes and one more."""
        path = self._plain(place)
        if path is None:
            return False
        left = most + 1
        with path.open("rb") as source, target.open("wb") as out:
            while left > 0 and (piece := source.read(min(_PIECE, left))):
                left -= len(piece)
                out.write(piece)
        return True

    def remove(self, place: str) -> None:
        """Delete the file."""
        (self._root / place).unlink()

    def _put(self, place: str, fill: Callable[[Path], object]) -> None:
        path = self._root / place
        # The folder itself is never made: a share that is not mounted must be told.
        (self._root / place.partition("/")[0]).mkdir(exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        fill(part)
        part.replace(path)

    def _plain(self, place: str) -> Path | None:
        path = self._root / place
        return None if path.is_symlink() or not path.is_file() else path


def _allowed(link: Link) -> Path:
    for root in allowed_roots():
        base = root.resolve()
        folder = (base / link.address.lstrip("/")).resolve()
        if folder.is_relative_to(base) and folder.is_dir():
            return folder
    raise UpperError(
        f"投递目录之下没有文件夹“{link.address}”。", "请运维先建好，再填它的相对位置。", final=True
    )
