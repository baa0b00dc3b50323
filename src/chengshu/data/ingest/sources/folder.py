"""A folder on this machine (often a mounted share) into which departments drop files."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from chengshu.data.ingest.sources.base import Connection
from chengshu.data.ingest.sources.drops import DROP_FIELDS, DROP_GROUP, DropConnector, DroppedFile
from chengshu.data.ingest.sources.errors import Reason, SourceError


class _LocalShelf:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self) -> Sequence[DroppedFile]:
        found = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                # A link might lead out of the folder people were allowed.
                facts = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(facts.st_mode):
                    found.append(DroppedFile(entry.name, facts.st_size, int(facts.st_mtime)))
        return found

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        path = self._folder / Path(name).name
        opened = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(opened, "rb") as file:
            yield file

    def has(self, target: str) -> bool:
        return os.path.lexists(self._folder / target)

    def move(self, name: str, target: str) -> None:
        place = self._folder / target
        if place.parent.is_symlink():  # it might lead out of the folder people were allowed
            raise PermissionError(target)
        place.parent.mkdir(exist_ok=True)
        if os.path.lexists(place):
            raise FileExistsError(target)
        (self._folder / Path(name).name).rename(place)


class FolderConnector(DropConnector):
    """Files in a sub-folder of one of the folders the operator allows."""

    key = "folder"
    name = "文件夹"
    note = "平台服务器上的文件夹，通常是挂载的共享盘；只能在运维指定的投递目录之下"
    order = 60
    fields = DROP_FIELDS
    groups = (DROP_GROUP,)
    secret_name = "密钥"  # noqa: S105 - this kind has none

    def check(self, to: Connection) -> str:
        """List the folder."""
        with self.shelf(to) as shelf:
            return f"文件夹（{len(shelf.list()):,} 个文件）"

    @contextmanager
    def shelf(self, to: Connection) -> Iterator[_LocalShelf]:
        """The folder, if it lies under an allowed one."""
        folder = _allowed(to)
        try:
            yield _LocalShelf(folder)
        except FileNotFoundError as error:
            raise SourceError(
                Reason.NO_OBJECT,
                f"“{to.name}”的文件夹或其中的文件不见了。",
                "请核对文件夹，或等对方重新投递。",
            ) from error
        except PermissionError as error:
            raise SourceError(
                Reason.NO_PERMISSION,
                f"平台没有权限读取“{to.name}”的文件夹。",
                "请运维开放读取权限。",
            ) from error
        except OSError as error:
            raise SourceError(
                Reason.LOST,
                f"读取“{to.name}”的文件夹失败：{error.strerror}。",
                "请运维检查共享盘是否还挂载着。",
            ) from error

    def summary(self, options: Mapping[str, Any]) -> str:
        """Folder and pattern."""
        return f"{options.get('folder', '')} / {options.get('pattern', '')}"


def _allowed(to: Connection) -> Path:
    given = to.text("folder")
    for root in to.roots:
        base = root.resolve()
        folder = (
            base / given.lstrip("/") if not given.startswith(str(base)) else Path(given)
        ).resolve()
        if folder.is_relative_to(base) and folder.is_dir():
            return folder
    listed = "、".join(str(root) for root in to.roots) or "（没有设置）"
    raise SourceError(
        Reason.FORBIDDEN_ADDRESS, f"投递目录之下没有文件夹“{given}”。",
        f"允许的投递目录：{listed}；请先让运维建好子文件夹。",
    )  # fmt: skip


CONNECTOR = FolderConnector()
