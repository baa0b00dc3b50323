"""The administrator keeps the table: enter, change and remove days, declare a year complete.

Every term that is still running is counted with this table, so each act names its legal basis or its
reason, and a declared year can never lose a statutory holiday unnoticed.
"""

from datetime import date, timedelta
from typing import Any

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.calendar.models import FIRST_YEAR, LAST_YEAR, CalendarDay, CalendarYear
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import ONE_DAY, is_working_day, library_knows
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound
from chengshu.kernel.unit_of_work import unit_of_work

MANAGE = "calendar.manage"
LONGEST_SPAN = timedelta(days=31)
# 全国年节及纪念日放假办法 (2024 revision), art. 2: the holidays with a fixed date, in force since 2025.
_FIXED_SINCE = 2025
_FIXED_HOLIDAYS = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
_SHOWN = 5


def add_days(
    *, actor: Actor, first: date, last: date, kind: str, name: str, basis: str
) -> list[CalendarDay]:
    """Enter every day from ``first`` to ``last`` (both included); all of them or none.

    Raises:
        NotAllowed: the actor does not keep the city's calendar.
        InvalidInput: a value is missing, or the span is reversed, too long or outside the calendar.
        Conflict: one of the days has been entered already.
    """
    check(actor, MANAGE, CalendarDay(date=first, kind=kind, name=name))
    facts = _valid(kind, name, basis)
    _require_span(first, last)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    with unit_of_work():
        added: list[CalendarDay] = []
        taken: list[CalendarDay] = []
        for day in days:
            item, created = CalendarDay.objects.get_or_create(date=day, defaults=facts)
            (added if created else taken).append(item)
        if taken:
            listed = "、".join(f"{item.date:%Y-%m-%d}" for item in taken[:_SHOWN])
            more = f" 等 {len(taken)} 天" if len(taken) > _SHOWN else ""
            raise Conflict(
                f"{listed}{more}已经录入过。",
                kept="本次没有录入任何一天。",
                advice="请在列表中修改已有的日子，或调整起止日期。",
            )
        for item in added:
            record(actor=actor, action="calendar.day_added", obj=item, after=_facts(item))
    return added


def change_day(*, actor: Actor, day: CalendarDay, kind: str, name: str, basis: str) -> CalendarDay:
    """Change what is said of a day; the date stays.

    Raises:
        NotAllowed: the actor does not keep the city's calendar.
        InvalidInput: a value is missing.
        NotFound: somebody removed the day meanwhile.
    """
    check(actor, MANAGE, day)
    facts = _valid(kind, name, basis)
    with unit_of_work():
        item = _locked(day)
        before = _facts(item)
        for key, value in facts.items():
            setattr(item, key, value)
        item.save(update_fields=list(facts))
        record(
            actor=actor, action="calendar.day_changed", obj=item,
            before=before, after=_facts(item),
        )  # fmt: skip
    return item


def remove_day(*, actor: Actor, day: CalendarDay, reason: str) -> None:
    """Remove an entry: the library or the week decides the day again.

    Raises:
        NotAllowed: the actor does not keep the city's calendar.
        InvalidInput: there is no reason.
        Conflict: the year is declared complete.
        NotFound: somebody removed the day already.
    """
    check(actor, MANAGE, day)
    reason = _require_text("reason", reason, "请写明原因")
    with unit_of_work():
        item = _locked(day)
        if CalendarYear.objects.filter(year=item.date.year).exists():
            raise Conflict(
                f"{item.date.year} 年已声明录全，不能移除其中的日子。",
                kept="这一天仍然有效。",
                advice="请先撤回声明，或直接修改这一天。",
            )
        record(
            actor=actor, action="calendar.day_removed", obj=item, before=_facts(item),
            reason=reason,
        )  # fmt: skip
        item.delete()


def declare_complete(*, actor: Actor, year: int, basis: str) -> CalendarYear:
    """State that all special days of a year are entered: the week then decides the others for certain.

    Raises:
        NotAllowed: the actor does not keep the city's calendar.
        InvalidInput: no basis, or the year is outside the calendar.
        Conflict: the library knows the year, it is declared already, or a statutory holiday with a
            fixed date would be a working day.
    """
    check(actor, MANAGE, CalendarYear(year=year))
    _require_year(year)
    basis = _require_text("basis", basis, "请填写放假通知的名称和文号")
    if library_knows(year):
        # A declaration would make the week overrule the holidays that the library has.
        raise Conflict(
            f"{year} 年的放假安排已内置，无需声明。",
            kept="没有做任何改动。",
            advice="个别日子有变化时，请直接录入那一天。",
        )
    with unit_of_work():
        _require_fixed_holidays(year)
        item, created = CalendarYear.objects.get_or_create(year=year, defaults={"basis": basis})
        if not created:
            raise Conflict(f"{year} 年已经声明录全。", kept="原声明仍然有效。")
        record(
            actor=actor, action="calendar.year_declared", obj=item,
            after={"year": str(year), "basis": basis},
        )  # fmt: skip
    return item


def withdraw_declaration(*, actor: Actor, year: int, reason: str) -> None:
    """Take the statement back: days that nobody entered are uncertain again.

    Raises:
        NotAllowed: the actor does not keep the city's calendar.
        InvalidInput: there is no reason.
        Conflict: the year is not declared complete.
    """
    check(actor, MANAGE, CalendarYear(year=year))
    reason = _require_text("reason", reason, "请写明原因")
    with unit_of_work():
        item = CalendarYear.objects.select_for_update().filter(year=year).first()
        if item is None:
            raise Conflict(f"{year} 年没有声明录全，不需要撤回。", kept="没有做任何改动。")
        record(
            actor=actor, action="calendar.year_withdrawn", obj=item,
            before={"year": str(year), "basis": item.basis}, reason=reason,
        )  # fmt: skip
        item.delete()


def _valid(kind: str, name: str, basis: str) -> dict[str, str]:
    if kind not in CalendarDay.Kind.values:
        raise InvalidInput("安排只能是上班或放假。", fields={"kind": "请选择上班或放假"})
    return {
        "kind": kind,
        "name": _require_text("name", name, "请填写名称，例如：国庆节"),
        "basis": _require_text("basis", basis, "请填写放假通知的名称和文号"),
    }


def _require_text(field: str, value: str, message: str) -> str:
    text = value.strip()
    if not text:
        raise InvalidInput(f"{message}。", fields={field: message})
    return text


def _require_span(first: date, last: date) -> None:
    _require_year(first.year, field="first")
    _require_year(last.year, field="last")
    if last < first:
        raise InvalidInput("结束日期早于开始日期。", fields={"last": "不能早于开始日期"})
    if last - first + ONE_DAY > LONGEST_SPAN:
        raise InvalidInput(
            "一次最多录入 31 天。", fields={"last": "一次最多录入 31 天，请分几次录入"}
        )


def _require_year(year: int, *, field: str = "year") -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        text = f"工作日历只管 {FIRST_YEAR} 至 {LAST_YEAR} 年"
        raise InvalidInput(f"{text}。", fields={field: text})


def _require_fixed_holidays(year: int) -> None:
    if year < _FIXED_SINCE:
        return
    table = stored_table()
    days = [date(year, month, day) for month, day in _FIXED_HOLIDAYS]
    missing = [day for day in days if is_working_day(day, table=table)]
    if missing:
        listed = "、".join(f"{day.month} 月 {day.day} 日" for day in missing)
        raise Conflict(
            f"{year} 年还缺法定节假日：{listed}。",
            kept="没有声明录全，已录入的日子都保留。",
            advice="请对照放假通知补录后再声明。",
        )


def _locked(day: CalendarDay) -> CalendarDay:
    item = CalendarDay.objects.select_for_update().filter(pk=day.pk).first()
    if item is None:
        raise NotFound("这一天已被他人移除。", advice="请回到工作日历核对。")
    return item


def _facts(item: CalendarDay) -> dict[str, Any]:
    return {
        "date": item.date.isoformat(),
        "kind": item.get_kind_display(),
        "name": item.name,
        "basis": item.basis,
    }
