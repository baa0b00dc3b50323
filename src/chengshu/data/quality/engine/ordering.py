"""Whether one date comes before another by nature, or only looks so."""

from typing import Final

import numpy as np
import numpy.typing as npt

KEPT_BY: Final = 0.97
"""Share of rows from which on an order of dates is proposed."""
LEAST_ROWS: Final = 40
_RELATED: Final = 0.15
_SIGNIFICANT: Final = 4.0
_SMOOTH: Final = 0.2


def in_order(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> bool:
    """Whether the first date comes before the second, not by chance: they move together and stop at zero."""
    rows = len(one)
    if rows < LEAST_ROWS or (one <= other).mean() < KEPT_BY or (one < other).mean() * 2 < 1:
        return False
    if not one.std() or not other.std():
        return False
    related = float(np.corrcoef(one, other)[0, 1])
    if related < max(_RELATED, _SIGNIFICANT / float(np.sqrt(rows))):
        return False
    return not _runs_through(other - one)


def _runs_through(gaps: npt.NDArray[np.float64]) -> bool:
    """Whether the gaps pass zero as if it were any number, as those of two steps that only begin at the same time do.

    Where an order holds by nature, hardly anything lies just before zero compared with what lies just behind it; errors
    are anywhere. "Just" is as far as half of those that break the order reach.
    """
    broken = -gaps[gaps < 0]
    if not len(broken):
        return False
    reach = np.median(broken)
    before = int((broken <= reach).sum())
    behind = int(((gaps >= 0) & (gaps < reach)).sum())
    return _SMOOTH * behind <= before <= behind
