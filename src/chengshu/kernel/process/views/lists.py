"""The one to-do list and its neighbours, as tabs of one page."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar

from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.calendar.tables import StoredTable
from chengshu.kernel.process import selectors
from chengshu.kernel.process.choices import CaseState
from chengshu.kernel.process.models import CaseCopy, HumanTask, ProcessCase
from chengshu.kernel.process.presentation import case_tag, clock_tag, task_tag
from chengshu.kernel.process.services import completing
from chengshu.kernel.ui.components import BulkAction, Column, EmptyState, Filter, Tab
from chengshu.kernel.ui.tables import TableView

R = TypeVar("R", bound=Model)
_LISTS = (
    ("todo", "待办"), ("done", "已办"), ("started", "我发起"), ("copies", "抄送"),
    ("supervised", "督办"),
)  # fmt: skip


def _case_url(case_id: int) -> str:
    return reverse("process:case", args=[case_id])


def _task_url(task: HumanTask) -> str:
    return _case_url(task.case_id) if task.case_id else task.url


class _Tabbed(TableView[R]):
    """A list with the tabs of its neighbours above it."""

    template_name = "process/list.html"
    name: ClassVar[str] = ""
    subtitle = "所有业务的事项在这里办理、查找和跟踪"
    count_limit = 1_000

    def get_context(self) -> dict[str, Any]:
        actor = self.request.actor  # type: ignore[attr-defined]
        waiting = selectors.waiting_for(actor)
        tabs = [
            Tab(
                title, reverse(f"process:{key}"), active=key == self.name,
                count=waiting if key == "todo" else None,
            )
            for key, title in _LISTS
            if key != "supervised" or selectors.supervises(actor)
        ]  # fmt: skip
        return {"tabs": tabs}


def _by_clock(found: QuerySet[HumanTask], value: str) -> QuerySet[HumanTask]:
    late = selectors.overdue(found)
    return late if value == "late" else found.exclude(pk__in=late.values("pk"))


class Todo(_Tabbed[HumanTask]):
    """What waits for me, the most urgent first."""

    title, name, key = "我的待办", "todo", "todo"
    filters: ClassVar[Sequence[Filter]] = (
        Filter(
            key="clock", title="期限", choices=(("late", "已超期"), ("intime", "未超期")),
            apply=_by_clock,
        ),
        Filter(
            key="taken", title="签收", choices=(("no", "待签收"), ("yes", "已归我")),
            apply=lambda rows, value: rows.filter(assignee__isnull=value == "no"),
        ),
    )  # fmt: skip
    search_fields: ClassVar[Sequence[str]] = ("title", "matter", "name")
    search_hint = "搜标题、事项、步骤"
    default_sort = "due"
    empty = EmptyState(title="没有待办", text="等您办理的事项会出现在这里。", icon="checks")

    @property
    def columns(self) -> Sequence[Column]:  # type: ignore[override]
        """The columns; one calendar serves all rows."""
        table = StoredTable()
        return (
            Column(key="title", title="标题", kind="main", url=_task_url, locked=True),
            Column(key="matter", title="事项"),
            Column(key="name", title="步骤"),
            Column(key="state", title="状态", kind="status", value=task_tag),
            Column(
                key="due", title="期限", kind="status", sort="due_at",
                value=lambda row: clock_tag(row.due_at, held=row.held, table=table),
            ),
            Column(key="opened", title="到达时间", kind="ago", value="opened_at", sort="opened_at"),
            Column(key="organization", title="单位", value="organization.short", hidden=True),
        )  # fmt: skip

    def get_queryset(self) -> QuerySet[HumanTask]:
        return selectors.todo(self.request.actor)  # type: ignore[attr-defined]

    def get_bulk_actions(self) -> Sequence[BulkAction]:
        return (
            BulkAction(
                title="批量同意", url=reverse("process:batch"), icon="checks",
                confirm="只办理流程允许批量的步骤，其余会逐条说明。确定吗？",
            ),
        )  # fmt: skip


class Done(_Tabbed[HumanTask]):
    """What I did."""

    title, name, key = "我的已办", "done", "done-tasks"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="title", title="标题", kind="main", url=_task_url, locked=True),
        Column(key="matter", title="事项"),
        Column(key="name", title="步骤"),
        Column(key="state", title="状态", kind="status", value=task_tag),
        Column(key="comment", title="意见"),
        Column(key="finished", title="办理时间", kind="ago", value="finished_at", sort="finished_at"),
    )  # fmt: skip
    search_fields: ClassVar[Sequence[str]] = ("title", "matter", "name", "comment")
    search_hint = "搜标题、事项、意见"
    default_sort = "-finished"
    empty = EmptyState(title="还没有办过", text="您办理过的事项会出现在这里。")

    def get_queryset(self) -> QuerySet[HumanTask]:
        return selectors.done(self.request.actor)  # type: ignore[attr-defined]


_CASE_COLUMNS = (
    Column(
        key="title", title="标题", kind="main", locked=True, url=lambda row: _case_url(row.pk)
    ),
    Column(key="matter", title="事项", value="version.name"),
    Column(key="state", title="状态", kind="status", value=case_tag),
    Column(key="outcome", title="结果"),
    Column(key="started", title="发起时间", kind="ago", value="started_at"),
)  # fmt: skip
_STATE = Filter(key="state", title="状态", choices=CaseState.choices)


class Started(_Tabbed[ProcessCase]):
    """What I started."""

    title, name, key = "我发起的", "started", "started-cases"
    columns: ClassVar[Sequence[Column]] = _CASE_COLUMNS
    filters: ClassVar[Sequence[Filter]] = (_STATE,)
    search_fields: ClassVar[Sequence[str]] = ("title", "version__name")
    search_hint = "搜标题、事项"
    empty = EmptyState(title="还没有发起过", text="您发起的办件和它们走到哪一步会出现在这里。")

    def get_queryset(self) -> QuerySet[ProcessCase]:
        return selectors.started(self.request.actor)  # type: ignore[attr-defined]


class Supervised(_Tabbed[ProcessCase]):
    """What is under supervision."""

    title, name, key = "督办中", "supervised", "supervised-cases"
    columns: ClassVar[Sequence[Column]] = (
        *_CASE_COLUMNS,
        Column(key="note", title="要求", value="supervised_note"),
        Column(key="by", title="督办人", value="supervised_by"),
    )
    filters: ClassVar[Sequence[Filter]] = (_STATE,)
    search_fields: ClassVar[Sequence[str]] = ("title", "version__name", "supervised_note")
    search_hint = "搜标题、要求"
    empty = EmptyState(title="没有督办的办件", text="在办件页面可以发起督办。", icon="flag")

    def get_queryset(self) -> QuerySet[ProcessCase]:
        return selectors.supervised(self.request.actor)  # type: ignore[attr-defined]


class Copies(_Tabbed[CaseCopy]):
    """Copies I got."""

    title, name, key = "抄送我的", "copies", "copied-cases"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="title", title="标题", kind="main", value="case.title", locked=True,
            url=lambda row: _case_url(row.case_id),
        ),
        Column(key="by", title="抄送人", value="sent_by"),
        Column(
            key="state", title="状态", kind="status",
            value=lambda row: "read" if row.read_at else "unread",
        ),
        Column(key="at", title="时间", kind="ago", value="sent_at"),
    )  # fmt: skip
    search_fields: ClassVar[Sequence[str]] = ("case__title",)
    search_hint = "搜标题"
    empty = EmptyState(title="没有抄送", text="别人抄送给您的办件会出现在这里。")

    def get_queryset(self) -> QuerySet[CaseCopy]:
        return selectors.copies(self.request.actor)  # type: ignore[attr-defined]


@require_POST
def batch(request: ActorRequest) -> HttpResponse:
    """Give the selected tasks their batch outcome; what was refused is said one by one."""
    keys = [int(key) for key in request.POST.getlist("selected") if key.isdecimal()]
    found = completing.complete_many(actor=request.actor, task_ids=keys)
    done = sum(1 for item in found if not item.error)
    tell = partial(messages.success if done else messages.info, request)
    tell(f"已办理 {done} 项。" if found else "没有选择任务。")
    for item in [item for item in found if item.error][:10]:
        messages.warning(request, f"{item.title or '任务'}：{item.error}")
    return redirect("process:todo")
