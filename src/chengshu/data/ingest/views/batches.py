"""One batch: live while it runs, its books when it is loaded, what to do when it failed."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from chengshu.data.ingest import loading, selectors
from chengshu.data.ingest.batch_panels import batch_panels
from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.models import Batch, BatchProblem
from chengshu.data.ingest.presentation import balance, batch_url, facts, source_words, tone
from chengshu.data.ingest.services import closing
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.jobs.views import progress_of
from chengshu.kernel.ui.components import (
    Action,
    Column,
    Crumb,
    EmptyState,
    Progress,
    Stat,
    Table,
    TimelineEntry,
)

PROBLEMS_SHOWN = 50


def batch(request: ActorRequest, pk: UUID) -> HttpResponse:
    """The page of a batch; asked again every second while it runs."""
    item = selectors.batch(request.actor, pk)
    if item.state in closing.WAITING and item.job is not None and item.job.finished:
        closing.settle(item)
        item.refresh_from_db()
    running = item.state in closing.WAITING
    if request.headers.get("HX-Request"):
        live = {"item": item, "progress": _progress(request.actor, item)}
        response = render(request, "ingest/batch_live.html", live)
        if not running:
            response.headers["HX-Refresh"] = "true"
        return response
    context: dict[str, Any] = {
        "title": item.resource.title,
        "subtitle": source_words(item),
        "crumbs": [
            Crumb("数据归集", reverse("ingest:board")),
            Crumb("归集批次", reverse("ingest:batches")),
            Crumb(str(item)),
        ],
        "item": item,
        "tone": tone(item),
        "running": running,
        "progress": _progress(request.actor, item) if running else None,
        "actions": _actions(request.actor, item),
        "facts": facts(item),
        "family": _family(item),
    }
    if item.state == BatchState.LOADED:
        context |= _result(item) | {"panels": batch_panels(request.actor, item)}
    return render(request, "ingest/batch.html", context)


def _progress(actor: Actor, item: Batch) -> Progress | None:
    if item.job is None:
        return None
    may_stop = not item.job.cancel_requested and allows(actor, "ingest.batch.create", item)
    return replace(
        progress_of(item.job),
        cancel_url=reverse("ingest:cancel", args=[item.pk]) if may_stop else "",
    )


def _actions(actor: Actor, item: Batch) -> list[Action]:
    found = []
    if item.state == BatchState.LOADED and item.quarantined:
        found.append(
            Action(
                title="处理隔离数据", url=reverse("ingest:quarantine", args=[item.pk]),
                icon="tool", primary=allows(actor, "ingest.quarantine.manage", item),
            )
        )  # fmt: skip
    if not allows(actor, "ingest.batch.create", item):
        return found
    if item.state == BatchState.DRAFT:
        found += [
            Action(
                title="核对预览", url=reverse("ingest:confirm", args=[item.pk]), icon="eye",
                primary=True,
            ),
            Action(
                title="放弃", url=reverse("ingest:cancel", args=[item.pk]), icon="trash",
                method="post", danger=True, confirm="放弃这个批次？文件还没有入库，已有数据不受影响。",
            ),
        ]  # fmt: skip
    elif item.state in closing.ENDED and loading.merge_begun(item):
        found.append(
            Action(
                title="继续完成", url=reverse("ingest:resume", args=[item.pk]),
                icon="player-play", method="post", primary=True,
            )
        )  # fmt: skip
    elif item.state in closing.ENDED and item.options.get("run"):
        # A plan knows which part of the source this was; its run is continued there.
        url = f"/console/collection/runs/{item.options['run']}/"
        found.append(Action(title="到归集任务处理", url=url, icon="calendar-event", primary=True))
    elif item.state in closing.ENDED and item.origin in (Origin.FILE, Origin.TABLE):
        found.append(
            Action(
                title="重新归集", url=reverse("ingest:again", args=[item.pk]), icon="refresh",
                method="post", primary=True,
            )
        )  # fmt: skip
    elif item.state == BatchState.LOADED:
        found.append(
            Action(
                title="再归集一批", url=reverse("ingest:new", args=[item.resource_id]), icon="plus"
            )
        )  # fmt: skip
    return found


def problem_url(problem: BatchProblem) -> str:
    """The workbench narrowed to one problem."""
    query = urlencode({"problem": f"{problem.rule}:{problem.column}"})
    return f"{reverse('ingest:quarantine', args=[problem.batch_id])}?{query}"


_PROBLEM_COLUMNS = (
    Column(key="rule_name", title="规则", kind="main", url=problem_url),
    Column(key="column_title", title="数据项", value=lambda p: p.column_title or "整行"),
    Column(key="rows", title="行数", kind="number", url=problem_url),
)


def _result(item: Batch) -> dict[str, Any]:
    decided = selectors.decided(item)
    return {
        "balance": balance(item),
        "stats": [
            Stat(label="新增", value=item.inserted, unit="条"),
            Stat(label="更新", value=item.updated, unit="条"),
            Stat(label="无变化", value=item.unchanged, unit="条"),
            Stat(
                label="速度", unit="行/秒",
                value=round(item.source_rows / item.seconds) if item.seconds >= 1 else None,
                note="" if item.seconds >= 1 else "不到 1 秒",
            ),
        ],
        "decided": decided,
        "undecided": max(0, item.quarantined - decided.total),
        "problems": Table.plain(
            key="problems", columns=_PROBLEM_COLUMNS, caption="隔离的原因",
            rows=list(item.problems.all()[:PROBLEMS_SHOWN]),
            empty=EmptyState(title="没有被隔离的行", text="来源的每一行都通过了校验。", icon="circle-check"),
        ),
    }  # fmt: skip


def _family(item: Batch) -> list[TimelineEntry]:
    """The batch this one replays, and the replays of this one."""
    family = list(item.replays.select_related("created_by").order_by("created_at"))
    if item.parent is not None:
        family.insert(0, item.parent)
    return [
        TimelineEntry(
            title="原批次" if other.pk == item.parent_id else f"回放 {other.options.get('rows', 0):,} 行",
            at=other.created_at, who=str(other.created_by or "平台"), url=batch_url(other),
            text=f"{other.get_state_display()}"
            + (f"，入库 {other.accepted:,}，隔离 {other.quarantined:,}" if other.state == BatchState.LOADED else ""),
            tone="teal" if other.state == BatchState.LOADED else "grey",
            icon="history" if other.pk == item.parent_id else "rotate-2",
        )
        for other in family
    ]  # fmt: skip


def cancel(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Stop or abandon."""
    item = closing.cancel(actor=request.actor, batch=selectors.batch(request.actor, pk))
    if item.state == BatchState.CANCELLED:
        messages.success(request, "已取消，没有载入任何数据。")
    else:
        messages.info(request, "已要求取消，归集会在下一个安全点停下。")
    return redirect("ingest:batch", pk)


def again(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Collect the same source once more."""
    fresh = closing.again(actor=request.actor, batch=selectors.batch(request.actor, pk))
    if fresh.state == BatchState.DRAFT:
        return redirect("ingest:confirm", fresh.pk)
    return redirect("ingest:batch", fresh.pk)


def resume(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Complete a batch whose merge was begun."""
    closing.resume(actor=request.actor, batch=selectors.batch(request.actor, pk))
    return redirect("ingest:batch", pk)
