"""What counts as unusual: pure rules over hourly sums and daily key counts.

Volume and hours are compared with the application's own past: the same hour of the week in the twelve weeks before,
by median and median absolute deviation (MAD), because one former burst must not widen what counts as normal. The
scale is never below what chance alone gives a count (its square root), and a finding must also be large in itself:
an application with three calls an hour does nothing unusual with nine.

Key scanning is seen in one day's calls: far more keys that are not there than on this day of the week, nearly all of
them different. The trail keeps keyed hashes, so keys that follow one another cannot be told from others that are not
there.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

HOURS_A_DAY, HOURS_A_WEEK = 24, 168
WEEKS, FEWEST_WEEKS = 12, 4
# 1.4826 makes the MAD of normally distributed counts their standard deviation.
MAD_SCALE = 1.4826
SCORE, RATIO, EXCESS = 6.0, 2.5, 30
# An hour is quiet when the application usually makes less than a twentieth of its busy hours' calls in it.
QUIET_SHARE, QUIET_EXCESS = 0.05, 15
SCAN_MISSES, SCAN_SHARE, SCAN_DISTINCT = 50, 0.25, 0.8

VOLUME, HOURS, SCAN = "volume", "hours", "scan"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something unusual of one application on one day; ``score`` ranks findings of the same kind."""

    kind: str
    application: str
    score: float
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DayKeys:
    """What one application asked in one day.

    ``misses`` are calls without record, ``missing`` the different keys among them; ``past`` are the misses of the
    same day of the week in the weeks before.
    """

    calls: int
    misses: int
    missing: int
    past: Sequence[int] = ()


def unusual_hours(
    application: str, series: Mapping[int, int], first: int, day: int
) -> list[Finding]:
    """Hours of one day with far more calls than this hour of the week usually has.

    ``series`` maps hours to calls; an hour is the number of whole hours since 1970 in the city's time, hours without
    calls may be left out. ``first`` is the first hour anything is known of, ``day`` the first hour of the day.
    At most one finding for busy hours and one for quiet hours.
    """
    busy = _busy_level(series, first, day)
    loud: list[dict[str, Any]] = []
    quiet: list[dict[str, Any]] = []
    for hour in range(day, day + HOURS_A_DAY):
        past = _past(series, first, hour)
        count = series.get(hour, 0)
        if len(past) < FEWEST_WEEKS or not count:
            continue
        usual = median(past)
        score = (count - usual) / _scale(past, usual)
        is_quiet = usual <= busy * QUIET_SHARE
        least = QUIET_EXCESS if is_quiet else EXCESS
        if score >= SCORE and count >= RATIO * usual and count - usual >= least:
            row = {"hour": hour % HOURS_A_DAY, "calls": count, "usual": usual, "most": max(past),
                   "score": round(score, 1)}  # fmt: skip
            (quiet if is_quiet else loud).append(row)
    return [
        Finding(kind, application, max(row["score"] for row in rows), {"hours": rows})
        for kind, rows in ((VOLUME, loud), (HOURS, quiet))
        if rows
    ]


def _past(series: Mapping[int, int], first: int, hour: int) -> list[int]:
    """Calls of the same hour of the week in the weeks before, newest first."""
    back = (hour - HOURS_A_WEEK * week for week in range(1, WEEKS + 1))
    return [series.get(then, 0) for then in back if then >= first]


def _scale(past: Sequence[int], usual: float) -> float:
    spread = median(abs(count - usual) for count in past)
    return max(MAD_SCALE * spread, math.sqrt(usual), 1.0)


def _busy_level(series: Mapping[int, int], first: int, day: int) -> float:
    """What the application usually makes in one of its busy hours: the ninth decile over the week."""
    usual = sorted(
        median(past) if (past := _past(series, first, hour)) else 0
        for hour in range(day, day + HOURS_A_WEEK)
    )
    return float(usual[int(len(usual) * 0.9)])


def key_scanning(application: str, keys: DayKeys) -> list[Finding]:
    """Whether a day's calls look like trying keys: see the module."""
    found = []
    known = len(keys.past) >= FEWEST_WEEKS
    usual = median(keys.past) if known else 0
    excess = keys.misses - usual
    if excess >= SCAN_MISSES and keys.missing >= SCAN_DISTINCT * keys.misses:
        # Without a past only a day that consists of misses to a good part is told from a busy one.
        alone = keys.misses >= SCAN_SHARE * keys.calls
        suspicious = excess / _scale(keys.past, usual) >= SCORE if known else alone
        if suspicious:
            evidence = {"calls": keys.calls, "misses": keys.misses, "missing": keys.missing,
                        "usual": usual}  # fmt: skip
            found.append(Finding(SCAN, application, float(excess), evidence))
    return found
