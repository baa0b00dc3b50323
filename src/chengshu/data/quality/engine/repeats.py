"""How often registrations repeat another one, and how many would by chance.

A sample is sorted by its most telling column that is filled (the *anchor*: an identity number, an account), so that
registrations about one person or thing are neighbours. Neighbours that agree in everything are repeats. Neighbours that
agree in everything but one column show what chance does: so and so many of them would agree there too. No column is
taken for independent of another, and values left empty are no anchor.
"""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# Arrow's stubs do not cover the compute kernels used here.
Values: TypeAlias = Any
Codes: TypeAlias = npt.NDArray[np.int64]
_ANCHORS: Final = 3
"""Rows without the most telling column are sorted by the next, so many times."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """What a sample of registrations shows; ``accidents`` is what chance alone would repeat among so many rows."""

    repeated: int
    accidents: float


def repeats(sample: pa.Table, names: list[str]) -> Repeats:
    """Count rows that agree with another one in all of the columns ``names``."""
    columns = [_codes(sample[name]) for name in names]
    chances = [_chance(codes) for codes in columns]
    filled = [np.asarray(pc.is_valid(sample[name])) for name in names]
    order = sorted(range(len(names)), key=chances.__getitem__)
    rows, found, accidents = np.arange(len(sample)), 0, 0.0
    for anchor in order[:_ANCHORS]:
        there = filled[anchor][rows]
        repeated, by_chance = _among([c[rows[there]] for c in columns], anchor, chances)
        found, accidents, rows = found + repeated, accidents + by_chance, rows[~there]
    return Repeats(found, accidents)


def _codes(values: Values) -> Codes:
    """Small numbers for values; nothing is a value of its own."""
    encoded = pc.dictionary_encode(values.combine_chunks(), null_encoding="encode")
    found: Codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _chance(codes: Codes) -> float:
    """How likely two rows have the same value in a column."""
    sizes = np.bincount(codes)
    return float((sizes * (sizes - 1)).sum()) / max(1, len(codes) * (len(codes) - 1))


def _among(columns: list[Codes], anchor: int, chances: list[float]) -> tuple[int, float]:
    order = np.lexsort(
        [*(codes for n, codes in enumerate(columns) if n != anchor), columns[anchor]]
    )
    matrix = np.stack([codes[order] for codes in columns], axis=1)
    equal = matrix[1:] == matrix[:-1]
    agreed = equal.sum(axis=1)
    whole = agreed == equal.shape[1]
    same = equal[equal[:, anchor] & ~whole]
    differ = (~same[same.sum(axis=1) == equal.shape[1] - 1]).sum(axis=0)
    # How often a column agrees by chance: as in the whole sample, or more rarely where one matter excludes it (a
    # meter is read once a month). Half an imagined agreement, so that few pairs are not taken for proof.
    shares = np.minimum(chances, (same.sum(axis=0) + 0.5) / (len(same) + 1))
    odds = shares / np.maximum(1 - shares, shares)
    return int(whole.sum()), float(max(differ * odds))
