"""What of a table may be shown: small groups hidden, their neighbours too, numbers made uncertain.

A group below the minimum is hidden, and with it so many of its neighbours (the smallest) that the
hidden ones of a row or column are at least two and together reach the minimum: nobody finds a small
group by taking the shown ones from a total (complementary suppression). Counts are rounded to a fixed
base; sums get a noise as large as the largest single contribution, which depends only on the secret
and on the content, so that asking again gives the same answer and nothing averages away.
See Hundepool et al., "Handbook on Statistical Disclosure Control", chapters 4 and 5.
"""

import hmac
import math
from collections.abc import Iterable, Mapping

COUNT_BASE = 5
SIGNIFICANT = 3
"""Digits of sums and averages that are shown."""

Cell = tuple[str | None, ...]
Line = list[Cell]


def hidden(counts: Mapping[Cell, int], minimum: int) -> set[Cell]:
    """Return the groups of a table (one per combination of its 0 to 2 columns) that must not show."""
    gone = {cell for cell, count in counts.items() if count < minimum}
    if not counts or not len(next(iter(counts))):
        return gone
    lines = _lines(counts)
    # What a table of one column hides must not come back as the sum of a row of this one.
    exposed = _hidden_margins(counts, lines, minimum)
    # A group that is alone in its other line is told by that line's total: hide others if possible.
    alone = {line[0] for line in lines.values() if len(line) == 1}
    changed = True
    while changed:
        changed = False
        for name, line in lines.items():
            within = [cell for cell in line if cell in gone]
            if not within and name not in exposed:
                continue
            rest = sorted(
                (cell for cell in line if cell not in gone),
                key=lambda each: (each in alone, counts[each], str(each)),
            )
            while rest and (len(within) < 2 or sum(counts[cell] for cell in within) < minimum):  # noqa: PLR2004
                within.append(rest.pop(0))
                gone.add(within[-1])
                changed = True
    return gone


def _lines(counts: Iterable[Cell]) -> dict[tuple[int, str | None], Line]:
    """The groups that add up to something which can be asked for: all of them, or rows and columns.

    Named by side and value; a table of one column is a single line.
    """
    cells = list(counts)
    if len(cells[0]) == 1:
        return {(0, None): cells}
    found: dict[tuple[int, str | None], Line] = {}
    for cell in cells:
        for side, value in enumerate(cell):
            found.setdefault((side, value), []).append(cell)
    return found


def _hidden_margins(
    counts: Mapping[Cell, int], lines: Mapping[tuple[int, str | None], Line], minimum: int
) -> set[tuple[int, str | None]]:
    """The rows and columns whose totals the tables of one column hide."""
    found: set[tuple[int, str | None]] = set()
    for side in range(2 if len(next(iter(counts))) > 1 else 0):
        margin: dict[Cell, int] = {
            (value,): sum(counts[cell] for cell in line)
            for (which, value), line in lines.items()
            if which == side
        }
        found |= {(side, value) for (value,) in hidden(margin, minimum)}
    return found


def rounded_count(count: int) -> int:
    """Return a count to the nearest multiple of the base (halves up)."""
    return (count + COUNT_BASE // 2) // COUNT_BASE * COUNT_BASE


def blurred(total: float, largest: float, *, secret: bytes, context: str) -> float:
    """Return a sum with its noise: at most as large as the largest contribution, either way."""
    # Nine digits: the order in which numbers were added must not change the noise.
    name = f"{context}\0{total:.9g}\0{largest:.9g}".encode()
    drawn = int.from_bytes(hmac.digest(secret, name, "sha256")[:8]) / 2**63 - 1
    return total + largest * drawn


def significant(value: float) -> float:
    """Return a number with so many digits as are shown."""
    if value == 0 or not math.isfinite(value):
        return 0.0
    digits = SIGNIFICANT - 1 - math.floor(math.log10(abs(value)))
    return float(round(value, digits))
