"""Lists of tickets: the console's table, and the phone's."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from chengshu.data.tickets import selectors
from chengshu.data.tickets.choices import Escalation, Severity, State
from chengshu.data.tickets.flow import DISPATCH, HANDLE
from chengshu.data.tickets.kinds import kind_choices, kind_name
from chengshu.data.tickets.models import Ticket
from chengshu.data.tickets.presentation import due_tag, due_word, state_word, tag, ticket_url, tone
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds
from chengshu.kernel.audit.services import record
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.ui.components import Action, BulkAction, Column, EmptyState, Filter
from chengshu.kernel.ui.tables import TableView
from chengshu.kernel.unit_of_work import unit_of_work

PHONE_SHOWN = 50
SOON_DAYS = 2
STANDINGS = (
    ("mine", "等我处理"), ("open", "未关闭"), ("overdue", "已超期"), ("soon", "即将到期"),
    ("wish", "申请延期"), ("supervised", "督办中"), ("reopened", "重新打开过"), ("closed", "已关闭"),
)  # fmt: skip


def narrow(actor: Any, rows: QuerySet[Ticket], standing: str) -> QuerySet[Ticket]:
    """What each standing means."""
    if standing == "mine":
        return selectors.mine(actor, rows)
    if standing == "overdue":
        return selectors.overdue(rows)
    if standing == "soon":
        now = timezone.now()
        near = selectors.opened(rows).exclude(state=State.SUSPENDED)
        return near.filter(due_at__gt=now, due_at__lte=now + timedelta(days=SOON_DAYS))
    if standing == "wish":
        return rows.filter(extensions__state="pending")
    if standing == "supervised":
        return selectors.opened(rows).filter(supervised=True)
    if standing == "reopened":
        return rows.filter(reopened__gt=0)
    return rows.filter(state=State.CLOSED) if standing == "closed" else selectors.opened(rows)


def _departments() -> list[tuple[str, str]]:
    rows = Organization.objects.filter(pk__in=Ticket.objects.values("department"))
    return list(rows.order_by("code").values_list("code", "short"))


def _flags(ticket: Ticket) -> str:
    found = []
    if ticket.supervised:
        found.append("督办")
    if ticket.escalation != Escalation.NONE and ticket.is_open:
        found.append(f"已报{ticket.get_escalation_display()}")
    if ticket.reopened:
        found.append(f"重开 {ticket.reopened} 次")
    return "，".join(found)


class TicketList(TableView[Ticket]):
    """All tickets the actor may see; what is due first comes first."""

    request: ActorRequest
    title = "问题工单"
    subtitle = "数据哪里不对、谁来改、什么时候改好；改好后自动复检关闭。"
    key = "tickets"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="title", title="问题", kind="main", sort="title", url=ticket_url, locked=True),
        Column(key="state", title="状态", kind="status", value=tone, label=state_word),
        Column(key="department", title="责任单位", value="department.short",
               sort="department__short"),
        Column(key="owner", title="经办人", value=lambda t: t.owner or "待签收"),
        Column(key="rows", title="问题行数", kind="number", value="affected_rows",
               sort="affected_rows"),
        Column(key="due", title="时限", sort="due_at"),
        Column(key="resource", title="数据资源", value="resource.title", hidden=True),
        Column(key="kind", title="来源", value=lambda t: kind_name(t.kind),
               hidden=True),
        Column(key="severity", title="程度", value="get_severity_display", hidden=True),
        Column(key="flags", title="提示", value=_flags),
        Column(key="opened_at", title="开出时间", kind="ago", sort="opened_at"),
        Column(key="number", title="编号", kind="code", sort="pk", hidden=True),
        Column(key="closed_at", title="关闭时间", kind="datetime", sort="closed_at", hidden=True),
        Column(key="days", title="用时（工作日）", kind="number", value="worked_days", hidden=True),
    )  # fmt: skip
    search_fields = ("title", "number", "resource__title", "rule_name", "department__short")
    search_hint = "搜索问题、编号、资源、单位"
    default_sort = "due"
    empty = EmptyState(
        title="还没有问题工单",
        text="数据在隔离区或质量检查中发现问题后，可以开成工单，限期由数源部门更正。",
        icon="clipboard-list",
    )
    export_name = "问题工单"

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Words about terms need the calendar: one reading for all rows."""
        super().setup(request, *args, **kwargs)
        now, table = timezone.now(), stored_table()
        own = type(self)
        self.columns = tuple(  # type: ignore[misc]
            Column(key="due", title="时限", sort="due_at", value=lambda t: due_word(t, now, table))
            if column.key == "due" else column
            for column in own.columns
        )  # fmt: skip
        self.filters = (  # type: ignore[misc]
            Filter(
                key="standing", title="进展", choices=STANDINGS,
                apply=lambda rows, value: narrow(self.request.actor, rows, value),
            ),
            Filter(key="state", title="状态", choices=State.choices),
            Filter(key="kind", title="来源", choices=kind_choices),
            Filter(key="department", title="单位", choices=_departments, lookup="department__code"),
            Filter(key="severity", title="程度", choices=Severity.choices),
            Filter(key="escalation", title="升级", choices=Escalation.choices),
        )  # fmt: skip

    def get_queryset(self) -> QuerySet[Ticket]:
        return selectors.tickets(self.request.actor)

    def get_actions(self) -> Sequence[Action]:
        return (Action(title="督办看板", url=reverse("tickets:board"), icon="gauge"),)

    def get_bulk_actions(self) -> Sequence[BulkAction]:
        if not (holds(self.request.actor, HANDLE) or holds(self.request.actor, DISPATCH)):
            return ()
        return (
            BulkAction(title="签收", url=reverse("tickets:bulk-claim"), icon="user-check"),
            BulkAction(title="指派给…", url=reverse("tickets:bulk-assign"), icon="user-plus"),
        )

    def before_export(self, *, file_format: str, rows: int) -> str:
        """Who took which list out, as a record and as a line in the file."""
        actor = self.request.actor
        with unit_of_work():
            record(
                actor=actor, action="tickets.exported", object_type="tickets.ticket",
                object_name=f"问题工单（{file_format}）", after={"rows": rows},
            )  # fmt: skip
        return f"{actor.organization_name} {actor.name} {timezone.localtime():%Y-%m-%d %H:%M} 导出"


def phone(request: ActorRequest) -> HttpResponse:
    """What waits for me, by urgency, one thumb."""
    now, table = timezone.now(), stored_table()
    rows = selectors.mine(request.actor, selectors.tickets(request.actor)).order_by("due_at")
    items = [(item, tag(item), due_tag(item, now, table)) for item in rows[:PHONE_SHOWN]]
    return render(request, "tickets/phone_list.html", {"title": "工单", "items": items})
