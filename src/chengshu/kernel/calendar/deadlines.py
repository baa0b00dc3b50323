"""Terms in working days, with a clock that stops, and how they read.

The clock runs on working days only, from 00:00 of the day after the start. 行政许可法 art. 45 does
not count the time of hearings, tests and expert reviews; as a default we treat a correction (补正)
alike. While the clock is stopped no time is used up; every stopped moment is given back, and the
term still ends at 24:00 of a working day. So:

- stopping on a holiday, or before the term has begun to run, changes nothing that day;
- stopping from the start until a later moment gives the same as starting at that moment;
- several short stops add up to what they are, and never to a day each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chengshu.kernel.calendar.working_days import (
    NO_TABLE,
    ONE_DAY,
    HolidayTable,
    add_working_days,
    end_of_day,
    last_day,
    local_date,
    start_of_day,
    uncertainty,
    working_days_after,
    working_days_between,
)

Pause = tuple[datetime, datetime | None]
"""From when to when the clock stood still; an end of None is a clock that still does."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a term ends.

    Attributes:
        at: the first moment that is too late (24:00 of the last day, as 00:00 of the next).
        day: the last day of the term, the one to show.
        stopped: the clock stands still now; ``at`` moves on with every day it does.
        warning: what a page must show because holidays are not known yet; "" when certain.
    """

    at: datetime
    day: date
    stopped: bool
    warning: str

    @property
    def certain(self) -> bool:
        """Whether every day of the term is decided by a published arrangement."""
        return not self.warning


def due(
    start: datetime,
    working_days: int,
    *,
    paused: Sequence[Pause] = (),
    now: datetime | None = None,
    table: HolidayTable = NO_TABLE,
) -> Deadline:
    """Return when a term of ``working_days`` that begins with ``start`` ends.

    Args:
        start: the moment of acceptance (aware); its day does not count.
        working_days: the length; 0 means the same day.
        paused: the times the clock stood still, in any order, possibly overlapping.
        now: needed when a pause has no end: the stop counts until this moment.
        table: the administrator's days.

    Raises:
        ValueError: no time zone, a negative length, a pause that ends before it begins, or an open
            pause without ``now``.
    """
    stops = _merged(paused, now)
    stopped = any(end is None for _, end in paused)
    if working_days == 0 or not stops:
        at = add_working_days(start, working_days, table=table)
        if stops and stops[-1][1] > at:
            at = add_working_days(stops[-1][1], 0, table=table)
    else:
        at = _run(start, working_days, stops, table)
    day = last_day(at)
    first = local_date(start)
    counted = (first + timedelta(days=number) for number in range(1, (day - first).days + 1))
    return Deadline(at=at, day=day, stopped=stopped, warning=uncertainty(counted, table=table))


def overdue(due_at: datetime, now: datetime) -> bool:
    """Tell whether the term has ended; at 24:00 sharp of the last day it has."""
    return now >= due_at


def working_days_left(due_at: datetime, now: datetime, *, table: HolidayTable = NO_TABLE) -> int:
    """Return the working days after today up to the last day; 0 on the last day, negative after
    it.
    """
    return working_days_between(local_date(now), last_day(due_at), table=table)


def describe(
    due_at: datetime, now: datetime, *, stopped: bool = False, table: HolidayTable = NO_TABLE
) -> str:
    """Say in Chinese how much time is left: "剩 2 个工作日", "今天到期", "已超期 1 个工作日"."""
    left = working_days_left(due_at, now, table=table)
    if overdue(due_at, now):
        return f"已超期 {-left} 个工作日" if left else "已超期，不足 1 个工作日"
    words = f"剩 {left} 个工作日" if left else "今天到期"
    return f"计时已暂停，{words}" if stopped else words


def _merged(paused: Sequence[Pause], now: datetime | None) -> list[tuple[datetime, datetime]]:
    closed: list[tuple[datetime, datetime]] = []
    for begin, end in paused:
        until = end if end is not None else now
        if until is None:
            raise ValueError("计时暂停尚未结束，计算期限时需要给出当前时间。")
        if begin.tzinfo is None or until.tzinfo is None:
            raise ValueError("计时暂停的时间缺少时区。")
        if until < begin:
            raise ValueError("计时暂停的结束时间早于开始时间。")
        if until > begin:
            closed.append((begin, until))
    merged: list[tuple[datetime, datetime]] = []
    for begin, until in sorted(closed):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        else:
            merged.append((begin, until))
    return merged


def _run(
    start: datetime,
    working_days: int,
    stops: list[tuple[datetime, datetime]],
    table: HolidayTable,
) -> datetime:
    left = working_days * ONE_DAY
    for day in working_days_after(local_date(start), table=table):
        left -= ONE_DAY - _stopped_on(day, stops)
        if left <= timedelta(0):
            return end_of_day(day)
    raise AssertionError("working_days_after() never ends")


def _stopped_on(day: date, stops: list[tuple[datetime, datetime]]) -> timedelta:
    begin, end = start_of_day(day), end_of_day(day)
    overlaps = (min(until, end) - max(since, begin) for since, until in stops)
    return sum((o for o in overlaps if o > timedelta(0)), timedelta(0))
