"""One source per item: what several departments collect, who is the source, and where values differ."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.discovery import selectors
from chengshu.data.discovery.choices import ClusterState, MemberRole
from chengshu.data.discovery.models import Conflict, ItemCluster
from chengshu.data.discovery.services import duplicates
from chengshu.data.discovery.similarity.items import SUBJECTS
from chengshu.data.discovery.ticketing import masked_rows
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds
from chengshu.kernel.errors import ChengshuError, InvalidInput, NotFound
from chengshu.kernel.errors import Conflict as StateConflict
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.ui.components import (
    Action,
    Column,
    Crumb,
    EmptyState,
    Filter,
    Stat,
    Table,
)
from chengshu.kernel.ui.tables import TableView

HOME = "一数一源"


def url_of(row: ItemCluster) -> str:
    """Where a cluster is decided."""
    return reverse("discovery:cluster", args=[row.pk])


def _lead(row: ItemCluster) -> str:
    lead = getattr(row, "lead", None)
    return lead.organization.short if lead else ""


class ClusterList(TableView[ItemCluster]):
    """Items that several departments collect."""

    request: ActorRequest
    title = HOME
    subtitle = "哪些数据项被几个部门重复采集，谁是数源，谁的值和数源不一样"
    key = "discovery-clusters"
    template_name = "discovery/clusters.html"
    columns = (
        Column(key="title", title="数据项", kind="main", sort="title", url=url_of, locked=True),
        Column(key="subject", title="主体", value=lambda r: SUBJECTS.get(r.subject, r.subject)),
        Column(key="departments", title="部门", kind="number", sort="departments"),
        Column(key="holders", title="采集处", kind="number", sort="holders"),
        Column(key="score", title="把握", value=lambda r: f"{r.score:.0%}", sort="score"),
        Column(key="lead", title="数源单位", value=_lead),
        Column(key="differing", title="不一致", kind="number", sort="differing"),
        Column(key="state", title="状态", kind="status", label="get_state_display"),
    )  # fmt: skip
    filters = (
        Filter(key="state", title="状态", choices=ClusterState.choices),
        Filter(key="subject", title="主体", choices=tuple(SUBJECTS.items())),
    )
    search_fields = ("title", "element")
    search_hint = "搜索数据项、数据元"
    default_sort = "-departments"
    empty = EmptyState(
        title="还没有查找过", text="每周六自动查找；也可以现在查找，按各部门已归集的数据比对。",
        icon="sitemap",
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[ItemCluster]:
        return selectors.clusters()

    def get_actions(self) -> list[Action]:
        if not holds(self.request.actor, duplicates.DECIDE):
            return []
        url = reverse("discovery:search")
        return [Action(title="重新查找", url=url, icon="refresh", method="post", primary=True)]

    def get_context(self) -> dict[str, Any]:
        figures = selectors.overview()
        return {
            "stats": [
                Stat(label="重复采集的数据项", value=figures["clusters"], unit="组"),
                Stat(label="等待确认", value=figures["waiting"], unit="组"),
                Stat(label="采集处", value=figures["holders"], unit="处"),
                Stat(label="与数源不一致", value=figures["differing"], unit="条"),
            ]
        }


def search(request: ActorRequest) -> HttpResponse:
    """Start the finder."""
    enqueue(
        "discovery.duplicates",
        actor=request.actor,
        title="查找重复采集",
        object_url=reverse("discovery:clusters"),
    )
    messages.success(request, "已开始查找，完成后刷新本页就能看到。")
    return redirect("discovery:clusters")


def cluster(request: ActorRequest, pk: int) -> HttpResponse:
    """One cluster: evidence, holders, lead source, differences."""
    return _page(request, selectors.cluster(pk))


def _page(
    request: ActorRequest, item: ItemCluster, refusal: ChengshuError | None = None
) -> HttpResponse:
    members = list(
        item.members.select_related("resource__provider", "conflict").order_by(
            "resource__provider__code", "resource__title"
        )
    )
    may = holds(request.actor, duplicates.DECIDE)
    lead = getattr(item, "lead", None)
    context: dict[str, Any] = {
        "title": item.title,
        "subtitle": f"{SUBJECTS.get(item.subject, '')}的数据项 · {item.departments} 个部门、{item.holders} 处",
        "crumbs": [Crumb(HOME, reverse("discovery:clusters")), Crumb(item.title)],
        "item": item, "members": members, "lead": lead, "may_decide": may, "refusal": refusal,
        "roles": dict(MemberRole.choices), "rejected": item.state == ClusterState.REJECTED,
        "referenced": sum(m.role == MemberRole.REFERENCE for m in members),
        "actions": _actions(item, may=may, led=lead is not None),
    }  # fmt: skip
    return render(request, "discovery/cluster.html", context, status=422 if refusal else 200)


def _actions(item: ItemCluster, *, may: bool, led: bool) -> list[Action]:
    if not may:
        return []
    found = []
    if led:
        found.append(
            Action(
                title="与数源比对", url=reverse("discovery:compare", args=[item.pk]), method="post",
                icon="git-compare", primary=True,
            )
        )  # fmt: skip
    elif item.state == ClusterState.PROPOSED:
        found.append(
            Action(
                title="确认是同一数据", url=reverse("discovery:confirm", args=[item.pk]),
                method="post", icon="check",
            )
        )  # fmt: skip
    return found


def confirm(request: ActorRequest, pk: int) -> HttpResponse:
    """They are the same."""
    duplicates.confirm(actor=request.actor, cluster=selectors.cluster(pk))
    messages.success(request, "已确认。接下来请指定数源。")
    return redirect("discovery:cluster", pk)


def reject(request: ActorRequest, pk: int) -> HttpResponse:
    """They are not."""
    item = selectors.cluster(pk)
    try:
        duplicates.reject(actor=request.actor, cluster=item, note=request.POST.get("note", ""))
    except (InvalidInput, StateConflict) as error:
        return _page(request, item, error)
    messages.success(request, "已记下，不再提出。")
    return redirect("discovery:clusters")


def designate(request: ActorRequest, pk: int) -> HttpResponse:
    """Name the lead source."""
    item = selectors.cluster(pk)
    text = request.POST.get("member", "")
    member = item.members.select_related("resource__provider", "cluster").filter(
        pk=int(text) if text.isdigit() else 0
    ).first()  # fmt: skip
    if member is None:
        return _page(request, item, NotFound("请在列表里选一处作为数源。"))
    try:
        duplicates.designate(
            actor=request.actor, member=member, basis=request.POST.get("basis", "")
        )
    except (InvalidInput, StateConflict) as error:
        return _page(request, item, error)
    messages.success(request, f"已指定“{member.resource.provider}”为数源，其他单位已收到通知。")
    _compare(request, item)
    return redirect("discovery:cluster", pk)


def compare(request: ActorRequest, pk: int) -> HttpResponse:
    """Compare all holders with the lead source."""
    _compare(request, selectors.cluster(pk))
    messages.success(request, "已开始比对，完成后刷新本页。")
    return redirect("discovery:cluster", pk)


def _compare(request: ActorRequest, item: ItemCluster) -> None:
    enqueue(
        "discovery.conflicts", actor=request.actor, title=f"与数源比对：{item.title}",
        arguments={"cluster": item.pk}, object_url=url_of(item),
    )  # fmt: skip


_ROW_COLUMNS = (
    Column(key="subject", title="主体", value=lambda r: r[0], kind="code"),
    Column(key="lead", title="数源的值", value=lambda r: r[1]),
    Column(key="other", title="这里的值", value=lambda r: r[2]),
)


def conflict(request: ActorRequest, pk: int) -> HttpResponse:
    """The differing rows of one holder, masked; looking is recorded."""
    item = selectors.conflict(pk)
    rows = masked_rows(request.actor, item)
    context = {
        "title": f"“{item.member.resource.title}”与数源不一致",
        "subtitle": f"{item.member.title} · 都有的 {item.compared:,} 个主体里有 {item.differing:,} 个不一样",
        "crumbs": [
            Crumb(HOME, reverse("discovery:clusters")), Crumb(item.cluster.title, url_of(item.cluster)),
            Crumb("不一致"),
        ],
        "item": item, "member": item.member, "actions": _ticket_action(request, item),
        "rows": Table.plain(
            key="conflict-rows", columns=_ROW_COLUMNS, rows=rows, caption="不一致的数据",
            empty=EmptyState(title="没有不一致", icon="circle-check"),
        ),
        "shown": len(rows),
    }  # fmt: skip
    return render(request, "discovery/conflict.html", context)


def _ticket_action(request: ActorRequest, item: Conflict) -> list[Action]:
    if item.ticket_url:
        return [Action(title=f"工单 {item.ticket}", url=item.ticket_url, icon="ticket")]
    if not item.differing or not holds(request.actor, duplicates.DECIDE):
        return []
    url = reverse("discovery:ticket", args=[item.pk])
    return [Action(title="发工单给提供单位", url=url, method="post", icon="send", primary=True)]


def ticket(request: ActorRequest, pk: int) -> HttpResponse:
    """Ask the deviating department to correct its values."""
    item = selectors.conflict(pk)
    try:
        found = duplicates.send_ticket(actor=request.actor, conflict=item)
    except (StateConflict, InvalidInput) as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"工单 {found.number} 已发给{item.member.resource.provider}。")
    return redirect("discovery:conflict", pk)
