"""The quality of one resource: scores, what to fix first, rules with their results, failing rows."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from chengshu.data.catalog.facade import Resource, published_by_id, resource_page
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.ingest.facade import Mask, masked, masks_of
from chengshu.data.quality import selectors
from chengshu.data.quality.batch_panel import grade_since
from chengshu.data.quality.choices import Dimension, RuleOrigin, Severity
from chengshu.data.quality.failing import PAGE, failing_page
from chengshu.data.quality.models import Evaluation, RuleResult
from chengshu.data.quality.presentation import (
    fix_lines,
    grade_tag,
    origin_word,
    places,
    rows_url,
    severity_tag,
)
from chengshu.data.quality.services.handing_out import note_unmasking, rows_for_export
from chengshu.data.quality.services.requests import request_evaluation
from chengshu.data.quality.ticketing import raise_ticket
from chengshu.data.quality.views.overview import dimension_chart, trend_chart
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, check
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.ui import export
from chengshu.kernel.ui.components import Column, EmptyState, Stat, Table

_FIXES_SHOWN = 6


def resource(request: ActorRequest, resource_id: int) -> HttpResponse:
    """The quality tab of an entry."""
    context = resource_page(actor=request.actor, resource_id=resource_id, active="quality")
    entry: Resource = context["resource"]
    evaluation = selectors.latest(request.actor, entry.pk)
    context |= {
        "evaluation": evaluation,
        "reachable": allows(request.actor, "quality.view", entry),
        "may_evaluate": allows(request.actor, "quality.evaluate", entry) and entry.state == "published",
        "may_manage": allows(request.actor, "quality.rule.manage", entry) and entry.state == "published",
        "empty": EmptyState(
            title="还没有评价过", icon="shield-check",
            text="数据入库以后会自动评价；也可以现在就评价一次。",
        ),
    }  # fmt: skip
    if evaluation is not None:
        context |= _evaluated(request, entry, evaluation)
    return render(request, "quality/resource.html", context)


def _evaluated(request: ActorRequest, entry: Resource, evaluation: Evaluation) -> dict[str, Any]:
    results = list(evaluation.results.all())
    for result in results:
        result.evaluation = evaluation
    days = selectors.history(evaluation)
    return {
        "grade": grade_tag(evaluation.grade),
        "stats": [
            Stat(label="总分", value=round(evaluation.score, 2), unit="分"),
            Stat(label="在库有问题", value=evaluation.failing, unit="条", note=f"共 {evaluation.rows:,} 条"),
            Stat(label="隔离未处理", value=evaluation.quarantined, unit="条"),
            Stat(label="规则", value=evaluation.rules, unit="条", note=f"{len(results)} 条有问题"),
        ],
        "dimension_chart": dimension_chart(evaluation.dimensions),
        "fixes": fix_lines(evaluation)[:_FIXES_SHOWN],
        "broken": _results(results, may_ticket=allows(request.actor, "quality.ticket.open", entry)),
        "kept": _kept(evaluation),
        "kept_count": len(evaluation.kept),
        "trend": trend_chart(
            [f"{timezone.localtime(day.at):%m-%d %H:%M}" for day in days], [round(day.score, 2) for day in days]
        ) if len(days) > 1 else None,
    }  # fmt: skip


def _results(rows: list[RuleResult], *, may_ticket: bool) -> Table:
    columns = [Column(key="title", title="规则", kind="main", url=rows_url)]
    columns += [
        Column(key="failed", title="在库", kind="number"),
        Column(key="quarantined", title="隔离", kind="number"),
    ]
    if may_ticket:
        columns.append(
            Column(
                key="ticket", title="工单", value=lambda r: "生成工单" if r.total else "",
                url=lambda r: reverse("quality:ticket", args=[r.evaluation.resource_id, r.pk]) if r.total else "",
            )
        )  # fmt: skip
    columns += [
        Column(key="dimension", title="维度", value="get_dimension_display"),
        Column(key="severity", title="严重程度", value=severity_tag),
        Column(key="origin", title="来源", value=origin_word),
        Column(key="checked", title="检查", kind="number"),
        *([Column(key="error", title="没有执行的原因")] if any(r.error for r in rows) else []),
    ]
    empty = EmptyState(title="没有规则发现问题", icon="circle-check")
    return Table.plain(key="broken", columns=columns, rows=rows, caption="规则和结果", empty=empty)


def _kept_value(place: int) -> Any:
    words: dict[int, Any] = {1: Dimension, 2: Severity, 3: RuleOrigin}

    def read(row: list[Any]) -> Any:
        return words[place](row[place]).label if place in words else row[place]

    return read


def _kept(evaluation: Evaluation) -> Table:
    titles = ("规则", "维度", "严重程度", "来源", "检查")
    columns = [
        Column(
            key=f"c{n}", title=title, kind="number" if n == len(titles) - 1 else "text",
            value=_kept_value(n),
        )
        for n, title in enumerate(titles)
    ]  # fmt: skip
    return Table.plain(
        key="kept", columns=columns, rows=evaluation.kept, caption="通过的规则",
        empty=EmptyState(title="没有通过的规则", icon="alert-triangle"),
    )  # fmt: skip


def grade(request: ActorRequest, resource_id: int) -> HttpResponse:
    """The grade after the load of ``?since=``, asked again until it is there (htmx)."""
    since = parse_datetime(request.GET.get("since", ""))
    if since is None or timezone.is_naive(since):
        raise InvalidInput("地址里的时间不对，请从批次页面进入。")
    return render(
        request, "quality/batch_grade.html", grade_since(request.actor, resource_id, since)
    )


@require_POST
def evaluate(request: ActorRequest, resource_id: int) -> HttpResponseBase:
    """Evaluate now, every rule, in the background."""
    job = request_evaluation(actor=request.actor, resource_id=resource_id, full=True)
    messages.success(request, f"已开始评价，进度见“{job.title}”；完成后刷新本页。")
    return redirect("quality:resource", resource_id)


def _result(evaluation: Evaluation | None, **wanted: Any) -> RuleResult:
    found = evaluation.results.filter(**wanted).first() if evaluation else None
    if found is None or evaluation is None:
        raise NotFound(
            "没有找到这条规则的结果。", advice="它可能已被新的评价替换，请从资源的质量页重新进入。"
        )
    found.evaluation = evaluation
    return found


def ticket(request: ActorRequest, resource_id: int, result_id: int) -> HttpResponseBase:
    """Ask, then open the ticket of a broken rule."""
    evaluation = selectors.latest(request.actor, resource_id)
    result = _result(evaluation, pk=result_id)
    check(request.actor, "quality.ticket.open", result.evaluation)
    if request.method == "POST":
        opened = raise_ticket(actor=request.actor, result=result)
        messages.success(
            request, f"已生成问题工单 {opened.number or ''}，改正后下一次评价通过会自动办结。"
        )
        return redirect("quality:resource", resource_id)
    context = resource_page(actor=request.actor, resource_id=resource_id, active="quality")
    return render(request, "quality/ticket.html", context | {"result": result})


def rows(request: ActorRequest, resource_id: int) -> HttpResponseBase:
    """The failing rows of a rule, masked; a POST with a reason shows this page once with personal values."""
    context = resource_page(actor=request.actor, resource_id=resource_id, active="quality")
    entry: Resource = context["resource"]
    evaluation = selectors.latest(request.actor, resource_id)
    result = _result(evaluation, key=request.GET.get("rule", ""))
    published = published_by_id(entry.pk)
    start = _position(request.GET.get("start", ""))
    reason_error = ""
    masks = masks_of(published.columns)
    if request.method == "POST":
        try:
            note_unmasking(
                actor=request.actor, resource=entry, reason=request.POST.get("reason", ""),
                shown=f"{result.title}，第 {start + 1} 条起",
            )  # fmt: skip
            masks = {}
        except InvalidInput as error:
            reason_error = error.fields.get("reason", error.detail)
    page = failing_page(result.evaluation, result, published, start=start)
    base = f"{reverse('quality:rows', args=[resource_id])}?rule={result.key}"
    context |= {
        "result": result,
        "page": page,
        "rows": _rows_table(published.columns, page.rows, masks, result),
        "reason_error": reason_error,
        "unmasked": request.method == "POST" and not reason_error,
        "personal": bool(masks_of(published.columns)),
        "may_unmask": allows(request.actor, "quality.rows.unmask", entry),
        "may_export": allows(request.actor, "quality.rows.export", entry),
        "next_url": f"{base}&start={start + PAGE}" if page.more else "",
        "previous_url": f"{base}&start={max(0, start - PAGE)}" if start else "",
        "quarantine_url": _quarantine_url(result),
    }
    return render(request, "quality/rows.html", context, status=422 if reason_error else 200)


def _position(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _quarantine_url(result: RuleResult) -> str:
    batch = result.evaluation.batch
    if not result.quarantined or batch is None:
        return ""
    column, _, rule = result.key.partition(":")
    query = urlencode({"problem": f"{rule}:{'' if column == '*' else column}"})
    return f"{reverse('ingest:quarantine', args=[batch])}?{query}"


def _rows_table(
    columns: tuple[ColumnSpec, ...],
    rows: list[dict[str, Any]],
    masks: dict[str, Mask],
    result: RuleResult,
) -> Table:
    """The key, then what the rule is about, then the rest."""
    about = set(result.columns)
    ordered = sorted(columns, key=lambda c: (not c.key, c.name not in about))
    shown = [
        Column(
            key=c.name,
            title=f"{c.title} ●" if c.name in about else c.title,
            value=_reader(c, masks),
        )
        for c in ordered
    ]
    empty = EmptyState(title="在库的记录都符合这条规则", icon="circle-check")
    return Table.plain(key="failing", columns=shown, rows=rows, caption="有问题的记录", empty=empty)


def _reader(column: ColumnSpec, masks: dict[str, Mask]) -> Any:
    def read(row: dict[str, Any]) -> Any:
        value = row.get(column.name)
        return masked(masks, column.name, value) if column.name in masks else value

    return read


@require_POST
def export_rows(request: ActorRequest, resource_id: int) -> HttpResponseBase:
    """The failing rows as Excel, with a column for what is wrong; original values only with a reason."""
    entry = resource_page(actor=request.actor, resource_id=resource_id, active="quality")[
        "resource"
    ]
    result = _result(selectors.latest(request.actor, resource_id), key=request.POST.get("rule", ""))
    found = rows_for_export(
        actor=request.actor, resource=entry, result=result, reason=request.POST.get("reason", "")
    )
    return export.xlsx_response(
        f"{entry.title}-有问题的记录", found.titles, found.rows, found.watermark
    )


__all__ = ["evaluate", "export_rows", "grade", "places", "resource", "rows", "ticket"]
