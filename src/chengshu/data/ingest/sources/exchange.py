"""A folder on the other side in which two platforms leave files for one another: read and written, unlike a drop."""

from pathlib import Path
from typing import Protocol


class ExchangeFolder(Protocol):
    """An opened folder. Places are relative, with ``/``; a file is there whole or not at all.

    Links are taken for missing: nobody is led out of the folder. ``OSError`` or the kind's own errors come through.
    """

    def read(self, place: str, most: int) -> bytes | None:
        """A small file, at most ``most`` bytes and one more (by which the caller knows); None when it is missing."""

    def write(self, place: str, content: bytes) -> None:
        """Put a small file, replacing the one before."""

    def numbers(self, place: str) -> list[int]:
        """Names in a folder that are plain numbers, ascending; none when it is missing."""

    def copy_in(self, path: Path, place: str) -> None:
        """Put a file of ours there, replacing the one before."""

    def copy_out(self, place: str, target: Path, most: int) -> bool:
        """Bring a file, of a longer one ``most`` bytes and one more; False when it is missing."""

    def remove(self, place: str) -> None:
        """Take a file of ours away again."""
