"""归集看板: throughput, latency, freshness, what is overdue, what failed, what runs now."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator

from chengshu.data.collection import selectors
from chengshu.data.collection.choices import TROUBLED, RunState
from chengshu.data.collection.presentation import check_tone, check_url, run_url
from chengshu.data.collection.selectors import Narrowed
from chengshu.data.collection.views.runs import RUN_COLUMNS, crumbs
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.ui.components import (
    Action,
    Chart,
    Column,
    Crumb,
    EmptyState,
    Series,
    Stat,
    Table,
)

PERIODS = (("7", "最近 7 天"), ("14", "最近 14 天"), ("30", "最近 30 天"))
SHOWN = 8
_AGES = (("1 天内", 1), ("7 天内", 7), ("30 天内", 30), ("90 天内", 90))


def _narrowed(request: ActorRequest) -> Narrowed:
    days = request.GET.get("days", "14")
    return Narrowed(
        provider=request.GET.get("provider", ""),
        warehouse=_number(request, "warehouse"), source=_number(request, "source"),
        days=int(days) if days in dict(PERIODS) else 14,
    )  # fmt: skip


def _number(request: ActorRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isdecimal() else None


def _warehouses(actor: Actor) -> list[tuple[int, str]]:
    """The 数据仓 that have sources with plans this person may see."""
    rows = selectors.plans(actor).exclude(source__warehouse=None)
    pairs = rows.order_by("source__warehouse__name").values_list(
        "source__warehouse_id", "source__warehouse__name"
    )
    return list(dict.fromkeys(pairs))


def _sources(actor: Actor) -> list[tuple[int, str]]:
    rows = selectors.plans(actor).order_by("source__name").values_list("source_id", "source__name")
    return list(dict.fromkeys(rows))


def board(request: ActorRequest) -> HttpResponse:
    """The board, narrowed to a department, a 数据仓 or a source."""
    actor, within = request.actor, _narrowed(request)
    runs = within.runs(selectors.runs(actor))
    held = list(selectors.freshness(actor, within))
    batches = selectors.batches_by_day(selectors.loaded_batches(actor, within))
    overdue = [r for r in held if r.due_at and r.due_at < timezone.now()]
    running = list(selectors.running(within.runs(selectors.runs(actor)))[:SHOWN])
    troubled = list(runs.filter(state__in=TROUBLED).order_by("-created_at")[:SHOWN])
    unsettled = list(selectors.unsettled_checks(actor, within))
    total = sum(rows for rows, _ in batches.values())
    seconds = sum(spent for _, spent in batches.values())
    providers = selectors.plans(actor).order_by("resource__provider__short").values_list(
        "resource__provider__code", "resource__provider__short"
    )  # fmt: skip
    context: dict[str, Any] = {
        "title": "归集看板",
        "subtitle": "数据来得快不快、新不新、有没有断。每个数都点得开。",
        "crumbs": crumbs(Crumb("看板")),
        "actions": [
            Action(title="归集任务", url=reverse("collection:plans"), icon="calendar-event"),
            Action(title="对账", url=reverse("collection:checks"), icon="scale"),
        ],
        "within": within, "days": str(within.days), "periods": PERIODS,
        "providers": list(dict.fromkeys(providers)),
        "warehouses": _warehouses(actor),
        "sources": _sources(actor),
        "stats": [
            Stat(label="归集", value=total, unit="行", compact=True, note=f"{within.days} 天内，含上传和推送",
                 url=f"{reverse('ingest:batches')}?state=loaded"),
            Stat(label="平均速度", value=round(total / seconds) if seconds >= 1 else None, unit="行/秒"),
            Stat(label="正在归集", value=len(running), unit="个", url=f"{reverse('collection:runs')}?state=running"),
            Stat(label="停下的运行", value=len(troubled), unit="次", tone="red" if troubled else "",
                 url=f"{reverse('collection:runs')}?state=failed"),
            Stat(label="对账没对上", value=len(unsettled), unit="个任务", tone="red" if unsettled else "",
                 url=f"{reverse('collection:checks')}?state=different"),
            Stat(label="超期未更新", value=len(overdue), unit="个资源", tone="amber" if overdue else ""),
        ],
        "throughput": _throughput(within, batches),
        "outcomes": _outcomes(within, selectors.by_day(runs)),
        "ages": _ages(held),
        "latency": _latency(runs),
        "running": Table.plain(
            key="running", columns=(RUN_COLUMNS[0], RUN_COLUMNS[1], RUN_COLUMNS[-1]), rows=running,
            caption="正在归集", empty=EmptyState(title="现在没有在归集", icon="circle-check"),
        ),
        "troubled": Table.plain(
            key="troubled", columns=_TROUBLE_COLUMNS, rows=troubled, caption="停下的运行",
            empty=EmptyState(title="这段时间没有失败", icon="circle-check"),
        ),
        "unsettled": Table.plain(
            key="unsettled", columns=_UNSETTLED_COLUMNS, rows=unsettled[:SHOWN], caption="对账没对上的任务",
            empty=EmptyState(title="最近的对账都对得上", icon="circle-check"),
        ),
        "oldest": _oldest(held),
    }  # fmt: skip
    return render(request, "collection/board.html", context)


_TROUBLE_COLUMNS = (
    Column(key="plan", title="任务", kind="main", value="plan.name", url=run_url),
    RUN_COLUMNS[1],
    Column(key="message", title="原因", value=lambda r: Truncator(r.message).chars(60)),
    RUN_COLUMNS[-1],
)
_UNSETTLED_COLUMNS = (
    Column(key="plan", title="任务", kind="main", value="plan.name", url=check_url),
    Column(key="state", title="结果", kind="status", value=check_tone, label="get_state_display"),
    Column(key="missing", title="湖里缺", kind="number"),
    Column(key="extra", title="湖里多", kind="number"),
    Column(key="changed", title="值不同", kind="number"),
    Column(key="at", title="时间", kind="ago", value="created_at"),
)
_OLDEST_COLUMNS = (
    Column(key="title", title="数据资源", kind="main", url=lambda r: reverse("ingest:preview", args=[r.pk])),
    Column(key="provider", title="提供单位", value="provider.short"),
    Column(key="held_at", title="最近更新", kind="ago"),
    Column(key="due_at", title="应更新", kind="datetime"),
)  # fmt: skip


def _oldest(held: list[Any]) -> Table:
    late = sorted(held, key=lambda r: (r.held_at is not None, r.held_at or r.created_at))
    return Table.plain(
        key="oldest", columns=_OLDEST_COLUMNS, rows=late[:SHOWN], caption="最久没有更新的资源",
        empty=EmptyState(title="还没有归集过数据", icon="table"),
    )  # fmt: skip


def _throughput(within: Narrowed, days: dict[Any, tuple[int, float]]) -> Chart:
    return Chart(
        key="throughput", title="每天归集的行数", kind="bar", unit="行",
        categories=[f"{day:%m-%d}" for day in within.dates],
        series=[Series("来源行数", [days.get(day, (0, 0.0))[0] for day in within.dates])],
        description="按完成时间，含上传、推送和任务",
    )  # fmt: skip


def _outcomes(within: Narrowed, days: dict[Any, selectors.DayOfRuns]) -> Chart:
    empty = selectors.DayOfRuns()
    return Chart(
        key="outcomes", title="任务运行的结果", kind="bar", unit="次", stacked=True,
        categories=[f"{day:%m-%d}" for day in within.dates],
        series=[
            Series("已入库", [days.get(day, empty).good for day in within.dates]),
            Series("停下", [days.get(day, empty).bad for day in within.dates], tone="red"),
        ],
        description="停下的都没有动湖里的数据",
    )  # fmt: skip


def _ages(held: list[Any]) -> Chart | None:
    """How many resources are how fresh."""
    if not held:
        return None
    now, counts = timezone.now(), [0] * (len(_AGES) + 2)
    for item in held:
        if item.held_at is None:
            counts[-1] += 1
            continue
        age = (now - item.held_at).total_seconds() / 86_400
        place = next((n for n, (_, days) in enumerate(_AGES) if age <= days), len(_AGES))
        counts[place] += 1
    names = [*(name for name, _ in _AGES), "更久", "没有数据"]
    return Chart(
        key="ages", title="数据有多新", kind="bar", unit="个资源", ordered=True, categories=names,
        series=[Series("资源", counts)], description="距最近一次入库",
    )  # fmt: skip


def _latency(runs: Any) -> Chart | None:
    found = selectors.slowest(runs)
    if not found:
        return None
    runs_url = reverse("collection:runs")
    return Chart(
        key="latency", title="每个任务最久的一次", kind="hbar", unit="秒",
        categories=[name for _, name, _ in found],
        series=[Series("用时", [round(longest, 2) for _, _, longest in found])],
        urls=[f"{runs_url}?plan={pk}&state={RunState.SUCCEEDED}" for pk, _, _ in found],
        description="从开始到账目登记完",
    )  # fmt: skip
