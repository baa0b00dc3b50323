"""The page of one 数据仓: its entries, and what other packages tell of it (its sources)."""

from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from chengshu.data.catalog import selectors
from chengshu.data.catalog.choices import ResourceState
from chengshu.data.catalog.models import Warehouse
from chengshu.data.catalog.services import registers as services
from chengshu.data.catalog.tabs import WAREHOUSE_PANELS
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds
from chengshu.kernel.errors import NotFound
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Fact, Table

SHOWN = 20
_COLUMNS = (
    Column(
        key="title", title="数据资源", kind="main",
        url=lambda row: reverse("catalog:resource", args=[row.pk]),
    ),
    Column(key="provider", title="提供单位", value="provider.short"),
    Column(key="table", title="物理表名", kind="code", value="physical_name"),
    Column(key="state", title="状态", kind="status", label="get_state_display"),
)  # fmt: skip


def warehouse(request: ActorRequest, warehouse_id: int) -> HttpResponse:
    """One 数据仓."""
    found = selectors.warehouses().filter(pk=warehouse_id).select_related("owner").first()
    if found is None:
        raise NotFound("没有找到这个数据仓。")
    entries = selectors.resources(actor=request.actor).filter(
        warehouse=found, state=ResourceState.PUBLISHED
    )
    rows = list(entries.order_by("title")[: SHOWN + 1])
    query = urlencode({"warehouse": found.code})
    context = {
        "title": found.name,
        "subtitle": found.description,
        "crumbs": [Crumb("数据仓", reverse("catalog:warehouses")), Crumb(found.name)],
        "actions": _actions(request.actor, found),
        "item": found,
        "facts": _facts(found),
        "panels": _panels(request.actor, found),
        "more": len(rows) > SHOWN,
        "all_url": f"{reverse('catalog:resources')}?{query}",
        "entries": Table.plain(
            key="warehouse-entries", columns=_COLUMNS, rows=rows[:SHOWN], caption="归入这里的数据资源",
            empty=EmptyState(
                title="还没有数据资源归入这里", icon="database",
                text="登记数据资源时选择这个数据仓，发布后就出现在这里。",
            ),
        ),
    }  # fmt: skip
    return render(request, "catalog/warehouse.html", context)


def _actions(actor: Actor, found: Warehouse) -> list[Action]:
    if not holds(actor, services.STANDARD):
        return []
    url = reverse("catalog:warehouse-edit", args=[found.pk])
    return [Action(title="修改", url=url, icon="pencil")]


def _facts(found: Warehouse) -> list[Fact]:
    return [
        Fact("代码", found.code, mono=True),
        Fact("管理单位", found.owner.name if found.owner else "没有指定"),
        Fact("已发布资源", f"{found.entries:,} 个"),  # type: ignore[attr-defined]
    ]


def _panels(actor: Actor, found: Warehouse) -> list[tuple[str, SafeString]]:
    # The contract of register_warehouse_panel: the package hands over rendered, safe HTML.
    return [
        (item.title, mark_safe(content))  # noqa: S308
        for item in sorted(WAREHOUSE_PANELS.values(), key=lambda p: p.order)
        if holds(actor, item.permission) and (content := item.content(actor, found))
    ]
