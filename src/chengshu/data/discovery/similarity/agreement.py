"""How far columns agree, subject by subject, and how much of it is more than chance (Cohen's kappa)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chengshu.data.discovery.similarity.sample import Cells, Numbers

Shares = npt.NDArray[np.float64]
# A holder that is in no group any more.
NONE = -1
# Bounds the memory of one step to some tens of megabytes.
PAIRS_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    """Of one holder: comparisons with others of its group, the share that agreed, the share chance would give."""

    compared: int
    agreed: float
    expected: float

    @property
    def kappa(self) -> float:
        """Agreement beyond chance."""
        return kappa(self.agreed, self.expected)


def kappa(agreed: float, expected: float) -> float:
    """Agreement beyond chance: 1 is perfect, 0 is what chance gives."""
    return (agreed - expected) / (1 - expected) if expected < 1 else 0.0


def agreement(cells: Cells, group: Numbers) -> dict[int, Figure]:
    """Figures of every holder that ``group`` (the group of each holder, or NONE) puts into a group."""
    of_cell = group[cells.holder]
    kept = of_cell != NONE
    holder, of_cell = cells.holder[kept], of_cell[kept]
    at = of_cell * cells.subjects + cells.subject[kept]
    value = cells.value[kept]
    others = _repeats(at)
    same = _repeats(_numbers(at) * cells.values + value)
    compared = np.bincount(holder, others, minlength=len(group))
    agreed = np.bincount(holder, same, minlength=len(group))
    luck = chance(of_cell, value, cells.values, int(group.max(initial=0)) + 1)
    return {
        int(h): Figure(
            int(compared[h]), float(agreed[h] / compared[h]) if compared[h] else 0.0,
            float(luck[group[h]]),
        )
        for h in np.unique(holder)
    }  # fmt: skip


def _numbers(keys: Numbers) -> Numbers:
    return np.unique(keys, return_inverse=True)[1].astype(np.int64, copy=False)


def _repeats(keys: Numbers) -> Numbers:
    """For each key how many others are equal to it."""
    _, number, times = np.unique(keys, return_inverse=True, return_counts=True)
    found: Numbers = times[number] - 1
    return found


def chance(group: Numbers, value: Numbers, values: int, groups: int) -> Shares:
    """For each group how often two of its cells are equal by chance: the sum of the squared shares of its values."""
    keys, times = np.unique(group * values + value, return_counts=True)
    total = np.bincount(group, minlength=groups)
    owner = keys // max(values, 1)
    shares = times / total[owner]
    return np.bincount(owner, shares * shares, minlength=groups).astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True)
class Usual:
    """The value most of a group's columns have for a subject; entries are ordered by group and subject."""

    group: Numbers
    subject: Numbers
    value: Numbers

    @classmethod
    def of(cls, cells: Cells, group: Numbers) -> "Usual":
        """Of the groups of ``cells``; the smaller value where several are equally usual."""
        of_cell = group[cells.holder]
        at = of_cell * cells.subjects + cells.subject
        places, place = np.unique(at, return_inverse=True)
        keys, times = np.unique(place * cells.values + cells.value, return_counts=True)
        place, value = keys // max(cells.values, 1), keys % max(cells.values, 1)
        order = np.lexsort((value, -times, place))
        first = order[np.unique(place[order], return_index=True)[1]]
        return cls(places // max(cells.subjects, 1), places % max(cells.subjects, 1), value[first])


def alike(
    usual: Usual, cells: Cells, kinds: Sequence[str], *, enough: int, least: float
) -> list[tuple[int, int]]:
    """Pairs of groups of one kind whose usual values agree for the subjects both know.

    Args:
        usual: what each group says of each subject.
        cells: where it comes from.
        kinds: the kind of each group; others are not compared.
        enough: common subjects there must be.
        least: share that must agree, and agreement beyond chance there must be.
    """
    luck = chance(usual.group, usual.value, cells.values, len(kinds))
    knowing = np.bincount(usual.group, minlength=len(kinds)) >= enough
    members: dict[str, list[int]] = {}
    for group in np.flatnonzero(knowing).tolist():
        members.setdefault(kinds[group], []).append(group)
    found = []
    for groups in members.values():
        known, equal = _compared(usual, cells, np.array(groups, np.int64), len(kinds))
        for a, b in zip(*np.nonzero(equal >= enough * least), strict=True):
            common = int(np.bitwise_count(known[a] & known[b]).sum())
            share = int(equal[a, b]) / common
            beyond = kappa(share, float(min(luck[groups[a]], luck[groups[b]])))
            if common >= enough and share >= least and beyond >= least:
                found.append((groups[a], groups[b]))
    return found


def _compared(
    usual: Usual, cells: Cells, groups: Numbers, total: int
) -> tuple[npt.NDArray[np.uint8], Numbers]:
    """For each of ``groups`` the subjects it knows (a bit each), and for each pair of how many they say the same.

    Only what two groups really say alike is paired, so that the work follows the agreement there is, not all pairs.
    """
    place = np.full(total, NONE, np.int64)
    place[groups] = np.arange(len(groups))
    chosen = place[usual.group] != NONE
    group, subject = place[usual.group[chosen]], usual.subject[chosen]
    bits = np.zeros((len(groups), cells.subjects), bool)
    bits[group, subject] = True
    said = subject * cells.values + usual.value[chosen]
    # Groups come in order already: a stable sort keeps it inside each run of equal statements.
    order = np.argsort(said, kind="stable")
    group, said = group[order], said[order]
    starts = np.flatnonzero(np.append(True, said[1:] != said[:-1]))
    lengths = np.diff(np.append(starts, len(said)))
    equal = np.zeros(len(groups) ** 2, np.int64)
    for length in np.unique(lengths[lengths > 1]):
        # All runs of one length at once: a row each, and every pair of its columns.
        rows = group[starts[lengths == length][:, None] + np.arange(length)]
        left, right = np.triu_indices(length, 1)
        for part in np.array_split(rows, 1 + rows.shape[0] * len(left) // PAIRS_AT_ONCE):
            pairs = part[:, left] * len(groups) + part[:, right]
            equal += np.bincount(pairs.ravel(), minlength=len(equal))
    return np.packbits(bits, axis=1), equal.reshape(len(groups), len(groups))
