"""The statistics of calls, single calls, and the proof of their trail."""

from collections.abc import Container
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from chengshu.data.sharing import records, selectors, usage
from chengshu.data.sharing.models import Application, ShareInterface
from chengshu.data.sharing.views.presentation import (
    day_chart,
    reasons_table,
    share_chart,
    usage_stats,
)
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds, scope
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import NotFound
from chengshu.kernel.jobs.models import Job, JobState
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.jobs.views import progress_of
from chengshu.kernel.ui.components import (
    Action,
    Column,
    Crumb,
    EmptyState,
    Filter,
    Pager,
    Stat,
    Tab,
    Table,
)
from chengshu.kernel.ui.components.table import FilterState
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway.problems import KINDS

HOME = "调用统计"
PERIODS = {"7": "近 7 天", "30": "近 30 天", "90": "近 90 天", "365": "近一年"}
DEFAULT = "30"
LATEST = 10
LAST_PAGE = 200
VERIFY, REPORT = "sharing.verify", "sharing_corrections.report"
KEY = "sharing-calls"


def board(request: ActorRequest) -> HttpResponse:
    """How much, how well, how fast, by whom, of what, and why some were refused."""
    period = request.GET.get("days", DEFAULT)
    period = period if period in PERIODS else DEFAULT
    rows = selectors.statistics(request.actor).filter(day__gte=usage.first_day(int(period)))
    url = reverse("sharing:calls")
    actions = [
        Action(title="查看明细", url=reverse("sharing:records"), icon="list"),
        Action(title="统计报表", url=reverse("sharing:report"), icon="report-analytics"),
        Action(title="异常线索", url=reverse("sharing_hints:hints"), icon="alert-triangle"),
        Action(title="校核纠错", url=reverse("sharing_corrections:corrections"), icon="edit"),
    ]
    if holds(request.actor, VERIFY):
        actions.append(Action(title="核验留痕", url=reverse("sharing:verify"), icon="shield-check",
                              method="post"))  # fmt: skip
    records_url = reverse("sharing:records")
    context: dict[str, Any] = {
        "title": HOME, "actions": actions,
        "subtitle": "由网关留痕汇总，每分钟更新；只含本单位的应用和接口"
        if not selectors.sees_all_calls(request.actor) else "由网关留痕汇总，每分钟更新",
        "tabs": [
            Tab(name, f"{url}?days={key}", key == period) for key, name in PERIODS.items()
        ],
        "stats": usage_stats(usage.totals(rows), PERIODS[period]),
        "days": day_chart(usage.by_day(rows, int(period))),
        "applications": share_chart("application", "按应用（前 10）", usage.by_application(rows), records_url),
        "interfaces": share_chart("interface", "按接口（前 10）", usage.by_interface(rows), records_url),
        "reasons": reasons_table(usage.reasons(rows)),
        "latest": calls_table(records.latest(request.actor, size=LATEST).rows),
    }  # fmt: skip
    return render(request, "sharing/calls.html", context)


def calls_table(
    rows: list[records.CallRecord], *, reporting: Container[str] = (), **more: Any
) -> Table:
    """Single calls; ``more`` makes it a list with filters and pages.

    ``reporting`` are the applications for which the reader may report a wrong value.
    """
    names = dict(Application.objects.values_list("code", "name"))
    titles = dict(ShareInterface.objects.values_list("code", "title"))
    columns: tuple[Column, ...] = (
        Column(key="called_at", title="时间", kind="datetime"),
        Column(key="application", title="应用", kind="main",
               value=lambda r: names.get(r.application, r.application)),
        Column(key="interface", title="接口", value=lambda r: titles.get(r.interface, r.interface)),
        Column(key="outcome", title="结果", kind="status", label=lambda r: usage.outcome_name(r.outcome),
               value=lambda r: "succeeded" if r.outcome in usage.ANSWERED else "failed"),
        Column(key="status", title="状态码", kind="number"),
        Column(key="ms", title="耗时（毫秒）", kind="score", value=lambda r: r.micros / 1000),
        Column(key="purpose", title="用途"),
        Column(key="request_id", title="记录编号", kind="code"),
    )  # fmt: skip
    if reporting:
        columns += (
            Column(
                key="report", title="数据有误", url=lambda r: _report_url(r, reporting),
                value=lambda r: "报告有误" if _report_url(r, reporting) else "",
            ),
        )  # fmt: skip
    empty = EmptyState(title="还没有调用", icon="activity", text="网关的调用每分钟汇总一次。")
    return Table.plain(key=KEY, columns=columns, rows=rows, caption="调用明细", empty=empty, **more)


def _report_url(row: records.CallRecord, reporting: Container[str]) -> str:
    if row.outcome != usage.OK or row.application not in reporting:
        return ""
    query = urlencode({"application": row.application})
    return f"{reverse('sharing_corrections:new', args=[row.interface])}?{query}"


def _reporting(actor: Actor) -> frozenset[str]:
    """Applications of the reader's own unit: only those who received a value may say that it is wrong."""
    if not holds(actor, REPORT):
        return frozenset()
    return frozenset(scope(actor, REPORT, Application.objects.all()).values_list("code", flat=True))


def record_list(request: ActorRequest) -> HttpResponse:
    """Single calls from the lake, newest first, page by page."""
    filters = _filters(request)
    asked = {state.filter.key: state.value for state in filters}
    number = request.GET.get("page", "1")
    page = min(max(int(number), 1), LAST_PAGE) if number.isdecimal() else 1
    found = records.latest(
        request.actor, application=asked["application"], interface=asked["interface"],
        outcome=asked["outcome"], page=page,
    )  # fmt: skip

    def url(to: int) -> str:
        wanted = {**asked, "page": str(to) if to > 1 else ""}
        query = urlencode({key: value for key, value in wanted.items() if value})
        return f"{request.path}?{query}" if query else request.path

    pager = Pager(
        previous_url=url(page - 1) if page > 1 else "",
        next_url=url(page + 1) if found.more and page < LAST_PAGE else "",
        first_url=url(1) if page > 1 else "",
        page_size=records.PAGE,
    )
    table = calls_table(found.rows, pager=pager, reporting=_reporting(request.actor))
    if request.headers.get("HX-Target") == f"{KEY}-results":
        return render(request, "ui/table/results.html", {"table": table})
    context = {
        "title": "调用明细", "subtitle": "每次调用一条，新的在前", "table": table,
        "filter_bar": calls_table([], url=request.path, filters=filters),
        "crumbs": [Crumb(HOME, reverse("sharing:calls")), Crumb("调用明细")],
    }  # fmt: skip
    return render(request, "sharing/records.html", context)


def _filters(request: ActorRequest) -> list[FilterState]:
    """What the list is narrowed to: applications and interfaces the person sees, and outcomes."""
    asking = selectors.applications(request.actor).order_by("name").values_list("code", "name")
    asked = selectors.interfaces(request.actor).order_by("title").values_list("code", "title")
    outcomes = [(key, usage.outcome_name(key)) for key in (usage.OK, *KINDS)]
    found = []
    for key, title, options in (
        ("application", "应用", list(asking)), ("interface", "接口", list(asked)),
        ("outcome", "结果", outcomes),
    ):  # fmt: skip
        value = request.GET.get(key, "")
        # A code that is in no list (a caller that was removed, or only claimed a name) narrows all the same.
        known = options if not value or value in dict(options) else [*options, (value, value)]
        found.append(FilterState(Filter(key=key, title=title, choices=known), known, value))
    return found


@require_POST
def verify(request: ActorRequest) -> HttpResponse:
    """Start a verification as a job; one that waits or runs is shown instead of a second one."""
    running = Job.objects.filter(
        kind="sharing.verify_calls", state__in=[JobState.QUEUED, JobState.RUNNING]
    ).first()
    if running is None:
        with unit_of_work():
            running = enqueue("sharing.verify_calls", actor=request.actor, unit="条")
            record(actor=request.actor, action="sharing.verification_requested", obj=running)
    return redirect("sharing:verification", pk=running.id)


def verification(request: ActorRequest, pk: UUID) -> HttpResponse:
    """The outcome of a verification, live while it runs."""
    job = Job.objects.filter(id=pk, kind="sharing.verify_calls").first()
    if job is None:
        raise NotFound("没有找到这次核验。")
    result = job.result if job.state == JobState.SUCCEEDED else None
    context: dict[str, Any] = {
        "title": "核验共享调用留痕", "job": job, "progress": progress_of(job), "result": result,
        "subtitle": "逐条重算散列链，并与另处保存的签名检查点核对",
        "crumbs": [Crumb(HOME, reverse("sharing:calls")), Crumb("核验留痕")],
    }  # fmt: skip
    if result is not None:
        context["stats"] = [
            Stat(label="调用记录", value=result["records"], unit="条"),
            Stat(label="段文件", value=result["segments"], unit="个"),
            Stat(label="签名检查点", value=result["checkpoints"], unit="个"),
            Stat(label="发现问题", value=len(result["problems"]), unit="处"),
        ]
        context["problems"] = Table.plain(
            key="problems", rows=result["problems"], caption="发现的问题",
            columns=(
                Column(key="text", title="问题", kind="main"),
                Column(key="worker", title="进程", kind="number"),
                Column(key="segment", title="段", kind="number"),
                Column(key="line", title="行", kind="number"),
                Column(key="kind", title="类别", kind="code"),
            ),
        )  # fmt: skip
    if request.headers.get("HX-Request"):
        response = render(request, "sharing/verification_live.html", context)
        if job.finished:
            response.headers["HX-Refresh"] = "true"
        return response
    return render(request, "sharing/verification.html", context)
