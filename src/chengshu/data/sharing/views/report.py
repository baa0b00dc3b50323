"""统计报表 and value report: calls by interface, application or department, as a page and as a file."""

from collections.abc import Mapping, Sequence

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from chengshu.data.sharing import latency, selectors, usage
from chengshu.data.sharing.views.calls import DEFAULT, HOME, PERIODS
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.audit.services import record
from chengshu.kernel.ui import export
from chengshu.kernel.ui.components import (
    Action,
    Chart,
    Column,
    Crumb,
    EmptyState,
    Series,
    Tab,
    Table,
)
from chengshu.kernel.unit_of_work import unit_of_work

TITLE = "调用统计报表"
GROUPS = {"interface": "按接口", "application": "按应用", "department": "按使用单位"}
FORMATS = {"csv": export.csv_response, "xlsx": export.xlsx_response}
# Hours are summed from hourly rows, of which a year has too many to be read for one chart.
HOURS_AT_MOST = 90
# Beyond it single calls take longer to read than a page may: the year shows what the sums can tell.
SKETCHES_AT_MOST = 90


def report(request: ActorRequest) -> HttpResponseBase:
    """The report of a period; ``format`` csv or xlsx gives it as a file."""
    period = request.GET.get("days", DEFAULT)
    period = period if period in PERIODS else DEFAULT
    group = request.GET.get("group", "interface")
    group = group if group in GROUPS else "interface"
    days, actor = int(period), request.actor
    lines = usage.lines(selectors.statistics(actor).filter(day__gte=usage.first_day(days)), group)
    details = (
        latency.details(actor, group=group, since=usage.since(days))
        if days <= SKETCHES_AT_MOST
        else None
    )
    form = request.GET.get("format", "")
    if form in FORMATS:
        return _file(request, form, lines, details, group=group, days=days)
    return _page(request, lines, details, group=group, period=period)


def _page(
    request: ActorRequest,
    lines: Sequence[usage.Line],
    details: Mapping[str, latency.Detail] | None,
    *,
    group: str,
    period: str,
) -> HttpResponse:
    def url(**changes: str) -> str:
        return f"{request.path}?{urlencode({'group': group, 'days': period, **changes})}"

    hours = min(int(period), HOURS_AT_MOST)
    hourly = selectors.hourly_statistics(request.actor).filter(hour__gte=usage.since(hours))
    context = {
        "title": TITLE, "subtitle": f"{PERIODS[period]}，{GROUPS[group]}；由网关留痕汇总",
        "crumbs": [Crumb(HOME, reverse("sharing:calls")), Crumb(TITLE)],
        "actions": [
            Action(title="导出 Excel", url=url(format="xlsx"), icon="download"),
            Action(title="导出 CSV", url=url(format="csv"), icon="download"),
        ],
        "groups": [Tab(name, url(group=key), key == group) for key, name in GROUPS.items()],
        "periods": [Tab(name, url(days=key), key == period) for key, name in PERIODS.items()],
        "table": _table(lines, details, group),
        "hours": Chart(
            key="hours", title=f"近 {hours} 天各钟点的调用", kind="bar", unit="次",
            categories=[f"{hour} 点" for hour in range(24)],
            series=[Series("调用", usage.by_hour(hourly))],
        ),
    }  # fmt: skip
    return render(request, "sharing/report.html", context)


def _columns(details: Mapping[str, latency.Detail] | None, group: str) -> tuple[Column, ...]:
    known = details or {}
    main = Column(key="title", title=GROUPS[group][1:], kind="main")
    unit = {"interface": "提供单位", "application": "使用单位"}.get(group)
    users = (
        Column(key="users", title="用它的单位", kind="number"),
        Column(key="applications", title="用它的应用", kind="number"),
    )  # fmt: skip
    sketches = (
        Column(key="different", title="涉及记录（约）", kind="number",
               value=lambda line: d.different if (d := known.get(line.code)) else None),
        Column(key="p95", title="95% 在（毫秒）", kind="score",
               value=lambda line: d.p95_ms if (d := known.get(line.code)) else None),
    )  # fmt: skip
    return (
        main,
        *((Column(key="unit", title=unit),) if unit else ()),
        Column(key="calls", title="调用", kind="number"),
        Column(key="found", title="查到", kind="number"),
        Column(key="missing", title="查无记录", kind="number"),
        Column(key="refused", title="被拒绝或出错", kind="number"),
        Column(key="mean", title="平均（毫秒）", kind="score", value=lambda line: line.mean_ms),
        *(sketches if details is not None and group != "department" else ()),
        *(users if group == "interface" else ()),
    )  # fmt: skip


def _table(
    lines: Sequence[usage.Line], details: Mapping[str, latency.Detail] | None, group: str
) -> Table:
    empty = EmptyState(title="这段时间没有调用", icon="chart-bar", text="换一段时间看看。")
    return Table.plain(
        key="report", columns=_columns(details, group), rows=lines, caption=TITLE, empty=empty
    )


def _file(
    request: ActorRequest,
    form: str,
    lines: Sequence[usage.Line],
    details: Mapping[str, latency.Detail] | None,
    *,
    group: str,
    days: int,
) -> HttpResponseBase:
    columns = _columns(details, group)
    rows = [[column.read(line) for column in columns] for line in lines]
    with unit_of_work():
        record(
            actor=request.actor, action="sharing.report_exported", object_name=TITLE,
            after={"days": days, "group": group, "rows": len(rows)},
        )  # fmt: skip
    watermark = f"{request.actor.name} {timezone.localtime():%Y-%m-%d %H:%M} 导出"
    name = f"{TITLE}-{GROUPS[group]}-近{days}天"
    return FORMATS[form](name, [column.title for column in columns], rows, watermark)
