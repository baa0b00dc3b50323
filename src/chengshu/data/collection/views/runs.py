"""Runs: the list, and the page of one."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.collection import selectors
from chengshu.data.collection.choices import PENDING, UNDER_WAY, Reason, RunState
from chengshu.data.collection.models import Run
from chengshu.data.collection.presentation import plan_url, run_tone, run_url, window_words
from chengshu.data.collection.services import runs as services
from chengshu.data.ingest.facade import batch_panels
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.jobs.views import progress_of
from chengshu.kernel.ui.components import (
    Action,
    Balance,
    Column,
    Crumb,
    EmptyState,
    Fact,
    Filter,
    Stat,
)
from chengshu.kernel.ui.formatting import duration
from chengshu.kernel.ui.tables import TableView

HOME = "归集任务"


def crumbs(*more: Crumb) -> list[Crumb]:
    """The way here."""
    return [Crumb(HOME, reverse("collection:plans")), *more]


def _picked(name: str) -> Any:
    """A figure of the batch, once it is loaded."""
    loaded = RunState.SUCCEEDED
    return lambda run: getattr(run.batch, name) if run.batch and run.state == loaded else None


RUN_COLUMNS = (
    Column(key="plan", title="任务", kind="main", value="plan.name", url=run_url, locked=True),
    Column(key="state", title="状态", kind="status", value=run_tone, label="get_state_display"),
    Column(key="reason", title="由来", value="get_reason_display"),
    Column(key="source_rows", title="来源行数", kind="number", value=_picked("source_rows")),
    Column(key="accepted", title="入库", kind="number", value=_picked("accepted")),
    Column(key="quarantined", title="隔离", kind="number", value=_picked("quarantined")),
    Column(key="deleted", title="删除", kind="number"),
    Column(key="late", title="迟到", kind="number", hidden=True),
    Column(key="provider", title="提供单位", value="plan.resource.provider.short", hidden=True),
    Column(key="at", title="时间", kind="ago", value="created_at", sort="created_at"),
)


class RunList(TableView[Run]):
    """All runs, newest first."""

    request: ActorRequest
    title = "归集运行"
    subtitle = "每个任务每一次运行的结果。来源 = 入库 + 隔离 + 重复。"
    key = "collection-runs"
    columns = RUN_COLUMNS
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=RunState.choices),
        Filter(key="reason", title="由来", choices=Reason.choices),
    )  # fmt: skip
    search_fields = ("plan__name", "plan__resource__title", "plan__source__name")
    search_hint = "搜索任务、资源、数据源"
    default_sort = "-at"
    empty: ClassVar[EmptyState] = EmptyState(
        title="还没有运行过",
        text="任务到点会自动运行，也可以在任务页面点“立即运行”。",
        icon="history",
    )
    export_name = "归集运行"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Offer the plans this person may see."""
        super().setup(request, *args, **kwargs)
        rows = selectors.plans(self.request.actor).order_by("name").values_list("pk", "name")
        known = Filter(key="plan", title="任务", lookup="plan_id", choices=list(rows))
        self.filters = (*type(self).filters, known)  # type: ignore[misc]

    def get_queryset(self) -> QuerySet[Run]:
        return selectors.runs(self.request.actor)

    def get_crumbs(self) -> Sequence[Crumb]:
        return crumbs(Crumb("运行"))


def run(request: ActorRequest, pk: UUID) -> HttpResponse:
    """One run; asked again every second while it goes on."""
    item = _one(request, pk)
    if item.state in UNDER_WAY and item.job is not None and item.job.finished:
        services.settle(item)
        item.refresh_from_db()
    pending = item.state in PENDING
    progress = progress_of(item.job) if item.job and item.state in UNDER_WAY else None
    if request.headers.get("HX-Request"):
        response = render(request, "collection/run_live.html", {"item": item, "progress": progress})
        if not pending:
            response.headers["HX-Refresh"] = "true"
        return response
    context: dict[str, Any] = {
        "title": item.plan.name,
        "subtitle": f"{item.get_reason_display()}运行",
        "crumbs": crumbs(Crumb(item.plan.name, plan_url(item.plan)), Crumb("运行")),
        "item": item,
        "tone": run_tone(item),
        "pending": pending,
        "progress": progress,
        "actions": _actions(request.actor, item),
        "facts": _facts(item),
        "note_tone": "amber" if item.state in (RunState.HELD, RunState.SKIPPED, RunState.SUCCEEDED) else "red",
    }  # fmt: skip
    if item.state == RunState.SUCCEEDED and item.batch is not None:
        batch = item.batch
        context["balance"] = Balance(
            source=batch.source_rows, accepted=batch.accepted, quarantined=batch.quarantined,
            duplicates=batch.duplicates,
        )  # fmt: skip
        context["stats"] = [
            Stat(label="新增", value=batch.inserted, unit="条"),
            Stat(label="更新", value=batch.updated, unit="条"),
            Stat(label="无变化", value=batch.unchanged, unit="条"),
            Stat(label="删除", value=item.deleted, unit="条"),
            Stat(label="迟到", value=item.late, unit="条", note="游标早已越过、这次才来的"),
        ]
        context["panels"] = batch_panels(request.actor, batch)
    return render(request, "collection/run.html", context)


def _one(request: ActorRequest, pk: UUID) -> Run:
    rows = selectors.runs(request.actor).select_related(
        "plan__resource__provider", "plan__source", "batch", "job", "backfill", "created_by"
    )
    return selectors.one(rows, pk, "归集运行")


def _facts(item: Run) -> list[Fact]:
    found = [
        Fact("任务", item.plan.name, plan_url(item.plan)),
        Fact("数据资源", item.plan.resource.title),
        Fact("数据源", f"{item.plan.source.name} · {item.plan.object_name}"),
        Fact("方式", item.plan.get_mode_display()),
        Fact("读取范围", window_words(item)),
    ]
    if item.slot:
        found.append(Fact("计划时刻", item.slot))
    if item.missed:
        found.append(Fact("补上错过的", f"{item.missed} 次"))
    if item.read_to:
        found.append(Fact("读到", item.read_to, mono=True))
    if item.backfill is not None:
        url = reverse("collection:backfill", args=[item.backfill_id])
        found.append(Fact("补采", str(item.backfill), url))
    found += [Fact("发起", item.created_by or "平台"), Fact("开始", item.started_at)]
    if item.seconds is not None:
        found += [Fact("完成", item.finished_at), Fact("用时", duration(item.seconds))]
    if item.batch is not None:
        found.append(Fact("批次", "查看账目与隔离", reverse("ingest:batch", args=[item.batch.pk])))
    return found


def _actions(actor: Actor, item: Run) -> list[Action]:
    if not allows(actor, services.PERMISSION, item):
        return []

    def post(title: str, name: str, icon: str, **more: Any) -> Action:
        url = reverse(f"collection:{name}", args=[item.pk])
        return Action(title=title, url=url, icon=icon, method="post", **more)

    if item.state in PENDING:
        return [post("取消", "run-cancel", "x", confirm="取消这次运行？湖里已有的数据不变。")]
    if item.state == RunState.HELD:
        return [
            post(
                "确认删除并入库",
                "run-confirm",
                "check",
                danger=True,
                confirm=f"确认来源真的删了这些数据？将从湖里删除 {item.deleted:,} 条。",
            ),
            post("放弃", "run-cancel", "x"),
        ]
    if item.state in (RunState.FAILED, RunState.DRIFTED, RunState.CANCELLED):
        return [post("继续", "run-resume", "player-play", primary=True)]
    if item.state == RunState.SUCCEEDED:
        found = [post("重跑", "run-again", "refresh")]
        if item.batch is not None and item.batch.quarantined:
            url = reverse("ingest:quarantine", args=[item.batch_id])
            found.append(Action(title="处理隔离数据", url=url, icon="tool", primary=True))
        return found
    return []


def again(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Read the same part of the source once more."""
    fresh = services.rerun(actor=request.actor, run=_one(request, pk))
    messages.success(request, "已排队重跑，主键相同的行不会重复。")
    return redirect("collection:run", fresh.pk)


def resume(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Let a run that stopped go on."""
    services.resume(actor=request.actor, run=_one(request, pk))
    return redirect("collection:run", pk)


def cancel(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Stop, or give up."""
    item = services.cancel(actor=request.actor, run=_one(request, pk))
    ended = item.state == RunState.CANCELLED
    messages.info(
        request, "已取消，湖里的数据没有变化。" if ended else "已要求取消，会在下一个安全点停下。"
    )
    return redirect("collection:run", pk)


def confirm(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Delete what the source no longer has."""
    services.confirm_deletion(actor=request.actor, run=_one(request, pk))
    messages.success(request, "已确认，正在入库。")
    return redirect("collection:run", pk)
