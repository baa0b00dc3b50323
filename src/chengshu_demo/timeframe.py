"""The day on which the demo city stands still, and day arithmetic around it."""

import datetime as dt
from typing import Final

from chengshu_demo.encoding import day_number

REFERENCE_DATE: Final = dt.date(2026, 11, 1)
"""Everything was delivered on or before this day."""
REFERENCE_DAY: Final = day_number(REFERENCE_DATE)


def year_start(year: int) -> int:
    """Day number of 1 January."""
    return day_number(dt.date(year, 1, 1))


def last_day(year: int) -> int:
    """Day number of the end of a year, but never later than the reference day."""
    return min(day_number(dt.date(year, 12, 31)), REFERENCE_DAY)
