"""Plans: the list, the page of one, editing, pausing."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.facade import published_by_id
from chengshu.data.collection import selectors
from chengshu.data.collection.choices import BackfillState, CheckState, Mode, PlanState, RunState
from chengshu.data.collection.following import suggested
from chengshu.data.collection.forms import PauseForm, PlanForm
from chengshu.data.collection.models import Plan
from chengshu.data.collection.presentation import (
    CHECK_TONES,
    RUN_TONES,
    check_tone,
    check_url,
    check_words,
    cursor_words,
    plan_tone,
    plan_url,
    run_url,
    schedule_words,
)
from chengshu.data.collection.services import plans as services
from chengshu.data.collection.services import runs as run_services
from chengshu.data.collection.services.runs import PERMISSION
from chengshu.data.collection.views.mapping import item_options, mapping_rows, posted_mapping
from chengshu.data.collection.views.runs import RUN_COLUMNS, crumbs
from chengshu.data.discovery.facade import agreement
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, check, holds
from chengshu.kernel.errors import ChengshuError, Unavailable
from chengshu.kernel.ui.components import (
    Action,
    Chart,
    Column,
    Crumb,
    EmptyState,
    Fact,
    Filter,
    Series,
    Table,
)
from chengshu.kernel.ui.components.forms import lay_out
from chengshu.kernel.ui.tables import TableView

SHOWN = 12


def _last_tone(plan: Any) -> str | None:
    return RUN_TONES[RunState(plan.last_state)] if plan.last_state else None


def _last_word(plan: Any) -> str:
    return str(RunState(plan.last_state).label) if plan.last_state else ""


def _check_tone(plan: Any) -> str | None:
    return CHECK_TONES[CheckState(plan.last_check)] if plan.last_check else None


def _check_word(plan: Any) -> str:
    return str(CheckState(plan.last_check).label) if plan.last_check else ""


class PlanList(TableView[Plan]):
    """All plans."""

    request: ActorRequest
    title = "归集任务"
    subtitle = "按计划反复归集：从哪里、按什么方式、什么时候。到点自动运行，出了问题会通知您。"
    key = "collection-plans"
    columns = (
        Column(key="name", title="任务", kind="main", sort="name", url=plan_url, locked=True),
        Column(key="resource", title="数据资源", value="resource.title"),
        Column(key="source", title="数据源", value="source.name"),
        Column(key="mode", title="方式", value="get_mode_display"),
        Column(key="schedule", title="定时", value=schedule_words),
        Column(key="next", title="下次", kind="datetime", value="next_at"),
        Column(key="last", title="最近一次", kind="status", value=_last_tone, label=_last_word),
        Column(key="last_at", title="时间", kind="ago"),
        Column(key="check", title="最近对账", kind="status", value=_check_tone, label=_check_word),
        Column(
            key="state", title="状态", kind="status", value=plan_tone, label="get_state_display"
        ),
        Column(key="provider", title="提供单位", value="resource.provider.short", hidden=True),
    )
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=PlanState.choices),
        Filter(key="mode", title="方式", choices=Mode.choices),
        Filter(key="last", title="最近一次", choices=RunState.choices, lookup="last_state"),
    )  # fmt: skip
    search_fields = ("name", "resource__title", "resource__code", "source__name", "object_name")
    search_hint = "搜索任务、资源、数据源、表"
    default_sort = "name"
    empty = EmptyState(
        title="还没有归集任务",
        text="登记好数据源之后，在这里说明哪张表归到哪个数据资源、多久一次，平台就会按时归集。",
        icon="calendar-event",
        action=Action(title="新建归集任务", url="/console/collection/new/", icon="plus"),
    )
    export_name = "归集任务"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Offer the sources of the plans this person may see."""
        super().setup(request, *args, **kwargs)
        rows = selectors.plans(self.request.actor).order_by("source__name")
        pairs = dict.fromkeys(rows.values_list("source_id", "source__name"))
        known = Filter(key="source", title="数据源", lookup="source_id", choices=list(pairs))
        held = rows.exclude(source__warehouse=None).order_by("source__warehouse__name")
        houses = dict.fromkeys(held.values_list("source__warehouse_id", "source__warehouse__name"))
        house = Filter(
            key="warehouse", title="数据仓", lookup="source__warehouse_id", choices=list(houses)
        )
        self.filters = (*type(self).filters, known, house)  # type: ignore[misc]

    def get_queryset(self) -> QuerySet[Plan]:
        return selectors.plans(self.request.actor)

    def get_actions(self) -> Sequence[Action]:
        found = [
            Action(title="看板", url=reverse("collection:board"), icon="chart-bar"),
            Action(title="运行", url=reverse("collection:runs"), icon="history"),
            Action(title="对账", url=reverse("collection:checks"), icon="scale"),
        ]
        if holds(self.request.actor, PERMISSION):
            new = reverse("collection:new")
            found.append(Action(title="新建归集任务", url=new, icon="plus", primary=True))
        return found


def _one(request: ActorRequest, pk: int) -> Plan:
    return selectors.one(selectors.plans(request.actor), pk, "归集任务")


def _when(item: Any) -> str:
    return f"{timezone.localtime(item.created_at):%Y-%m-%d %H:%M}"


_CHECK_COLUMNS = (
    Column(key="at", title="时间", kind="main", value=_when, url=check_url),
    Column(key="state", title="结果", kind="status", value=check_tone, label="get_state_display"),
    Column(key="source_rows", title="来源", kind="number"),
    Column(key="lake_rows", title="湖中", kind="number"),
)  # fmt: skip


# Within a plan its name says nothing: the time leads to the run.
_RECENT_COLUMNS = (
    Column(
        key="at", title="时间", kind="main", url=run_url, value=_when,
    ),
    *(c for c in RUN_COLUMNS[1:-1] if not c.hidden),
)  # fmt: skip


def _mapping(item: Plan) -> list[tuple[str, str, str]]:
    """Source column, title and name of the data item, by column."""
    titles = {c.name: c.title for c in published_by_id(item.resource_id).columns}
    return [(column, titles.get(name, name), name) for column, name in sorted(item.mapping.items())]


def plan(request: ActorRequest, pk: int) -> HttpResponse:
    """One plan: what it does, how it went, what one can do."""
    item = _one(request, pk)
    recent = list(selectors.runs(request.actor).filter(plan=item).order_by("-created_at")[:SHOWN])
    checks = list(item.reconciliations.order_by("-created_at")[:5])
    backfill = item.backfills.exclude(
        state__in=(BackfillState.DONE, BackfillState.CANCELLED)
    ).first()
    context = {
        "title": item.name,
        "subtitle": f"{item.source.name} · {item.object_name} → {item.resource.title}",
        "crumbs": crumbs(Crumb(item.name)),
        "item": item,
        "tone": plan_tone(item),
        "actions": _actions(request.actor, item),
        "facts": _facts(item),
        "mapping": _mapping(item),
        "chart": _chart(recent),
        "runs": Table.plain(
            key="plan-runs", columns=_RECENT_COLUMNS, rows=recent, caption="最近的运行",
            empty=EmptyState(title="还没有运行过", icon="history"),
        ),
        "latest": recent[0] if recent else None,
        "checks": Table.plain(
            key="plan-checks", columns=_CHECK_COLUMNS, rows=checks, caption="最近的对账",
            empty=EmptyState(title="还没有对过账", icon="scale"),
        ),
        "backfill": backfill,
        "all_runs": f"{reverse('collection:runs')}?plan={item.pk}",
    }  # fmt: skip
    return render(request, "collection/plan.html", context)


def _chart(recent: list[Any]) -> Chart | None:
    ended = [r for r in reversed(recent) if r.batch is not None and r.state == RunState.SUCCEEDED]
    if len(ended) < 2:  # noqa: PLR2004 - one bar says nothing
        return None
    return Chart(
        key="plan-rows", title="每次归集的行数", kind="bar", unit="行", stacked=True, height="low",
        categories=[f"{timezone.localtime(r.finished_at):%m-%d %H:%M}" for r in ended],
        series=[
            Series("新增", [r.batch.inserted for r in ended]),
            Series("更新", [r.batch.updated for r in ended]),
            Series("无变化", [r.batch.unchanged for r in ended]),
            Series("隔离", [r.batch.quarantined for r in ended], tone="amber"),
        ],
        urls=[reverse("collection:run", args=[r.pk]) for r in ended],
        description=f"最近 {len(ended)} 次成功的运行",
    )  # fmt: skip


def _facts(item: Plan) -> list[Fact]:
    found = [
        Fact("数据资源", item.resource.title, reverse("catalog:resource", args=[item.resource_id])),
        Fact("提供单位", item.resource.provider.name),
        Fact("数据源", item.source.name, reverse("ingest:source", args=[item.source_id])),
        Fact("来源对象", item.object_name, mono=True),
        Fact("方式", item.get_mode_display()),
    ]
    if item.cursor_column:
        found += [
            Fact("游标列", cursor_words(item)),
            Fact("已归集到", item.high_water or "还没有归集过", mono=bool(item.high_water)),
            Fact("来源时区", item.source_zone),
        ]
    if item.mode in (Mode.FULL, Mode.SNAPSHOT):
        found.append(Fact("最多删除", f"{item.max_lost_percent}%，超过先停下等确认"))
    found += [
        Fact("定时", schedule_words(item)),
        Fact("下次运行", item.next_at),
        Fact("错过之后", item.get_catch_up_display()),
        Fact("前置任务", "、".join(p.name for p in item.depends_on.all())),
        Fact("对账", check_words(item)),
        Fact("下次对账", item.next_check_at),
        Fact("创建人", item.created_by or ""),
    ]
    return found


def _actions(actor: Actor, item: Plan) -> list[Action]:
    if not allows(actor, PERMISSION, item):
        return []

    def url(name: str) -> str:
        return reverse(f"collection:{name}", args=[item.pk])

    found = [Action(title="修改", url=url("edit"), icon="pencil")]
    if item.state == PlanState.PAUSED:
        found.append(
            Action(title="恢复", url=url("resume"), icon="player-play", method="post", primary=True)
        )
        return found
    found += [
        Action(title="暂停", url=url("pause"), icon="circle-minus"),
        Action(title="对账", url=url("ask-check"), icon="scale", method="post"),
    ]
    if item.cursor_kind in ("date", "datetime"):
        found.append(Action(title="补采", url=url("backfill-new"), icon="history"))
    found.append(
        Action(
            title="立即运行", url=url("run-now"), icon="player-play", method="post", primary=True
        )
    )
    return found


def run_now(request: ActorRequest, pk: int) -> HttpResponse:
    """Start at once."""
    fresh = run_services.run_now(actor=request.actor, plan=_one(request, pk))
    return redirect("collection:run", fresh.pk)


def pause(request: ActorRequest, pk: int) -> HttpResponse:
    """Stop the schedule, with a reason."""
    item = _one(request, pk)
    form = PauseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.pause(actor=request.actor, plan=item, reason=form.cleaned_data["reason"])
        messages.success(request, "任务已暂停，不再定时运行。")
        return redirect("collection:plan", pk)
    context = {
        "title": "暂停任务", "subtitle": item.name,
        "crumbs": crumbs(Crumb(item.name, plan_url(item)), Crumb("暂停")),
        "form": form, "submit": "暂停任务", "cancel_url": plan_url(item),
    }  # fmt: skip
    return render(request, "ui/form.html", context, status=422 if form.errors else 200)


def resume(request: ActorRequest, pk: int) -> HttpResponse:
    """Take the schedule up again."""
    item = services.resume(actor=request.actor, plan=_one(request, pk))
    messages.success(
        request,
        "任务已恢复。"
        + (f"下次运行 {timezone.localtime(item.next_at):%m-%d %H:%M}。" if item.next_at else ""),
    )
    return redirect("collection:plan", pk)


def _offered(item: Plan, columns: list[tuple[str, str]]) -> dict[str, str]:
    """The plan's mapping, completed by what a change of the source was agreed to mean."""
    known = agreement(published_by_id(item.resource_id))
    if known is None or (known.source_id, known.object_name) != (item.source_id, item.object_name):
        return dict(item.mapping)
    names = {name for name, _ in columns}
    return suggested(item.mapping, columns=names, agreed=known.mapping)


def edit(request: ActorRequest, pk: int) -> HttpResponse:
    """Change mode, schedule and mapping; the structure of the source as it is now becomes the agreed one."""
    item = _one(request, pk)
    check(request.actor, PERMISSION, item)
    refusal: ChengshuError | None = None
    columns: list[tuple[str, str]] = [(name, "") for name in item.mapping]
    try:
        found = services.look_at(item.source, item.object_name)
        columns = [(c.name, c.comment) for c in found.columns]
    except Unavailable as error:  # the rest of the page still serves
        refusal = error
    form = PlanForm(
        request.POST or None, actor=request.actor, columns=[c for c, _ in columns], plan=item,
        initial=PlanForm.values_of(item),
    )  # fmt: skip
    mapping = _offered(item, columns)
    if request.method == "POST":
        mapping = posted_mapping(request.POST, columns)
    if request.method == "POST" and form.is_valid():
        try:
            services.change(
                actor=request.actor, plan=item, settings=form.settings(), mapping=mapping,
                depends_on=form.predecessors(),
            )  # fmt: skip
        except ChengshuError as error:
            form.place(error)
            refusal = error
        else:
            messages.success(request, "任务已修改。")
            return redirect("collection:plan", pk)
    context = {
        "title": "修改归集任务", "subtitle": item.name,
        "crumbs": crumbs(Crumb(item.name, plan_url(item)), Crumb("修改")),
        "form": form, "sections": lay_out(form), "refusal": refusal, "object": item.object_name, "submit": "保存修改",
        "rows": mapping_rows(columns, mapping), "options": item_options(item.resource_id),
        "cancel_url": plan_url(item),
    }  # fmt: skip
    return render(request, "collection/describe.html", context, status=422 if form.errors else 200)
