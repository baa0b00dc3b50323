"""Sealing and searching with the keys this installation was started with
(``settings.SECRET_KEYS``).
"""

from functools import cache
from pathlib import Path

from django.conf import settings

from chengshu.kernel.crypto.keyring import keyring_from_text
from chengshu.kernel.crypto.sealing import Sealer, SearchHasher
from chengshu.kernel.crypto.streams import SealedReader, SealedWriter, is_sealed_file

__all__ = [
    "SealedReader",
    "SealedWriter",
    "create_sealed_file",
    "is_sealed_file",
    "open_sealed",
    "open_sealed_file",
    "seal",
    "search_candidates",
    "search_hash",
]


@cache
def _sealer() -> Sealer:
    return Sealer(keyring_from_text(settings.SECRET_KEYS))


@cache
def _hasher() -> SearchHasher:
    return SearchHasher(keyring_from_text(settings.SECRET_KEYS))


def seal(value: str, *, place: str) -> str:
    """Encrypt ``value`` for the column ``place`` ("table.column"); the empty string stays empty."""
    return _sealer().seal(value, place) if value else ""


def open_sealed(token: str, *, place: str) -> str:
    """Decrypt what :func:`seal` made for the same column.

    Raises:
        SealedValueError: altered, of another column, or sealed with a key that is gone.
    """
    return _sealer().open(token, place) if token else ""


def search_hash(value: str, *, place: str) -> str:
    """The hash to store beside a sealed value so that it can be found again."""
    return _hasher().hash(value, place) if value else ""


def search_candidates(value: str, *, place: str) -> list[str]:
    """The hashes to look for, one per key, so that a key rotation hides nobody."""
    return _hasher().candidates(value, place) if value else []


def create_sealed_file(path: Path, *, place: str) -> SealedWriter:
    """A new sealed file to be written once, from its beginning to its end."""
    return SealedWriter(path, _sealer(), place)


def open_sealed_file(path: Path, *, place: str) -> SealedReader:
    """A sealed file to read at any place.

    Raises:
        SealedValueError: altered, cut off, of another place, or sealed with a key that is gone.
    """
    return SealedReader(path, _sealer(), place)
