"""Overview, findings, decisions, and the tab of an entry."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from chengshu.data.catalog.facade import Resource, resource_page
from chengshu.data.classification import selectors, services
from chengshu.data.classification.choices import KINDS, FindingState, Gap
from chengshu.data.classification.forms import DismissForm
from chengshu.data.classification.models import Finding
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, holds
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import (
    Action,
    Chart,
    Column,
    Crumb,
    EmptyState,
    Fact,
    Filter,
    Series,
    Stat,
    StatusTag,
    Table,
)
from chengshu.kernel.ui.tables import TableView

HOME = "分级扫描"
_TAGS = {
    FindingState.OPEN: StatusTag("待确认", "amber", "hourglass-empty"),
    FindingState.ACCEPTED: StatusTag("已采纳", "teal", "circle-check"),
    FindingState.DISMISSED: StatusTag("误报", "grey", "circle-x"),
    FindingState.GONE: StatusTag("已消失", "grey", "circle-minus"),
}
_KIND_WORDS = dict(KINDS)
_FORMATS = {
    "region12": "12 位区划代码",
    "region6": "6 位区划代码",
    "postcode": "邮政编码",
    **_KIND_WORDS,
}
_EMPTY = EmptyState(
    title="还没有发现", icon="scan",
    text="扫描会查看目录定为低级别的数据，找里面的身份证号、姓名、手机号等。",
)  # fmt: skip


def _percent(value: float) -> str:
    return "不到 0.1%" if 0 < value < 0.001 else f"{value:.1%}"  # noqa: PLR2004 - one tenth of a percent


def _blind(share: float) -> str:
    """Below which share of the rows something may have been missed."""
    return f"不到 {max(share, 0.001):.1%}" if share else ""


def _level_change(item: Finding) -> str:
    if item.gap == Gap.FORMAT:
        return f"{item.declared_level}，补登格式"
    return f"{item.declared_level} → {item.proposed_level}"


def _url(item: Finding) -> str:
    return reverse("classification:finding", args=[item.pk])


COLUMNS: tuple[Column, ...] = (
    Column(key="title", title="数据项", kind="main", sort="title", locked=True, url=_url),
    Column(key="resource", title="数据资源", value="resource.title", sort="resource__title"),
    Column(key="provider", title="单位", value="resource.provider.short",
           sort="resource__provider__short"),
    Column(key="kind", title="发现", value="get_kind_display", sort="kind"),
    Column(key="level", title="级别", value=_level_change, sort="proposed_level"),
    Column(key="share", title="占比", value=lambda f: _percent(f.share), sort="share"),
    Column(key="confidence", title="把握", value=lambda f: f"{f.confidence:.0%}",
           sort="confidence"),
    Column(key="state", title="状态", kind="status", label="get_state_display", sort="state",
           value=lambda f: {"open": "pending", "accepted": "approved"}.get(f.state, "inactive")),
    Column(key="last_seen", title="最近发现", kind="ago", sort="last_seen"),
    Column(key="embedded", title="夹在文字中", value=lambda f: "是" if f.embedded else "", hidden=True),
    Column(key="column", title="字段名", kind="code", hidden=True),
)  # fmt: skip


def _providers() -> list[tuple[str, str]]:
    found = Resource.objects.filter(classification_findings__isnull=False).order_by(
        "provider__code"
    )
    return list(found.values_list("provider__code", "provider__short").distinct())


class FindingList(TableView[Finding]):
    """What was found, with facets."""

    title = "扫描发现"
    subtitle = "目录定的级别低于数据内容的数据项；示例一律脱敏"
    key = "classification-findings"
    columns = COLUMNS
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=FindingState.choices),
        Filter(key="kind", title="发现", choices=KINDS),
        Filter(key="level", title="建议级别", choices=[(n, n) for n in ("L1", "L2", "L3", "L4")],
               lookup="proposed_level"),
        Filter(key="gap", title="问题", choices=Gap.choices),
        Filter(key="provider", title="单位", choices=_providers, lookup="resource__provider__code"),
    )  # fmt: skip
    search_fields = ("title", "column", "resource__title", "resource__code")
    search_hint = "搜数据项、资源"
    default_sort = "-confidence"
    empty = _EMPTY

    def get_queryset(self) -> QuerySet[Finding]:
        return selectors.findings(self.request.actor)  # type: ignore[attr-defined]

    def get_crumbs(self) -> Sequence[Crumb]:
        return (Crumb(HOME, reverse("classification:overview")), Crumb(self.title))


def overview(request: ActorRequest) -> HttpResponse:
    """The city: what was scanned, what waits, by department, level and kind."""
    actor = request.actor
    seen = selectors.progress(actor)
    departments = selectors.by_department(actor)
    kinds = selectors.by_kind(actor)
    listed = reverse("classification:findings")
    actions = [Action(title="看全部发现", url=listed, icon="list")]
    if holds(actor, "classification.scan"):
        actions.append(
            Action(title="全部重新扫描", url=reverse("classification:scan-all"), icon="scan",
                   method="post", primary=True)
        )  # fmt: skip

    def query(**asked: str) -> str:
        return f"{listed}?{urlencode({'state': 'open', **asked})}"

    shown = [d for d in departments if d.open]
    context: dict[str, Any] = {
        "title": HOME, "actions": actions,
        "subtitle": "在目录定为低级别的数据里找个人信息；数据更新后自动再扫",
        "stats": [
            Stat(label="待确认的发现", value=sum(d.open for d in departments), unit="项",
                 url=f"{listed}?state=open"),
            Stat(label="已扫描的表", value=seen["tables"] or 0, unit="张"),
            Stat(label="看过的记录", value=seen["looked_at"] or 0, unit="条"),
            Stat(label="等待扫描", value=seen["waiting"] or 0, unit="张"),
        ],
        "scanned_at": seen["last"], "seconds": seen["seconds"] or 0,
        "blind": _blind(seen["blind"] or 0),
        "chart": Chart(
            key="departments", title="各单位待确认的发现（按建议级别）", kind="hbar", stacked=True, ordered=True,
            unit="项", height="high", categories=[d.name for d in shown],
            series=[
                Series("L1–L2", [d.l2 for d in shown]), Series("L3", [d.l3 for d in shown]),
                Series("L4", [d.l4 for d in shown]),
            ],
            urls=[query(provider=d.code) for d in shown],
        ) if shown else None,
        "kinds": Chart(
            key="kinds", title="发现了什么", kind="hbar", unit="项",
            categories=[_KIND_WORDS[kind] for kind, _ in kinds],
            series=[Series("待确认", [count for _, count in kinds])],
            urls=[query(kind=kind) for kind, _ in kinds],
        ) if kinds else None,
        "departments": Table.plain(
            key="departments", caption="各单位", rows=departments, empty=_EMPTY,
            columns=(
                Column(key="name", title="单位", kind="main", url=lambda d: query(provider=d.code)),
                Column(key="l2", title="建议 L2", kind="number"),
                Column(key="l3", title="建议 L3", kind="number"),
                Column(key="l4", title="建议 L4", kind="number"),
                Column(key="accepted", title="已采纳", kind="number"),
                Column(key="dismissed", title="误报", kind="number"),
            ),
        ),
    }  # fmt: skip
    return render(request, "classification/overview.html", context)


@require_POST
def scan_all(request: ActorRequest) -> HttpResponse:
    """Scan everything in scope again."""
    job = services.request_scan(actor=request.actor)
    messages.success(request, "已开始扫描，可以离开这一页，结果会自动更新。")
    return redirect(reverse("jobs:job", args=[job.id]))


@require_POST
def scan_one(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Scan one entry again."""
    entry = resource_page(actor=request.actor, resource_id=resource_id, active="")["resource"]
    job = services.request_scan(actor=request.actor, resource=entry)
    messages.success(request, "已开始扫描，完成后这里会显示结果。")
    return redirect(reverse("jobs:job", args=[job.id]))


def resource(request: ActorRequest, resource_id: int) -> HttpResponse:
    """The tab of an entry: its last scan and what was found."""
    context = resource_page(actor=request.actor, resource_id=resource_id, active="classification")
    found = selectors.findings(request.actor).filter(resource_id=resource_id)
    scan = selectors.scan_of(request.actor, resource_id)
    columns = [c for c in COLUMNS if c.key not in {"resource", "provider", "embedded", "column"}]
    context |= {
        "scan": scan, "blind": _blind(scan.blind_share) if scan else "",
        "may_scan": allows(request.actor, "classification.scan", context["resource"]),
        "findings": Table.plain(
            key="findings", columns=columns, rows=list(found), caption="扫描发现",
            empty=EmptyState(
                title="没有发现级别偏低的数据项", icon="shield-check",
                text="扫描看过的数据项，目录级别都不低于内容。" if scan and scan.scanned_at else "还没有扫描过。",
            ),
        ),
    }  # fmt: skip
    return render(request, "classification/resource.html", context)


def detail(request: ActorRequest, pk: int) -> HttpResponse:
    """One finding with its masked examples."""
    return _detail(request, selectors.finding(request.actor, pk), DismissForm())


def _detail(
    request: ActorRequest, item: Finding, form: DismissForm, status: int = 200
) -> HttpResponse:
    entry = item.resource
    may = allows(request.actor, "classification.decide", item)
    open_now = item.state == FindingState.OPEN
    context = {
        "title": f"{item.title}：{item.get_kind_display()}",
        "subtitle": f"{entry.provider.name} · {entry.title}",
        "crumbs": [
            Crumb(HOME, reverse("classification:overview")),
            Crumb("扫描发现", reverse("classification:findings")), Crumb(item.title),
        ],
        "finding": item, "tag": _TAGS[FindingState(item.state)], "form": form,
        "may_decide": may and open_now, "may_reopen": may and item.state in ("accepted", "dismissed"),
        "change": _level_change(item), "important": item.national_class == "important",
        "facts": [
            Fact("数据资源", entry.title, reverse("classification:resource", args=[entry.pk])),
            Fact("字段名", item.column, mono=True),
            Fact("目录级别", item.declared_level), Fact("建议级别", item.proposed_level),
            Fact("目录格式", _FORMATS.get(item.declared_format, item.declared_format)),
            Fact("建议格式", _KIND_WORDS.get(item.proposed_format, "")),
            Fact("占非空值", f"{_percent(item.share)}（{item.hits:,} / {item.filled:,}）"),
            Fact("把握", f"{item.confidence:.0%}"),
            Fact("首次发现", item.first_seen), Fact("最近发现", item.last_seen),
            Fact("处理人", item.decided_by or ""), Fact("处理说明", item.decision),
        ],
    }  # fmt: skip
    return render(request, "classification/finding.html", context, status=status)


@require_POST
def accept(request: ActorRequest, pk: int) -> HttpResponse:
    """Take the proposal into a draft."""
    item = services.accept(actor=request.actor, finding=selectors.finding(request.actor, pk))
    messages.success(request, f"{item.decision}，检查后提交审核即可生效。")
    return redirect("catalog:edit", item.resource_id)


@require_POST
def hand_over(request: ActorRequest, pk: int) -> HttpResponse:
    """Send it to the department as a ticket."""
    return _done(request, pk, services.hand_over, "已发工单给提供单位。")


@require_POST
def reopen(request: ActorRequest, pk: int) -> HttpResponse:
    """Take the decision back."""
    return _done(request, pk, services.reopen, "已撤回处理，重新待确认。")


def _done(request: ActorRequest, pk: int, act: Callable[..., Finding], told: str) -> HttpResponse:
    item = act(actor=request.actor, finding=selectors.finding(request.actor, pk))
    messages.success(request, told)
    return redirect(_url(item))


@require_POST
def dismiss(request: ActorRequest, pk: int) -> HttpResponse:
    """Note a false alarm, with the reason."""
    item = selectors.finding(request.actor, pk)
    form = DismissForm(request.POST)
    try:
        services.dismiss(actor=request.actor, finding=item, reason=request.POST.get("reason", ""))
    except InvalidInput as error:
        form.is_valid()
        form.show(error)
        return _detail(request, item, form, status=422)
    messages.success(request, "已标为误报，以后不再提示这一项。")
    return redirect(_url(item))
