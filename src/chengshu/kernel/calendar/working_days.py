"""Which days are working days, and how to count them.

A day is decided by the first that knows it:

1. the administrator's entry for that very day; 2. the administrator's statement that the year is
complete: then the week decides the other days; 3. ``chinesecalendar``, which follows the State
Council's yearly notices; 4. the week alone. Such a day is not ``certain``: its make-up days and
holidays are not published yet,
   and pages must say so (``uncertainty``).

Counting follows the Civil Code (民法典) art. 201: the day something starts on does not count. All
dates are those of Asia/Shanghai.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from chinese_calendar.constants import Holiday, holidays, workdays

SHANGHAI = ZoneInfo("Asia/Shanghai")
ONE_DAY = timedelta(days=1)
_SATURDAY = 5
_LIBRARY_YEARS = frozenset(day.year for day in holidays)
_LIBRARY_BASIS = "国务院办公厅节假日安排通知"


class DayKind(StrEnum):
    """Whether offices work on a day."""

    WORKDAY = "workday"
    HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class DayRule:
    """What the administrator entered for one day.

    Attributes:
        kind: working day or holiday.
        name: e.g. "国庆节" or "国庆节调休上班".
        basis: the legal basis, e.g. the number of the State Council's notice.
    """

    kind: DayKind
    name: str = ""
    basis: str = ""


class HolidayTable(Protocol):
    """The administrator's own table."""

    def rule(self, day: date) -> DayRule | None:
        """Return the entry of this very day, or None."""
        ...

    def is_complete(self, year: int) -> bool:
        """Tell whether the administrator has entered every special day of the year."""
        ...


class NoTable:
    """No entries at all: the library and the week decide."""

    def rule(self, day: date) -> DayRule | None:  # noqa: ARG002 - the protocol's shape
        """Return None."""
        return None

    def is_complete(self, year: int) -> bool:  # noqa: ARG002 - the protocol's shape
        """Return False."""
        return False


NO_TABLE: HolidayTable = NoTable()


@dataclass(frozen=True, slots=True)
class DayInfo:
    """One day: does it count, what is it called, who says so, and is that certain."""

    day: date
    working: bool
    name: str
    basis: str
    certain: bool


def day_info(day: date, *, table: HolidayTable = NO_TABLE) -> DayInfo:
    """Return what is known of a day (a plain date of Asia/Shanghai, no ``datetime``).

    Raises:
        TypeError: a ``datetime`` was given; use ``local_date`` first.
    """
    if isinstance(day, datetime):
        raise TypeError("day_info needs a date: convert moments with local_date()")
    rule = table.rule(day)
    if rule is not None:
        return DayInfo(day, rule.kind is DayKind.WORKDAY, rule.name, rule.basis, certain=True)
    if table.is_complete(day.year):
        return DayInfo(day, _by_week(day), "", "管理员维护的工作日历", certain=True)
    if library_knows(day.year):
        return _library_info(day)
    return DayInfo(day, _by_week(day), "", "按星期推算", certain=False)


def library_knows(year: int) -> bool:
    """Tell whether the library carries the published arrangement of a year."""
    return year in _LIBRARY_YEARS


def is_working_day(day: date, *, table: HolidayTable = NO_TABLE) -> bool:
    """Tell whether offices work on this day.

    Raises:
        TypeError: a ``datetime`` was given.
    """
    return day_info(day, table=table).working


def working_days_after(day: date, *, table: HolidayTable = NO_TABLE) -> Iterator[date]:
    """Yield the working days after ``day``, without end (until the calendar's last year, 9999)."""
    while True:
        day += ONE_DAY
        if is_working_day(day, table=table):
            yield day


def add_working_days(start: datetime, days: int, *, table: HolidayTable = NO_TABLE) -> datetime:
    """Return the end of the ``days``-th working day after the day of ``start``.

    The day of ``start`` does not count (民法典 art. 201) and the last day ends at 24:00
    (art. 203), which is returned as 00:00 of the following day: ``last_day`` gives the day to
    show. With ``days=0`` the term ends with the day itself, or with the next working day where
    that is a holiday (art. 203).

    Raises:
        ValueError: ``start`` has no time zone, or ``days`` is negative.
    """
    if days < 0:
        raise ValueError("工作日天数不能为负数。")
    first = local_date(start)
    if days == 0:
        return end_of_day(next(working_days_after(first - ONE_DAY, table=table)))
    for number, day in enumerate(working_days_after(first, table=table), start=1):
        if number == days:
            return end_of_day(day)
    raise AssertionError("working_days_after() never ends")


def working_days_between(start: date, end: date, *, table: HolidayTable = NO_TABLE) -> int:
    """Count the working days after ``start`` up to and including ``end``; negative when reversed.

    Raises:
        TypeError: a ``datetime`` was given.
    """
    if end < start:
        return -working_days_between(end, start, table=table)
    span = (end - start).days
    days = (start + timedelta(days=number) for number in range(1, span + 1))
    return sum(is_working_day(day, table=table) for day in days)


def uncertainty(days: Iterable[date], *, table: HolidayTable = NO_TABLE) -> str:
    """Return the warning a page must show when a result rests on these days ("" when all are
    certain).
    """
    years = sorted({day.year for day in days if not day_info(day, table=table).certain})
    if not years:
        return ""
    listed = "、".join(f"{year} 年" for year in years)
    return (
        f"{listed}的节假日安排尚未录入，期限暂按周一至周五推算，可能有变化。"
        "请管理员在工作日历中补录放假通知。"
    )


def local_date(moment: datetime) -> date:
    """Return the date in Asia/Shanghai.

    Raises:
        ValueError: ``moment`` has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("时间缺少时区，无法确定是哪一天。")
    return moment.astimezone(SHANGHAI).date()


def start_of_day(day: date) -> datetime:
    """Return 00:00 of the day in Asia/Shanghai."""
    return datetime.combine(day, time.min, tzinfo=SHANGHAI)


def end_of_day(day: date) -> datetime:
    """Return 24:00 of the day in Asia/Shanghai, that is 00:00 of the next one."""
    return start_of_day(day + ONE_DAY)


def last_day(due_at: datetime) -> date:
    """Return the day a term ends on: 00:00 belongs to the day before, as its 24:00."""
    return local_date(due_at - timedelta(microseconds=1))


def _by_week(day: date) -> bool:
    return day.weekday() < _SATURDAY


def _library_info(day: date) -> DayInfo:
    if day in workdays:
        name = Holiday(workdays[day]).chinese + "调休上班"
        return DayInfo(day, working=True, name=name, basis=_LIBRARY_BASIS, certain=True)
    if day in holidays:
        name = Holiday(holidays[day]).chinese
        return DayInfo(day, working=False, name=name, basis=_LIBRARY_BASIS, certain=True)
    return DayInfo(day, working=_by_week(day), name="", basis=_LIBRARY_BASIS, certain=True)
