"""Files read and written below one folder of an SFTP server."""

import stat
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import paramiko

_PIECE = 256 * 1024
# Answers asked for ahead of reading: enough for a slow line, few enough to bound memory.
_AHEAD = 64


class RemoteExchange:
    """An :class:`ExchangeFolder` on a server; lives as long as its session."""

    def __init__(self, client: paramiko.SFTPClient, folder: str) -> None:
        self._client, self._root = client, folder.rstrip("/") or "/"
        client.stat(self._root)  # a missing folder is told, not taken for an empty one

    def read(self, place: str, most: int) -> bytes | None:
        """The content, None when it is no plain file."""
        if self._size(place) is None:
            return None
        with self._client.open(self._at(place), "rb") as file:
            return file.read(most + 1)

    def write(self, place: str, content: bytes) -> None:
        """Write under a temporary name and rename; the server's count of bytes must be ours."""
        self._put(place, lambda part: self._client.putfo(BytesIO(content), part, len(content)))

    def numbers(self, place: str) -> list[int]:
        """The folders named by a number."""
        try:
            found = self._client.listdir_attr(self._at(place))
        except FileNotFoundError:
            return []
        names = [one.filename for one in found if not stat.S_ISLNK(one.st_mode or 0)]
        return sorted(int(name) for name in names if name.isdecimal())

    def copy_in(self, path: Path, place: str) -> None:
        """Upload under a temporary name and rename; the server's count of bytes must be ours."""
        self._put(place, lambda part: self._client.put(str(path), part))

    def copy_out(self, place: str, target: Path, most: int) -> bool:
        """Download, never much more than ``most`` bytes."""
        size = self._size(place)
        if size is None:
            return False
        left = min(size, most + 1)
        with self._client.open(self._at(place), "rb") as source, target.open("wb") as out:
            source.prefetch(left, max_concurrent_requests=_AHEAD)
            while left > 0 and (piece := source.read(min(_PIECE, left))):
                left -= len(piece)
                out.write(piece)
        return True

    def remove(self, place: str) -> None:
        """Delete the file."""
        self._client.remove(self._at(place))

    def _put(self, place: str, send: Callable[[str], object]) -> None:
        parent, _, name = place.rpartition("/")
        self._make(parent)
        part, whole = self._at(f"{parent}/.{name}.part"), self._at(place)
        send(part)
        try:
            self._client.posix_rename(part, whole)
        except (FileNotFoundError, PermissionError):
            raise
        except OSError:
            # A server without that extension renames only to a name that is free.
            with suppress(FileNotFoundError):
                self._client.remove(whole)
            self._client.rename(part, whole)

    def _make(self, place: str) -> None:
        path = self._root
        for name in filter(None, place.split("/")):
            path = f"{path.rstrip('/')}/{name}"
            try:
                self._client.stat(path)
            except FileNotFoundError:
                self._client.mkdir(path)

    def _size(self, place: str) -> int | None:
        try:
            found = self._client.lstat(self._at(place))
        except FileNotFoundError:
            return None
        return int(found.st_size or 0) if stat.S_ISREG(found.st_mode or 0) else None

    def _at(self, place: str) -> str:
        return f"{self._root.rstrip('/')}/{place.lstrip('/')}"
