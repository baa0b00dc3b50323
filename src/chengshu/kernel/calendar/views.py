"""Pages of the working calendar: a year at a glance, its special days, its declaration."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.calendar import selectors, services
from chengshu.kernel.calendar.forms import (
    DayForm,
    DeclarationForm,
    NewDaysForm,
    ReasonForm,
    show_error,
)
from chengshu.kernel.calendar.models import FIRST_YEAR, LAST_YEAR, CalendarDay
from chengshu.kernel.calendar.selectors import Look, Source, YearView
from chengshu.kernel.calendar.working_days import local_date
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound
from chengshu.kernel.registry import registry
from chengshu.kernel.ui.components import (
    Action,
    Column,
    Crumb,
    EmptyState,
    Fact,
    StatusTag,
    Table,
    TimelineEntry,
)

_STATES = {
    Source.LIBRARY: StatusTag("内置放假安排", "teal", "circle-check"),
    Source.DECLARED: StatusTag("管理员已录全", "teal", "circle-check"),
    Source.UNCERTAIN: StatusTag("尚未录全，按星期推算", "amber", "alert-triangle"),
}


def year_url(number: int) -> str:
    """Where a year's page is."""
    return f"{reverse('calendar:year')}?year={number}"


def day_url(item: CalendarDay) -> str:
    """Where an entry is changed."""
    return reverse("calendar:day", args=[item.pk])


def _this_year() -> int:
    return local_date(timezone.now()).year


def _wanted_year(text: str) -> int:
    if not text:
        return _this_year()
    if not (text.isascii() and text.isdigit()) or not FIRST_YEAR <= int(text[:9]) <= LAST_YEAR:
        raise NotFound(
            f"工作日历只管 {FIRST_YEAR} 至 {LAST_YEAR} 年。", advice="请从今年的日历开始查看。"
        )
    return int(text)


def year(request: ActorRequest) -> HttpResponse:
    """Twelve months, where they come from, the administrator's entries and what was done."""
    number = _wanted_year(request.GET.get("year", ""))
    view = selectors.year_view(request.actor, number)
    manage = allows(request.actor, services.MANAGE, CalendarDay())
    following = number + 1
    context = {
        "title": f"{number} 年工作日历",
        "subtitle": "办理期限按这里的工作日计算。",
        "crumbs": [Crumb("工作日历", reverse("calendar:year")), Crumb(f"{number} 年")],
        "actions": _year_actions(view, manage=manage),
        "view": view,
        "state": _STATES[view.source],
        "looks": list(Look),
        "weekdays": selectors.WEEKDAYS,
        "manage": manage,
        "next_uncertain": following
        if number == _this_year() and selectors.is_uncertain(following)
        else None,
        "next_url": year_url(following),
        "facts": _year_facts(view),
        "entries": _entry_table(view, manage=manage),
        "history": _history(number),
    }
    return render(request, "calendar/year.html", context)


def _year_actions(view: YearView, *, manage: bool) -> list[Action]:
    number = view.year
    found = []
    if number > FIRST_YEAR:
        found.append(
            Action(title=f"{number - 1} 年", url=year_url(number - 1), icon="chevron-left")
        )
    if number < LAST_YEAR:
        found.append(
            Action(title=f"{number + 1} 年", url=year_url(number + 1), icon="chevron-right")
        )
    if not manage:
        return found
    if view.source is Source.UNCERTAIN:
        url = reverse("calendar:declare", args=[number])
        found.append(Action(title="声明全年已录全", url=url, icon="circle-check"))
    if view.source is Source.DECLARED:
        url = reverse("calendar:withdraw", args=[number])
        found.append(Action(title="撤回声明", url=url, icon="arrow-back-up"))
    url = f"{reverse('calendar:day-new')}?year={number}"
    found.append(Action(title="录入特殊日", url=url, icon="plus", primary=True))
    return found


def _year_facts(view: YearView) -> list[Fact]:
    if view.declaration is not None:
        basis = view.declaration.basis
    elif view.source is Source.LIBRARY:
        basis = "国务院办公厅节假日安排通知（chinesecalendar 内置）"
    else:
        basis = "按周一至周五推算，没有依据"
    counts = [Fact(look.word, f"{view.count(look)} 天") for look in Look]
    return [
        Fact("数据来源", _STATES[view.source].text),
        Fact("依据", basis),
        *counts,
        Fact("管理员录入", f"{len(view.entries)} 天"),
    ]


def _entry_table(view: YearView, *, manage: bool) -> Table:
    columns = (
        Column(key="date", title="日期", kind="date", url=day_url if manage else None),
        Column(key="kind", title="安排", value="get_kind_display"),
        Column(key="name", title="名称", kind="main"),
        Column(key="basis", title="依据"),
    )
    return Table.plain(
        key="entries", columns=columns, rows=view.entries, caption="管理员录入的特殊日",
        empty=EmptyState(
            title="这一年还没有录入特殊日",
            text="放假通知发布后，在这里录入放假日和调休上班日。", icon="calendar",
        ),
    )  # fmt: skip


def _history(number: int) -> list[TimelineEntry]:
    return [
        TimelineEntry(
            title=registry.action_name(row.action),
            at=row.at,
            who=row.actor_name,
            text="：".join(part for part in (row.object_name, row.reason) if part),
        )
        for row in selectors.history(number)
    ]


def day_new(request: ActorRequest) -> HttpResponse:
    """Enter one day or several in a row."""
    number = _wanted_year(request.GET.get("year", ""))
    initial = {"kind": CalendarDay.Kind.HOLIDAY}
    form = NewDaysForm(request.POST or None, initial=initial)

    def save() -> tuple[str, str]:
        added = services.add_days(actor=request.actor, **form.cleaned_data)
        return f"已录入 {len(added)} 天。", year_url(added[0].date.year)

    return _submit(request, form, save, number, title="录入特殊日", submit="录入")


def day_edit(request: ActorRequest, pk: int) -> HttpResponse:
    """Change what is said of a day."""
    item = selectors.day(request.actor, services.MANAGE, pk)
    initial = {name: getattr(item, name) for name in ("kind", "name", "basis")}
    form = DayForm(request.POST or None, initial=initial)
    number = item.date.year

    def save() -> tuple[str, str]:
        saved = services.change_day(actor=request.actor, day=item, **form.cleaned_data)
        return f"已保存：{saved}。", year_url(number)

    remove = Action(title="移除这一天", url=reverse("calendar:day-remove", args=[pk]), icon="trash")
    return _submit(
        request, form, save, number,
        title=f"修改：{item.date:%Y-%m-%d}", submit="保存修改", actions=[remove],
    )  # fmt: skip


def day_remove(request: ActorRequest, pk: int) -> HttpResponse:
    """Remove an entry, with a reason."""
    item = selectors.day(request.actor, services.MANAGE, pk)
    form = ReasonForm(request.POST or None)

    def save() -> tuple[str, str]:
        services.remove_day(actor=request.actor, day=item, **form.cleaned_data)
        return f"已移除 {item.date:%Y-%m-%d}。", year_url(item.date.year)

    return _submit(
        request, form, save, item.date.year,
        title=f"移除：{item}", submit="移除这一天",
        subtitle="移除后，这一天改按内置放假安排或星期计算，未办结事项的期限可能随之变化。",
    )  # fmt: skip


def declare(request: ActorRequest, year: int) -> HttpResponse:
    """Declare a year complete."""
    form = DeclarationForm(request.POST or None)

    def save() -> tuple[str, str]:
        services.declare_complete(actor=request.actor, year=year, **form.cleaned_data)
        return f"已声明 {year} 年录全，期限不再提示推算。", year_url(year)

    return _submit(
        request, form, save, year,
        title=f"声明 {year} 年已录全", submit="声明录全",
        subtitle="声明后，没有录入的日子一律按星期计算，不再提示。请先逐条核对放假通知。",
    )  # fmt: skip


def withdraw(request: ActorRequest, year: int) -> HttpResponse:
    """Take the declaration of a year back."""
    form = ReasonForm(request.POST or None)

    def save() -> tuple[str, str]:
        services.withdraw_declaration(actor=request.actor, year=year, **form.cleaned_data)
        return f"已撤回 {year} 年的声明。", year_url(year)

    return _submit(
        request, form, save, year,
        title=f"撤回 {year} 年的声明", submit="撤回声明",
        subtitle="撤回后，已录入的日子仍然有效，其余日子重新标为推算。",
    )  # fmt: skip


def _submit(
    request: ActorRequest,
    form: forms.Form,
    save: Callable[[], tuple[str, str]],
    number: int,
    **context: Any,
) -> HttpResponse:
    """Show a form, or save it and go where ``save`` says; a refusal is shown with what was typed."""
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            said, address = save()
        except (InvalidInput, Conflict) as error:
            show_error(form, error)
            status = int(error.status)
        else:
            messages.success(request, said)
            return HttpResponseRedirect(address)
    crumbs = [
        Crumb("工作日历", reverse("calendar:year")),
        Crumb(f"{number} 年", year_url(number)),
        Crumb(context["title"]),
    ]
    shown = {"form": form, "crumbs": crumbs, "cancel_url": year_url(number), **context}
    return render(request, "ui/form.html", shown, status=status)
