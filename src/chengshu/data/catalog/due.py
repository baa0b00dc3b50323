"""When the next update of an entry is due, from its update cycle and the last time data came in.

Cycles in days count working days; longer cycles are calendar periods whose end moves to the next working day
(民法典 art. 203). The regulations name the cycle, not the count: the counts are the administrator's
(:mod:`chengshu.data.catalog.services.cycles`), and the platform's defaults until somebody changes them.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime

from chengshu.data.catalog.choices import UpdateCycle
from chengshu.kernel.calendar.working_days import (
    NO_TABLE,
    HolidayTable,
    add_working_days,
    end_of_day,
    is_working_day,
    last_day,
    local_date,
    working_days_after,
    working_days_between,
)

_WORKING = (UpdateCycle.REALTIME, UpdateCycle.DAILY)
_MONTHLY = (UpdateCycle.MONTHLY, UpdateCycle.QUARTERLY, UpdateCycle.YEARLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """In how long the next update must have come, by cycle: working days, days (weekly), months (the longer ones)."""

    realtime: int = 1
    daily: int = 1
    weekly: int = 7
    monthly: int = 1
    quarterly: int = 3
    yearly: int = 12


DEFAULT_LENGTHS = Lengths()


def next_due(
    cycle: str,
    last: datetime,
    *,
    table: HolidayTable = NO_TABLE,
    lengths: Lengths = DEFAULT_LENGTHS,
) -> datetime | None:
    """The first moment that is too late for the next update; None when nothing is owed (不定期, no cycle).

    Args:
        cycle: a value of ``UpdateCycle``.
        last: when data last came in (aware), or the entry was published.
        table: the administrator's days.
        lengths: the administrator's lengths.
    """
    if cycle in _WORKING:
        return add_working_days(last, getattr(lengths, cycle), table=table)
    start = local_date(last)
    if cycle == UpdateCycle.WEEKLY:
        end = date.fromordinal(start.toordinal() + lengths.weekly)
    elif cycle in _MONTHLY:
        end = _months_later(start, getattr(lengths, cycle))
    else:
        return None
    if not is_working_day(end, table=table):
        end = next(working_days_after(end, table=table))
    return end_of_day(end)


def working_days_late(due: datetime, now: datetime, *, table: HolidayTable = NO_TABLE) -> int:
    """Working days since the last day of the term; 0 while it is not over, or only free days have passed."""
    if now < due:
        return 0
    return working_days_between(last_day(due), local_date(now), table=table)


def _months_later(day: date, months: int) -> date:
    """The same day some months on; the last day of a month that is too short (民法典 art. 202)."""
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
