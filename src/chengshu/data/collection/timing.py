"""When a plan runs: cron or working days, in China time. Pure; a slot is a whole minute."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from chengshu.data.collection.choices import ScheduleKind, Step
from chengshu.kernel.calendar.working_days import (
    NO_TABLE,
    ONE_DAY,
    SHANGHAI,
    HolidayTable,
    is_working_day,
)
from chengshu.kernel.jobs.schedule import parse

_FARTHEST = 366 * 5  # a 29 February is at most eight years away, but nobody collects by it
MOST_MISSED = 1_000
_WEEK = 7


@dataclass(frozen=True, slots=True)
class Timing:
    """``at`` for the daily and working-day kinds, ``cron`` (five fields) for the other."""

    kind: str
    at: time | None = None
    cron: str = ""

    def __post_init__(self) -> None:
        if self.kind == ScheduleKind.CRON:
            parse(self.cron)
        elif self.kind in (ScheduleKind.WORKDAY, ScheduleKind.DAILY) and self.at is None:
            raise ValueError("定时需要写明时刻。")


def next_slot(
    timing: Timing, after: datetime, *, table: HolidayTable = NO_TABLE
) -> datetime | None:
    """The first slot after a moment; None for a plan without schedule, or one that never comes."""
    return next(slots(timing, after, table=table), None)


def slots(timing: Timing, after: datetime, *, table: HolidayTable = NO_TABLE) -> Iterator[datetime]:
    """The slots after a moment, in order."""
    if timing.kind == ScheduleKind.MANUAL:
        return
    first = after.astimezone(SHANGHAI)
    for number in range(_FARTHEST):
        day = first.date() + timedelta(days=number)
        if not _day_fits(timing, day, table):
            continue
        for moment in _times(timing):
            slot = datetime.combine(day, moment, tzinfo=SHANGHAI)
            if slot > after:
                yield slot


def missed_slots(
    timing: Timing, due: datetime, now: datetime, *, table: HolidayTable = NO_TABLE
) -> list[datetime]:
    """The slots from ``due`` (included) up to ``now``, at most :data:`MOST_MISSED`, the newest last."""
    found: list[datetime] = []
    for slot in slots(timing, due - timedelta(microseconds=1), table=table):
        if slot > now:
            break
        found.append(slot)
        if len(found) > MOST_MISSED:
            found.pop(0)
    return found


def _day_fits(timing: Timing, day: date, table: HolidayTable) -> bool:
    if timing.kind == ScheduleKind.DAILY:
        return True
    if timing.kind == ScheduleKind.WORKDAY:
        return is_working_day(day, table=table)
    _, _, days, months, weekdays = parse(timing.cron)
    fields = timing.cron.split()
    day_ok, weekday_ok = day.day in days, day.isoweekday() % _WEEK in weekdays
    either = fields[2] != "*" and fields[4] != "*"
    fits = (day_ok or weekday_ok) if either else (day_ok and weekday_ok)
    return day.month in months and fits


def _times(timing: Timing) -> list[time]:
    if timing.kind != ScheduleKind.CRON:
        return [timing.at] if timing.at else []
    minutes, hours, *_ = parse(timing.cron)
    return [time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes)]


def describe(timing: Timing) -> str:
    """What people call it."""
    match timing.kind:
        case ScheduleKind.WORKDAY:
            return f"每个工作日 {timing.at:%H:%M}"
        case ScheduleKind.DAILY:
            return f"每天 {timing.at:%H:%M}"
        case ScheduleKind.CRON:
            return f"cron {timing.cron}"
    return "手动运行"


def periods(first: date, last: date, step: str) -> list[tuple[date, date]]:
    """The range cut into periods ``[from, to)``; calendar weeks from Monday, calendar months."""
    found: list[tuple[date, date]] = []
    start = first
    while start <= last:
        end = min(_period_end(start, step), last + ONE_DAY)
        found.append((start, end))
        start = end
    return found


def _period_end(start: date, step: str) -> date:
    match step:
        case Step.WEEK:
            return start + timedelta(days=_WEEK - start.weekday())
        case Step.MONTH:
            return (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return start + ONE_DAY
