"""When the next update of an entry is due, from its update cycle and the last time data came in.

Cycles in days count working days; longer cycles are calendar periods whose end moves to the next working day
(民法典 art. 203). Both are defaults of the platform: the regulations name the cycle, not the count.
"""

from calendar import monthrange
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

# Working days in which the next update must have come.
WORKING_DAYS = {UpdateCycle.REALTIME: 1, UpdateCycle.DAILY: 1}
MONTHS = {UpdateCycle.MONTHLY: 1, UpdateCycle.QUARTERLY: 3, UpdateCycle.YEARLY: 12}
_WEEK = 7


def next_due(cycle: str, last: datetime, *, table: HolidayTable = NO_TABLE) -> datetime | None:
    """The first moment that is too late for the next update; None when nothing is owed (不定期, no cycle).

    Args:
        cycle: a value of ``UpdateCycle``.
        last: when data last came in (aware), or the entry was published.
        table: the administrator's days.
    """
    if cycle in WORKING_DAYS:
        return add_working_days(last, WORKING_DAYS[UpdateCycle(cycle)], table=table)
    start = local_date(last)
    if cycle == UpdateCycle.WEEKLY:
        end = date.fromordinal(start.toordinal() + _WEEK)
    elif cycle in MONTHS:
        end = _months_later(start, MONTHS[UpdateCycle(cycle)])
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
