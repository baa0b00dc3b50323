"""A year of the calendar as people look at it: every day with what it is and who says so."""

from calendar import Calendar
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.calendar.models import CalendarDay, CalendarYear
from chengshu.kernel.calendar.tables import StoredTable
from chengshu.kernel.calendar.working_days import DayInfo, day_info, library_knows, uncertainty
from chengshu.kernel.errors import NotFound

VIEW = "calendar.view"
WEEKDAYS = "一二三四五六日"
_MONTHS = range(1, 13)


class Look(StrEnum):
    """The four kinds of days a page tells apart."""

    WORKING = "working"
    REST = "rest"
    HOLIDAY = "holiday"
    MAKE_UP = "make-up"

    @property
    def word(self) -> str:
        """What people call it."""
        return _WORDS[self]

    @property
    def mark(self) -> str:
        """One character that stands for it in a small field."""
        return _MARKS[self]


_WORDS = {
    Look.WORKING: "工作日",
    Look.REST: "双休日",
    Look.HOLIDAY: "节假日",
    Look.MAKE_UP: "调休上班",
}
_MARKS = {Look.WORKING: "工", Look.REST: "休", Look.HOLIDAY: "节", Look.MAKE_UP: "班"}


class Source(StrEnum):
    """Where the knowledge of a year comes from."""

    DECLARED = "declared"
    LIBRARY = "library"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class DayCell:
    """One field of a month; ``entry`` is the key of the administrator's own entry, if there is one."""

    info: DayInfo
    entry: int | None

    @property
    def look(self) -> Look:
        """What kind of day it is; only days that differ from the week have a name."""
        if self.info.working:
            return Look.MAKE_UP if self.info.name else Look.WORKING
        return Look.HOLIDAY if self.info.name else Look.REST

    @property
    def spoken(self) -> str:
        """The whole of it, for the hover text and screen readers."""
        day = self.info.day
        sure = "" if self.info.certain else "（推算）"
        parts = [f"{day.month} 月 {day.day} 日", self.look.word + sure, self.info.name]
        return "，".join(part for part in (*parts, self.info.basis) if part)


@dataclass(frozen=True, slots=True)
class Month:
    """A month in weeks from Monday; None pads the first and the last week."""

    number: int
    weeks: list[list[DayCell | None]]


@dataclass(frozen=True, slots=True)
class YearView:
    """A year: its months, where they come from, and what a page must warn of ("" when certain)."""

    year: int
    months: list[Month]
    entries: list[CalendarDay]
    declaration: CalendarYear | None
    source: Source
    warning: str

    def count(self, look: Look) -> int:
        """How many days look like this."""
        weeks = (week for month in self.months for week in month.weeks)
        return sum(1 for week in weeks for cell in week if cell and cell.look is look)


def year_view(actor: Actor, year: int) -> YearView:
    """Return a year with all its days."""
    rows = scope(actor, VIEW, CalendarDay.objects.filter(date__year=year))
    entries = list(rows.order_by("date"))
    declaration = scope(actor, VIEW, CalendarYear.objects.filter(year=year)).first()
    table = StoredTable()
    keys = {item.date: item.pk for item in entries}

    def cell(day: date, month: int) -> DayCell | None:
        if day.month != month:
            return None
        return DayCell(day_info(day, table=table), keys.get(day))

    calendar = Calendar()
    months = [
        Month(
            number,
            [
                [cell(day, number) for day in week]
                for week in calendar.monthdatescalendar(year, number)
            ],
        )
        for number in _MONTHS
    ]
    days = [c.info.day for m in months for week in m.weeks for c in week if c is not None]
    return YearView(
        year=year,
        months=months,
        entries=entries,
        declaration=declaration,
        source=_source(year, declaration),
        warning=uncertainty(days, table=table),
    )


def is_uncertain(year: int) -> bool:
    """Tell whether neither the library nor the administrator vouches for a year."""
    return _source(year, CalendarYear.objects.filter(year=year).first()) is Source.UNCERTAIN


def _source(year: int, declaration: CalendarYear | None) -> Source:
    if declaration is not None:
        return Source.DECLARED
    return Source.LIBRARY if library_knows(year) else Source.UNCERTAIN


def day(actor: Actor, permission: str, pk: int) -> CalendarDay:
    """Return one entry.

    Raises:
        NotFound: there is no such entry.
    """
    item = scope(actor, permission, CalendarDay.objects.filter(pk=pk)).first()
    if item is None:
        raise NotFound("没有找到这一天。", advice="请从工作日历中重新选择。")
    return item


def history(year: int, limit: int = 8) -> list[AuditRecord]:
    """What was done to a year, newest first; removed days included."""
    types = [CalendarDay._meta.label_lower, CalendarYear._meta.label_lower]
    # Both kinds of objects are named with their year first.
    rows = AuditRecord.objects.filter(object_type__in=types, object_name__startswith=str(year))
    return list(rows.order_by("-seq")[:limit])
