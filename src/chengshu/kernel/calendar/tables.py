"""The administrator's table as the pure functions want it."""

from datetime import date

from chengshu.kernel.calendar.models import CalendarDay, CalendarYear
from chengshu.kernel.calendar.working_days import DayKind, DayRule


class StoredTable:
    """Reads ``CalendarDay`` and ``CalendarYear`` once per year asked for, and remembers.

    Make one per request or job with ``stored_table()``: an entry made by an administrator is then
    seen by the next request, and a list of a hundred to-dos costs two queries a year.
    """

    def __init__(self) -> None:
        self._years: dict[int, tuple[bool, dict[date, DayRule]]] = {}

    def rule(self, day: date) -> DayRule | None:
        """Return the entry of this very day, or None."""
        return self._year(day.year)[1].get(day)

    def is_complete(self, year: int) -> bool:
        """Tell whether the administrator declared the year complete."""
        return self._year(year)[0]

    def _year(self, year: int) -> tuple[bool, dict[date, DayRule]]:
        if year not in self._years:
            rows = CalendarDay.objects.filter(date__year=year)
            rules = {
                row.date: DayRule(kind=DayKind(row.kind), name=row.name, basis=row.basis)
                for row in rows
            }
            complete = CalendarYear.objects.filter(year=year).exists()
            self._years[year] = (complete, rules)
        return self._years[year]


def stored_table() -> StoredTable:
    """Return a fresh view of the administrator's table, for one request or one job."""
    return StoredTable()
