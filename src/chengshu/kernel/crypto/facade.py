"""Sealing and searching with the keys this installation was started with
(``settings.SECRET_KEYS``).
"""

from functools import cache

from django.conf import settings

from chengshu.kernel.crypto.keyring import keyring_from_text
from chengshu.kernel.crypto.sealing import Sealer, SearchHasher


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
