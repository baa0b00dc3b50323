"""Back-fills: start one, watch it, go on with it."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.collection import selectors
from chengshu.data.collection.choices import BackfillState
from chengshu.data.collection.forms import BackfillForm
from chengshu.data.collection.models import Backfill
from chengshu.data.collection.presentation import plan_url
from chengshu.data.collection.services import backfill as services
from chengshu.data.collection.services.runs import PERMISSION
from chengshu.data.collection.views.runs import RUN_COLUMNS, crumbs
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.errors import ChengshuError
from chengshu.kernel.ui.components import Action, Column, Crumb, Progress, Table

_TONES = {
    BackfillState.RUNNING: "running", BackfillState.STOPPED: "failed",
    BackfillState.DONE: "succeeded", BackfillState.CANCELLED: "cancelled",
}  # fmt: skip


def _one(request: ActorRequest, pk: int) -> Backfill:
    return selectors.one(selectors.backfills(request.actor), pk, "补采")


def new(request: ActorRequest, pk: int) -> HttpResponse:
    """Choose the range."""
    plan = selectors.one(selectors.plans(request.actor), pk, "归集任务")
    form = BackfillForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            item = services.start(actor=request.actor, plan=plan, **form.cleaned_data)
        except ChengshuError as error:
            for name, words in error.fields.items():
                form.add_error(name, words)
            if not error.fields:
                form.add_error(None, error.detail)
        else:
            return redirect("collection:backfill", item.pk)
    context = {
        "title": "补采", "subtitle": f"{plan.name}：按“{plan.cursor_column}”的日期一段一段地补",
        "crumbs": crumbs(Crumb(plan.name, plan_url(plan)), Crumb("补采")),
        "form": form, "submit": "开始补采", "cancel_url": plan_url(plan),
    }  # fmt: skip
    return render(request, "ui/form.html", context, status=422 if form.errors else 200)


_COLUMNS = (
    Column(key="period", title="时段", kind="main", value="window_from", url=RUN_COLUMNS[0].url),
    *RUN_COLUMNS[1:2],
    *RUN_COLUMNS[3:6],
)


def backfill(request: ActorRequest, pk: int) -> HttpResponse:
    """How far it has come."""
    item = _one(request, pk)
    rows = list(selectors.runs(request.actor).filter(backfill=item).order_by("window_from"))
    running = item.state == BackfillState.RUNNING
    actions = []
    if allows(request.actor, PERMISSION, item):
        if item.state == BackfillState.STOPPED:
            url = reverse("collection:backfill-resume", args=[pk])
            actions.append(
                Action(title="接着补", url=url, icon="player-play", method="post", primary=True)
            )
        if item.state in (BackfillState.RUNNING, BackfillState.STOPPED):
            url = reverse("collection:backfill-cancel", args=[pk])
            actions.append(
                Action(
                    title="取消补采",
                    url=url,
                    icon="x",
                    method="post",
                    confirm="取消补采？已补上的时段保留。",
                )
            )
    context = {
        "title": f"补采 {item.first} 至 {item.last}", "subtitle": item.plan.name,
        "crumbs": crumbs(Crumb(item.plan.name, plan_url(item.plan)), Crumb("补采")),
        "item": item, "tone": _TONES[BackfillState(item.state)], "running": running,
        "actions": actions,
        "progress": Progress(
            key=f"backfill-{item.pk}", title=f"补采（{item.get_step_display()}）",
            state=_TONES[BackfillState(item.state)], done=item.done, total=item.periods, unit="段",
            percent=int(item.done * 100 / item.periods) if item.periods else None,
            finished=not running,
        ),
        "table": Table.plain(key="backfill-runs", columns=_COLUMNS, rows=rows, caption="各时段"),
    }  # fmt: skip
    return render(request, "collection/backfill.html", context)


def resume(request: ActorRequest, pk: int) -> HttpResponse:
    """Go on where it stopped."""
    services.resume(actor=request.actor, item=_one(request, pk))
    return redirect("collection:backfill", pk)


def cancel(request: ActorRequest, pk: int) -> HttpResponse:
    """Stop for good."""
    services.cancel(actor=request.actor, item=_one(request, pk))
    return redirect("collection:backfill", pk)
