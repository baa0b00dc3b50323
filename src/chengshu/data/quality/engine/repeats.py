"""How often registrations repeat another one, and how many would by chance.

Rows of a sample are paired by a telling column that is filled (the *anchor*: an identity number, an account, a day), so
that pairs have something in common. Pairs that agree in everything but one column show what chance does: so and so
many more of them agree there too. No column is taken for independent of another, and values left empty are no anchor.
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
Shares: TypeAlias = npt.NDArray[np.float64]
_ANCHORS: Final = 3
"""So many telling columns are asked: where one makes too few pairs, or is empty, another makes more."""
_MANY, _HARDLY = 20, 0.1
_SEED: Final = 20_261_101


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows of a sample that repeat an earlier one, and how many pairs chance alone would make."""

    repeated: int
    accidents: float


def repeats(sample: pa.Table, names: list[str]) -> Repeats:
    """Compare the rows in the columns ``names``; an empty cell equals an empty cell."""
    codes = np.stack([_codes(sample[name]) for name in names])
    filled = [np.asarray(pc.is_valid(sample[name])) for name in names]
    chances = np.array([_chance(column) for column in codes])
    dealt = np.random.default_rng(_SEED)
    factors = dealt.integers(1, 2**63, size=len(names), dtype=np.uint64) | np.uint64(1)
    marks = (codes.astype(np.uint64) * factors[:, None]).sum(axis=0)
    rows = dealt.permutation(len(sample))
    pairs = [
        _pairs(codes[:, rows[filled[anchor][rows]]], int(anchor))
        for anchor in np.argsort(chances, kind="stable")[:_ANCHORS]
    ]
    shares = chances.copy()
    for one in pairs:
        _exclude(shares, one, chances)
    odds = shares / np.maximum(1 - shares, shares)
    accidents = max((one.near * odds).max() for one in pairs)
    return Repeats(len(sample) - len(np.unique(marks)), float(accidents))


def _codes(values: Values) -> Codes:
    """Small numbers for values; nothing is a value of its own."""
    encoded = pc.dictionary_encode(values.combine_chunks(), null_encoding="encode")
    found: Codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _chance(codes: Codes) -> float:
    """How likely two rows have the same value in a column."""
    sizes = np.bincount(codes)
    return float((sizes * (sizes - 1)).sum()) / max(1, len(codes) * (len(codes) - 1))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of rows with the same anchor: how many agree in all but each column; how many differ elsewhere than in a
    column, and how many of those agree in it.
    """

    anchor: int
    near: Shares
    elsewhere: Codes
    agreeing: Codes


def _pairs(codes: Codes, anchor: int) -> _Pairs:
    """Neighbours by the anchor; rows come in no order otherwise, so each stands for all pairs of its group."""
    order = np.argsort(codes[anchor], kind="stable")
    same = codes[anchor][order[1:]] == codes[anchor][order[:-1]]
    weights = np.bincount(codes[anchor])[codes[anchor][order[1:]]][same] / 2
    equal = (codes[:, order[1:]] == codes[:, order[:-1]])[:, same]
    differing = len(codes) - equal.sum(axis=0)
    near = (~equal & (differing == 1)) @ weights
    elsewhere = (differing - ~equal) > 0
    return _Pairs(anchor, near, elsewhere.sum(axis=1), (equal & elsewhere).sum(axis=1))


def _exclude(shares: Shares, pairs: _Pairs, chances: Shares) -> None:
    """Lower the share of agreeing pairs where one matter excludes it: a meter is read once a month.

    Of many pairs about one meter that differ elsewhere, next to none agree in the month; nor do two readings of one
    month agree in the meter.
    """
    expected = pairs.elsewhere * chances
    excluded = (expected >= _MANY) & (pairs.agreeing < _HARDLY * expected)
    for column in np.flatnonzero(excluded):
        share = (pairs.agreeing[column] + 0.5) / (pairs.elsewhere[column] + 1)
        shares[column] = min(shares[column], share)
        other = share * chances[pairs.anchor] / chances[column]
        shares[pairs.anchor] = min(shares[pairs.anchor], other)
