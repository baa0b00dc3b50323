"""回流: batches handed to us, with what differs and the receipt."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from chengshu.data.cascade import selectors
from chengshu.data.cascade.choices import IncomingState
from chengshu.data.cascade.models import Incoming
from chengshu.data.cascade.views.presentation import (
    counted,
    differences_table,
    files_table,
    incoming_balance,
    reasons_table,
    state_tag,
    tabs,
)
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds
from chengshu.kernel.ui.components import Column, Crumb, EmptyState, Fact, Filter
from chengshu.kernel.ui.tables import TableView

TITLE = "回流"


class IncomingList(TableView[Incoming]):
    """Batches that other platforms handed to us, newest first."""

    request: ActorRequest
    title = TITLE
    subtitle = "上级（或下级）交来的每一批：先核对交接单，再照常入库，差异逐条写进回执"
    key = "cascade-incoming"
    template_name = "cascade/list.html"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="title", title="数据资源", kind="main", value="channel.resource.title",
               url=lambda r: r.get_absolute_url(), locked=True),
        Column(key="number", title="批次", kind="number", sort="number"),
        Column(key="state", title="状态", kind="status", value=state_tag, sort="state"),
        Column(key="platform", title="来自", value="channel.platform.name"),
        Column(key="rows", title="交接单行数", kind="number", value=lambda r: r.note.get("rows")),
        Column(key="balance", title="对账", value=counted),
        Column(key="differences", title="差异", value=lambda r: "；".join(d["text"] for d in r.differences)),
        Column(key="receipt", title="回执送出", kind="ago", value="receipt_sent_at"),
        Column(key="noted", title="收到时间", kind="ago", value="noted_at", sort="noted_at"),
        Column(key="department", title="对方数源单位", value="channel.upper_department", hidden=True),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=IncomingState.choices),
    )
    search_fields = ("channel__resource__title", "channel__dataset", "channel__platform__name")
    empty = EmptyState(
        title="还没有收到批次", icon="download",
        text="在平台页面约定接收的数据集；对方交来后会出现在这里。",
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[Incoming]:
        return selectors.incoming(self.request.actor)

    def get_context(self) -> dict[str, Any]:
        return {"tabs": tabs("incoming")}


def detail(request: ActorRequest, pk: int) -> HttpResponse:
    """One batch: the equation, the differences, why rows were refused, the files."""
    item = selectors.incoming_batch(request.actor, pk)
    channel = item.channel
    batch_url = (
        reverse("ingest:batch", args=[item.batch_id])
        if item.batch_id and holds(request.actor, "ingest.view")
        else ""
    )
    context: dict[str, Any] = {
        "title": str(item), "item": item, "tag": state_tag(item), "tabs": tabs("incoming"),
        "subtitle": f"{channel.platform.name} → {channel.resource.title}",
        "crumbs": [Crumb(TITLE, reverse("cascade:incoming")), Crumb(str(item))],
        "next_step": next_step(item), "balance": incoming_balance(item),
        "differences": differences_table(item.differences) if item.settled_at else None,
        "reasons": reasons_table(item.receipt) if item.receipt else None,
        "files": files_table(item.note) if item.note else None,
        "facts": [
            Fact("数据资源", channel.resource.title, reverse("catalog:resource", args=[channel.resource_id])),
            Fact("来自", channel.platform.name), Fact("对方数源单位", channel.upper_department),
            Fact("对应我们上报的", channel.answers), Fact("期间", item.note.get("period", "")),
            Fact("交接单行数", item.note.get("rows")), Fact("重复送达", f"{item.repeats} 次"),
            Fact("归集批次", "查看" if batch_url else "", batch_url),
            Fact("收到时间", item.noted_at), Fact("核对时间", item.settled_at),
            Fact("回执送出", item.receipt_sent_at), Fact("要求重送", item.asked_at),
        ],
    }  # fmt: skip
    return render(request, "cascade/incoming.html", context)


def next_step(item: Incoming) -> str:
    """One sentence about what happens now."""
    if item.error:
        return f"{item.error} 稍后自动再试。"
    match item.state:
        case IncomingState.MISSING:
            return "后面的批次已经来了，这一批还没有来；已向对方要求补送。"
        case IncomingState.NOTED:
            return "已收到交接单，正在取文件。"
        case IncomingState.LOADING:
            return "文件与交接单一致，正在入库。"
        case IncomingState.REFUSED:
            return "没有入库，原因见差异；对方重送同一批次号即可。"
    sent = "回执已送出。" if item.receipt_sent_at else "回执待送出，送到为止。"
    if item.state == IncomingState.PARTLY:
        return f"收下的已入库；隔离的行在归集批次里处理，没有送到的行由对方补送。{sent}"
    return f"全部入库。{sent}"
