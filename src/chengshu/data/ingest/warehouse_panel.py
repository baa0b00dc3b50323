"""The sources of a 数据仓, on its page in the catalogue."""

from django.template.loader import render_to_string
from django.urls import reverse

from chengshu.data.catalog.facade import Warehouse
from chengshu.data.ingest import selectors
from chengshu.data.ingest.views.sources import checked, checked_words, source_url
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.ui.components import Action, Column, EmptyState, Table

_COLUMNS = (
    Column(key="name", title="数据源", kind="main", url=source_url),
    Column(key="owner", title="所属单位", value="owner.short"),
    Column(key="kind", title="类型", value="kind_name"),
    Column(key="place", title="位置", kind="code", value="place"),
    Column(key="check", title="最近检查", kind="status", value=checked, label=checked_words),
    Column(key="checked_at", title="检查时间", kind="ago"),
)


def content(actor: Actor, warehouse: Warehouse) -> str:
    """The panel: every source of this warehouse the actor may use."""
    table = Table.plain(
        key="warehouse-sources", columns=_COLUMNS, caption="数据源",
        rows=list(selectors.sources(actor).filter(warehouse=warehouse).order_by("name")),
        empty=EmptyState(
            title="还没有数据源归入这个数据仓", icon="plug-connected",
            text="登记数据源时选择这个数据仓；已登记的，在它的“修改设置”里改。",
            action=Action(title="登记数据源", url=reverse("ingest:source-new"), icon="plus"),
        ),
    )  # fmt: skip
    return render_to_string("ui/table/table.html", {"table": table})
