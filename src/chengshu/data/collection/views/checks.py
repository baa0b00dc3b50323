"""Reconciliations: the list, and the result of one."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.catalog.facade import published_by_id
from chengshu.data.collection import selectors
from chengshu.data.collection.choices import CheckState
from chengshu.data.collection.models import CheckedPeriod, Reconciliation
from chengshu.data.collection.presentation import CHECK_TONES, check_tone, check_url, plan_url
from chengshu.data.collection.services import reconciliation as services
from chengshu.data.collection.views.runs import crumbs
from chengshu.data.ingest.facade import masks_of
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.ui.components import (
    Action,
    Chart,
    Column,
    Crumb,
    EmptyState,
    Filter,
    Series,
    Stat,
    Table,
)
from chengshu.kernel.ui.tables import TableView

_BUSY = (CheckState.QUEUED, CheckState.RUNNING)
_KINDS = {"missing": "湖里缺", "extra": "湖里多", "changed": "值不同"}
MOST_BARS = 40


class CheckList(TableView[Reconciliation]):
    """All reconciliations, newest first."""

    request: ActorRequest
    title = "对账"
    subtitle = "来源和湖里是不是同样的数据：按时段比行数和校验和，相差的逐行比对到主键。"
    key = "collection-checks"
    columns = (
        Column(
            key="plan", title="任务", kind="main", value="plan.name", url=check_url, locked=True
        ),
        Column(
            key="state", title="结果", kind="status", value=check_tone, label="get_state_display"
        ),
        Column(key="source_rows", title="来源", kind="number"),
        Column(key="lake_rows", title="湖中", kind="number"),
        Column(key="missing", title="湖里缺", kind="number"),
        Column(key="extra", title="湖里多", kind="number"),
        Column(key="changed", title="值不同", kind="number"),
        Column(key="quarantined", title="不合目录", kind="number"),
        Column(key="provider", title="提供单位", value="plan.resource.provider.short", hidden=True),
        Column(key="at", title="时间", kind="ago", value="created_at", sort="created_at"),
    )
    filters = (Filter(key="state", title="结果", choices=CheckState.choices),)
    search_fields = ("plan__name", "plan__resource__title", "plan__source__name")
    search_hint = "搜索任务、资源、数据源"
    default_sort = "-at"
    empty: ClassVar[EmptyState] = EmptyState(
        title="还没有对过账",
        text="在归集任务的页面点“对账”，或让它每次归集后自动对账。",
        icon="scale",
    )
    export_name = "对账"

    def get_queryset(self) -> QuerySet[Reconciliation]:
        return selectors.checks(self.request.actor)

    def get_crumbs(self) -> Sequence[Crumb]:
        return crumbs(Crumb("对账"))


_PERIOD_COLUMNS = (
    Column(key="label", title="时段", kind="main"),
    Column(
        key="state", title="结果", kind="status", label="get_state_display",
        value=lambda p: CHECK_TONES[CheckState(p.state)],
    ),
    Column(key="source_rows", title="来源", kind="number"),
    Column(key="lake_rows", title="湖中", kind="number"),
    Column(key="missing", title="湖里缺", kind="number"),
    Column(key="extra", title="湖里多", kind="number"),
    Column(key="changed", title="值不同", kind="number"),
    Column(key="quarantined", title="不合目录", kind="number"),
)  # fmt: skip
_SAMPLE_COLUMNS = (
    Column(key="period", title="时段"),
    Column(key="kind", title="差别"),
    Column(key="key", title="主键", kind="code"),
)


def ask(request: ActorRequest, pk: int) -> HttpResponse:
    """Reconcile a plan now."""
    plan = selectors.one(selectors.plans(request.actor), pk, "归集任务")
    item = services.ask(actor=request.actor, plan=plan)
    return redirect("collection:check", item.pk)


def result(request: ActorRequest, pk: UUID) -> HttpResponse:
    """What was found, by period, down to sampled keys."""
    item = selectors.one(selectors.checks(request.actor).select_related("job"), pk, "对账")
    busy = item.state in _BUSY
    if request.headers.get("HX-Request"):
        response = render(request, "collection/check_live.html", {"item": item, "busy": busy})
        if not busy:
            response.headers["HX-Refresh"] = "true"
        return response
    periods = list(item.periods.all())
    different = [p for p in periods if p.state != CheckState.EQUAL]
    context: dict[str, Any] = {
        "title": "对账结果", "subtitle": item.plan.name,
        "crumbs": crumbs(Crumb("对账", reverse("collection:checks")), Crumb(item.plan.name)),
        "actions": [Action(title="查看任务", url=plan_url(item.plan), icon="calendar-event")],
        "item": item, "tone": check_tone(item), "busy": busy,
        "stats": [
            Stat(label="来源", value=item.source_rows, unit="行"),
            Stat(label="湖中", value=item.lake_rows, unit="行"),
            Stat(label="湖里缺", value=item.missing, unit="行", tone="red" if item.missing else ""),
            Stat(label="湖里多", value=item.extra, unit="行", tone="red" if item.extra else ""),
            Stat(label="值不同", value=item.changed, unit="行", tone="red" if item.changed else ""),
            Stat(label="不合目录", value=item.quarantined, unit="行", note="已在隔离区，不算差错"),
        ],
        "chart": _chart(periods),
        "periods": Table.plain(
            key="periods", columns=_PERIOD_COLUMNS, rows=different or periods,
            caption="不一致的时段" if different else "各时段",
        ),
        "samples": _samples(item, different),
    }  # fmt: skip
    return render(request, "collection/check.html", context)


def _chart(periods: list[CheckedPeriod]) -> Chart | None:
    if len(periods) < 2:  # noqa: PLR2004 - one pair of bars says no more than the figures above
        return None
    shown = periods[-MOST_BARS:]
    return Chart(
        key="periods", title="各时段的行数", kind="bar", unit="行", height="low",
        categories=[p.label for p in shown],
        series=[
            Series("来源", [p.source_rows for p in shown]),
            Series("湖中", [p.lake_rows for p in shown]),
        ],
        description=f"{len(shown)} 个时段",
    )  # fmt: skip


def _samples(item: Reconciliation, periods: list[CheckedPeriod]) -> Table | None:
    """Sampled keys; keys that are personal data are masked as everywhere."""
    resource = published_by_id(item.plan.resource_id)
    key = list(resource.key) or list(item.plan.mapping.values())[:3]
    masks = masks_of(resource.columns)

    def shown(values: list[str]) -> str:
        parts = [
            str(masks[name](value)) if name in masks else value
            for name, value in zip(key, values, strict=False)
        ]
        return "，".join(parts)

    rows = [
        {"period": p.label, "kind": _KINDS[s["kind"]], "key": shown(s["key"])}
        for p in periods
        for s in p.samples
    ]
    if not rows:
        return None
    return Table.plain(key="samples", columns=_SAMPLE_COLUMNS, rows=rows, caption="抽样的主键")
