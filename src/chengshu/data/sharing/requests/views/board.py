"""The overdue board of the data bureau: what is late, with whom, and how long each step takes."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing.requests import selectors, statistics
from chengshu.data.sharing.requests.presentation import (
    due_word,
    holder,
    inbox_url,
    request_url,
    state_word,
    tone,
)
from chengshu.data.sharing.requests.statistics import Provider, Stage
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Stat, Table

LISTED = 50


def board(request: ActorRequest) -> HttpResponse:
    """Figures, what is late, departments, steps."""
    rows, found = selectors.received(request.actor), statistics.stages()
    inbox = reverse("sharing_requests:inbox")
    context: dict[str, Any] = {
        "title": "申请超期看板", "subtitle": "期限以工作日计；到期前提醒，超期后每个工作日提醒经办单位和数据主管部门",
        "crumbs": [Crumb("申请办理", inbox), Crumb("超期看板")],
        "actions": [
            Action(title="办理时限", url=reverse("sharing_requests:policy"), icon="calendar-time"),
            Action(title="全部申请", url=inbox, icon="list"),
        ],
        "stats": _stats(found), "late": _late(request), "stages": _stages(found),
        "providers": _providers(statistics.providers(rows)),
    }  # fmt: skip
    return render(request, "requests/board.html", context)


def _stats(found: list[Stage]) -> list[Stat]:
    late, left = sum(s.overdue for s in found), sum(s.left for s in found)
    punctual = sum(s.left * s.on_time for s in found if s.on_time is not None)
    return [
        Stat(label="办理中", value=sum(s.open for s in found), unit="件",
             url=inbox_url(standing="open")),
        Stat(label="已超期", value=late, unit="件", url=inbox_url(standing="overdue"),
             tone="red" if late else ""),
        Stat(label="按时率", value=round(punctual / left, 1) if left else None, unit="%",
             note=f"已走完 {left:,} 步"),
    ]  # fmt: skip


def _late(request: ActorRequest) -> Table:
    now, table = timezone.now(), stored_table()
    rows = selectors.overdue(selectors.received(request.actor)).order_by("due_at")[:LISTED]
    columns = (
        Column(
            key="interface", title="接口", kind="main", value="interface.title", url=request_url
        ),
        Column(key="application", title="应用", value="application.name"),
        Column(key="holder", title="现在由谁办", value=holder),
        Column(key="state", title="状态", kind="status", value=tone, label=state_word),
        Column(key="due", title="时限", value=lambda r: due_word(r, now, table)),
    )
    return Table.plain(
        key="requests-late", columns=columns, rows=list(rows), caption="已超期的申请",
        empty=EmptyState(title="没有超期的申请", icon="circle-check"),
    )  # fmt: skip


def _provider_url(row: Provider) -> str:
    return inbox_url(provider=row.code, standing="open")


def _providers(found: list[Provider]) -> Table:
    columns = (
        Column(key="name", title="提供单位", kind="main", url=_provider_url),
        Column(key="waiting", title="待答复或开通", kind="number"),
        Column(key="overdue", title="已超期", kind="number"),
    )
    return Table.plain(
        key="requests-providers", columns=columns, rows=found, caption="各提供单位",
        empty=EmptyState(title="没有等提供单位办理的申请", icon="circle-check"),
    )  # fmt: skip


def _stages(found: list[Stage]) -> Table:
    columns = (
        Column(key="state", title="步骤", kind="main"),
        Column(key="open", title="现在", kind="number"),
        Column(key="overdue", title="已超期", kind="number"),
        Column(key="left", title="已走完", kind="number"),
        Column(key="days", title="平均用时（工作日）", kind="number"),
        Column(key="on_time", title="按时率（%）", kind="number"),
    )
    return Table.plain(key="requests-stages", columns=columns, rows=found, caption="各步骤用时")
