"""The board: who is late, how long it takes, how often problems come back."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from chengshu.data.tickets import clock, selectors, statistics
from chengshu.data.tickets.choices import Escalation
from chengshu.data.tickets.presentation import due_word, list_url, state_word, ticket_url, tone
from chengshu.data.tickets.statistics import Performance
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.ui.components import (
    Action,
    Chart,
    Column,
    Crumb,
    EmptyState,
    Series,
    Stat,
    Table,
)

BARS, LISTED = 12, 20


def board(request: ActorRequest) -> HttpResponse:
    """Figures, charts, departments, and the list for leaders."""
    rows = selectors.tickets(request.actor).select_related(None)
    found, sums = statistics.performances(rows), statistics.totals(rows)
    context: dict[str, Any] = {
        "title": "工单督办看板",
        "subtitle": f"期限以工作日计：问题整改 {clock.policy().problem_days} 个工作日（可配置）",
        "crumbs": [Crumb("问题工单", reverse("tickets:tickets")), Crumb("督办看板")],
        "actions": [Action(title="全部工单", url=reverse("tickets:tickets"), icon="list")],
        "stats": _stats(sums),
        "charts": [chart for chart in _charts(found, statistics.weeks(rows)) if chart],
        "departments": _departments(found),
        "leaders": _leaders(request),
    }
    return render(request, "tickets/board.html", context)


def _stats(sums: statistics.Totals) -> list[Stat]:
    return [
        Stat(label="未关闭", value=sums.open, unit="件", url=list_url(standing="open")),
        Stat(label="已超期", value=sums.overdue, unit="件", url=list_url(standing="overdue"),
             tone="red" if sums.overdue else ""),
        Stat(label="督办中", value=sums.supervised, unit="件", url=list_url(standing="supervised")),
        Stat(label="平均用时", value=sums.days, unit="个工作日", note=f"{sums.closed:,} 件已关闭"),
        Stat(label="按时率", value=sums.on_time, unit="%"),
        Stat(label="重开率", value=sums.reopened, unit="%", url=list_url(standing="reopened")),
    ]  # fmt: skip


def _bars(
    key: str, title: str, unit: str, found: list[Performance], values: list[Any]
) -> Chart | None:
    pairs = [(p, v) for p, v in zip(found, values, strict=True) if v is not None][:BARS]
    if not pairs:
        return None
    return Chart(
        key=key, title=title, kind="hbar", unit=unit, categories=[p.name for p, _ in pairs],
        series=[Series(title, [v for _, v in pairs])],
        urls=[list_url(department=p.code) for p, _ in pairs],
        maximum=100 if unit == "%" else None, values=True,
    )  # fmt: skip


def _charts(found: list[Performance], weeks: list[statistics.Week]) -> list[Chart | None]:
    shown = found[:BARS]
    load = None
    if shown:
        load = Chart(
            key="load", title="各单位未关闭工单", kind="hbar", unit="件", stacked=True,
            categories=[p.name for p in shown],
            series=[
                Series("未到期", [p.open - p.overdue for p in shown]),
                Series("已超期", [p.overdue for p in shown], tone="red"),
            ],
            urls=[list_url(department=p.code, standing="open") for p in shown],
        )  # fmt: skip
    flow = None
    if any(week.opened or week.closed for week in weeks):
        flow = Chart(
            key="weeks", title="每周开出与关闭", kind="bar", unit="件",
            categories=[f"{week.first:%m-%d}" for week in weeks],
            series=[
                Series("开出", [week.opened for week in weeks]),
                Series("关闭", [week.closed for week in weeks]),
            ],
            description="每周一起算，最近 8 周",
        )  # fmt: skip
    return [
        load,
        flow,
        _bars("days", "平均用时", "个工作日", found, [p.days for p in found]),
        _bars("punctual", "按时率", "%", found, [p.on_time for p in found]),
    ]


def _department_url(row: Performance) -> str:
    return list_url(department=row.code)


_COLUMNS = (
    Column(key="name", title="单位", kind="main", url=_department_url),
    Column(key="open", title="未关闭", kind="number",
           url=lambda p: list_url(department=p.code, standing="open")),
    Column(key="overdue", title="已超期", kind="number",
           url=lambda p: list_url(department=p.code, standing="overdue")),
    Column(key="closed", title="已关闭", kind="number"),
    Column(key="days", title="平均用时（工作日）", kind="number"),
    Column(key="on_time", title="按时率（%）", kind="number"),
    Column(key="reopened", title="重开率（%）", kind="number"),
)  # fmt: skip


def _departments(found: list[Performance]) -> Table:
    return Table.plain(
        key="ticket-departments", columns=_COLUMNS, rows=found, caption="各单位办理情况",
        empty=EmptyState(title="还没有工单", icon="clipboard-list"),
    )  # fmt: skip


def _leaders(request: ActorRequest) -> Table:
    """What was carried up to the leaders of the city, and what is under 督办."""
    now, table = timezone.now(), stored_table()
    rows = selectors.opened(selectors.tickets(request.actor))
    carried = rows.filter(escalation=Escalation.LEADERS) | rows.filter(supervised=True)
    columns = (
        Column(key="title", title="问题", kind="main", url=ticket_url),
        Column(key="department", title="责任单位", value="department.short"),
        Column(key="owner", title="经办人", value=lambda t: t.owner or "待签收"),
        Column(key="state", title="状态", kind="status", value=tone, label=state_word),
        Column(key="due", title="时限", value=lambda t: due_word(t, now, table)),
    )
    return Table.plain(
        key="ticket-leaders", columns=columns, rows=list(carried.order_by("due_at")[:LISTED]),
        caption="报市领导清单",
        empty=EmptyState(
            title="没有需要市领导关注的工单", text="超期多日或督办中的工单会列在这里。",
            icon="circle-check",
        ),
    )  # fmt: skip
