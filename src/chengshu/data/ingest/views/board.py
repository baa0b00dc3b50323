"""The board of what the lake holds, and the list of batches."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django.db.models import QuerySet, Sum
from django.http import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.facade import Resource, published_queryset
from chengshu.data.ingest import selectors
from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.models import Batch, Collected
from chengshu.data.ingest.presentation import batch_url, source_words, tone
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds
from chengshu.kernel.ui.components import (
    Action,
    Chart,
    Column,
    Crumb,
    EmptyState,
    Filter,
    Series,
    Stat,
)
from chengshu.kernel.ui.tables import TableView

CHART_BARS, FEW_BARS = 12, 8
PERIODS = {"1": ("今天", 0), "7": ("最近 7 天", 6), "30": ("最近 30 天", 29)}


def _providers() -> list[tuple[str, str]]:
    pairs = published_queryset().order_by("provider__short").values_list(
        "provider__code", "provider__short"
    )  # fmt: skip
    return list(dict.fromkeys(pairs))


def _held(rows: QuerySet[Resource], value: str) -> QuerySet[Resource]:
    return rows.exclude(collected=None) if value == "yes" else rows.filter(collected=None)


class Board(TableView[Resource]):
    """What the lake holds of every published resource, and what is still to be collected."""

    request: ActorRequest
    title = "数据归集"
    subtitle = "每个已发布的数据资源在湖里有多少记录、什么时候更新；还没有数据的，从这里开始归集。"
    key = "ingest-board"
    template_name = "ingest/board.html"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="title", title="数据资源", kind="main", sort="title", locked=True,
            url=lambda r: reverse("ingest:preview", args=[r.pk]),
        ),
        Column(key="provider", title="提供单位", value="provider.short"),
        Column(key="code", title="资源代码", kind="code", hidden=True),
        Column(key="rows", title="记录数", kind="number", value="held_rows", sort="held_rows"),
        Column(key="bytes", title="占用空间", kind="size", value="held_bytes", sort="held_bytes"),
        Column(key="at", title="最近更新", kind="ago", value="held_at", sort="held_at"),
        Column(
            key="version", title="目录版本", value=lambda r: f"v{r.published.number}", hidden=True
        ),
    )  # fmt: skip
    filters = (
        Filter(key="provider", title="单位", choices=_providers, lookup="provider__code"),
        Filter(
            key="held", title="数据", choices=(("yes", "已有数据"), ("no", "还没有数据")),
            apply=_held,
        ),
    )  # fmt: skip
    search_fields = ("title", "code", "provider__short", "physical_name")
    search_hint = "搜索资源、代码、单位"
    default_sort = "-rows"
    empty = EmptyState(
        title="还没有已发布的数据资源",
        text="先在目录中登记数据资源，审核发布之后就可以归集它的数据。",
        icon="database-import",
    )
    export_name = "归集看板"

    def get_queryset(self) -> QuerySet[Resource]:
        return selectors.held(self.request.actor)

    def get_actions(self) -> Sequence[Action]:
        return (Action(title="查看批次", url=reverse("ingest:batches"), icon="stack-2"),)

    def get_context(self) -> dict[str, Any]:
        actor = self.request.actor
        held = selectors.collected(actor)
        batches = selectors.batches(actor)
        sums = held.order_by().aggregate(rows=Sum("rows"), bytes=Sum("bytes"))
        filled, known = held.count(), selectors.held(actor).count()
        newest = held.order_by("-updated_at").first()
        return {
            "stats": [
                Stat(label="湖中记录", value=sums["rows"] or 0, unit="条", compact=True),
                Stat(
                    label="已归集资源", value=filled, unit="个",
                    note=f"共 {known:,} 个已发布",
                    url=f"{self.request.path}?held=yes",
                ),
                Stat(
                    label="还没有数据", value=known - filled, unit="个",
                    url=f"{self.request.path}?held=no",
                ),
                Stat(
                    label="正在归集", value=batches.filter(state__in=("queued", "running")).count(),
                    unit="批", url=f"{reverse('ingest:batches')}?state=running",
                ),
            ],
            "bytes": sums["bytes"] or 0,
            "updated_at": newest.updated_at if newest else None,
            "balance": selectors.overall_balance(batches),
            "chart": _chart(held),
        }  # fmt: skip


class CollectorBoard(Board):
    """The board of somebody who may collect."""

    columns = (
        *Board.columns,
        # Who may collect what is decided again where the link leads.
        Column(
            key="collect", title="操作", value=lambda r: "归集" if r.held_rows is None else "更新",
            url=lambda r: reverse("ingest:new", args=[r.pk]), locked=True,
        ),
    )  # fmt: skip


def board(request: ActorRequest) -> HttpResponseBase:
    """The board, with the actions of the actor."""
    kind = CollectorBoard if holds(request.actor, "ingest.batch.create") else Board
    return kind.as_view()(request)


def _chart(held: QuerySet[Collected]) -> Chart | None:
    """Records by department; by resource for somebody who sees one department only."""
    totals = [total for total in selectors.records_by_provider(held) if total.rows]
    title, what = "各单位记录数", "单位"
    if len(totals) == 1:
        largest = held.filter(rows__gt=0).order_by("-rows")[:FEW_BARS]
        totals = [selectors.ProviderTotal(item.resource.title, item.rows) for item in largest]
        title, what = "记录最多的数据资源", "资源"
    shown = totals[:CHART_BARS]
    if not shown:
        return None
    return Chart(
        key="by-provider", title=title, kind="hbar", unit="条",
        categories=[total.name for total in shown],
        series=[Series("记录数", [total.rows for total in shown])],
        description=f"按记录数从多到少，{len(shown)} 个{what}",
    )  # fmt: skip


def _since(rows: QuerySet[Batch], period: str) -> QuerySet[Batch]:
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return rows.filter(created_at__gte=today - timedelta(days=PERIODS[period][1]))


class BatchList(TableView[Batch]):
    """All deliveries, newest first."""

    request: ActorRequest
    title = "归集批次"
    subtitle = "每一次上传、连库和回放都是一个批次：来源 = 入库 + 隔离 + 重复。"
    key = "ingest-batches"
    columns = (
        Column(
            key="resource", title="数据资源", kind="main", value="resource.title", url=batch_url,
            locked=True,
        ),
        Column(key="state", title="状态", kind="status", value=tone, label="get_state_display"),
        Column(key="origin", title="来源", value=source_words),
        Column(key="source_rows", title="来源行数", kind="number", sort="source_rows"),
        Column(key="accepted", title="入库", kind="number", sort="accepted"),
        Column(key="quarantined", title="隔离", kind="number", sort="quarantined"),
        Column(key="duplicates", title="重复", kind="number"),
        Column(key="provider", title="提供单位", value="resource.provider.short", hidden=True),
        Column(key="created_by", title="发起人", value=lambda b: b.created_by or "平台"),
        Column(key="created_at", title="发起时间", kind="ago", sort="created_at"),
    )  # fmt: skip
    filters = (
        Filter(key="state", title="状态", choices=BatchState.choices),
        Filter(key="origin", title="来源", choices=Origin.choices),
        Filter(
            key="period", title="时间", apply=_since,
            choices=[(key, word) for key, (word, _days) in PERIODS.items()],
        ),
        Filter(key="provider", title="单位", choices=_providers, lookup="resource__provider__code"),
    )  # fmt: skip
    search_fields = ("resource__title", "resource__code", "file__name", "created_by__display_name")
    search_hint = "搜索资源、代码、文件、发起人"
    default_sort = "-created_at"
    empty = EmptyState(
        title="还没有归集批次", text="在数据归集看板选择一个数据资源，上传文件或连接数据库。",
        icon="stack-2",
        action=Action(title="去归集", url="/console/ingest/", icon="database-import"),
    )  # fmt: skip
    export_name = "归集批次"

    def get_queryset(self) -> QuerySet[Batch]:
        return selectors.batches(self.request.actor).select_related("data_source", "parent")

    def get_crumbs(self) -> Sequence[Crumb]:
        return (Crumb("数据归集", reverse("ingest:board")), Crumb("归集批次"))
