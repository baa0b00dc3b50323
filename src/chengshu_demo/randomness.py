"""One random stream per purpose, so that every value depends only on its own name.

A column's values do not change when another column, entry or batch is added, and a single
column can be generated without the others. Streams are numpy's PCG64, seeded by the SHA-256
of the purpose; the same seed gives the same city on every machine.
"""

import hashlib
from typing import Final

import numpy as np

SEED: Final = "longgang-330383-v1"


def stream(*purpose: str | int) -> np.random.Generator:
    """The random stream that belongs to a purpose, e.g. ``stream("SS-012", "name", 3)``."""
    text = "\x1f".join([SEED, *map(str, purpose)])
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def fraction(*purpose: str | int) -> float:
    """A fixed number in [0, 1) that belongs to a purpose."""
    text = "\x1f".join([SEED, "fraction", *map(str, purpose)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48
