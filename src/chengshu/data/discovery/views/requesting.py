"""The first steps of reverse cataloguing: a file or tables of a source, then a work list that fills itself."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.discovery import selectors, sourcing
from chengshu.data.discovery.choices import ProposalState
from chengshu.data.discovery.forms import FileForm, OwnerForm
from chengshu.data.discovery.models import Proposal
from chengshu.data.discovery.services import proposals as services
from chengshu.data.discovery.views.proposals import COLUMNS, steps
from chengshu.data.ingest.facade import DataSource, objects, source, sources
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import ChengshuError, InvalidInput, Unavailable
from chengshu.kernel.ui.components import Action, Crumb, EmptyState, Progress, Table

HOME = "生成目录"
_RUNNING = (ProposalState.QUEUED, ProposalState.RUNNING)


def crumbs(*last: Crumb) -> list[Crumb]:
    """Where a page lies."""
    return [Crumb(HOME, reverse("discovery:proposals")), *last]


def new(request: ActorRequest) -> HttpResponse:
    """Upload a file, or go on to a registered source."""
    form = FileForm(request.POST or None, request.FILES or None, actor=request.actor)
    refusal: ChengshuError | None = None
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            found = services.request_file(
                actor=request.actor, owner=form.organization(), name=file.name, chunks=file.chunks()
            )
        except (InvalidInput, Unavailable) as error:
            refusal = error
        else:
            return _to(found)
    context = {
        "title": "从文件或数据库生成目录",
        "subtitle": "先读一小部分数据，自动认出名称、类型、主键、代码表和敏感级别；您核对后生成草稿。",
        "crumbs": crumbs(Crumb("选择来源")), "steps": steps(0), "form": form, "refusal": refusal,
        "sources": [s for s in sources(request.actor)[:50] if sourcing.known_kind(s)],
    }  # fmt: skip
    return render(
        request, "discovery/new.html", context, status=422 if refusal or form.errors else 200
    )


def _to(found: list[Proposal]) -> HttpResponse:
    if len(found) == 1:
        return redirect("discovery:proposal", found[0].pk)
    return redirect("discovery:work", found[0].work)


def tables(request: ActorRequest, pk: int) -> HttpResponse:
    """Choose tables of a source."""
    item = source(request.actor, pk)
    form = OwnerForm(request.POST or None, actor=request.actor, initial={"owner": item.owner.code})
    refusal: ChengshuError | None = None
    chosen = request.POST.getlist("table")
    if request.method == "POST" and form.is_valid():
        try:
            found = services.request_tables(
                actor=request.actor, owner=form.organization(), source=item, names=chosen
            )
        except (InvalidInput, Unavailable) as error:
            refusal = error
        else:
            return _to(found)
    context: dict[str, Any] = {
        "title": f"从“{item.name}”生成目录", "subtitle": "勾选要登记的表，可以一次选多张",
        "crumbs": crumbs(Crumb("选择表")), "steps": steps(0), "form": form, "source": item,
        "chosen": set(chosen), "known": _known(item), "refusal": refusal, "objects": [],
    }  # fmt: skip
    try:
        context["objects"] = sourcing.listed(item, objects(actor=request.actor, source=item))
    except Unavailable as error:
        context["refusal"] = refusal or error
    return render(request, "discovery/tables.html", context, status=422 if refusal else 200)


def _known(item: DataSource) -> set[str]:
    """Tables an entry is bound to already."""
    return set(item.bindings.values_list("object_name", flat=True))


def work(request: ActorRequest, pk: UUID) -> HttpResponse:
    """A work list; asked again every two seconds while something runs."""
    rows = selectors.work(request.actor, pk)
    running = [r for r in rows if r.state in _RUNNING]
    done = len(rows) - len(running)
    context = {
        "title": "分析来源", "subtitle": rows[0].owner.name, "crumbs": crumbs(Crumb("工作单")),
        "steps": steps(1 if running else 2), "running": bool(running),
        "url": reverse("discovery:work", args=[pk]),
        "progress": Progress(
            key=str(pk), title=f"共 {len(rows)} 张表", state="running" if running else "succeeded",
            percent=done * 100 // len(rows), done=done, total=len(rows), unit="张",
            stage=f"正在分析 {running[0].object_name}" if running else "都已分析",
            finished=not running,
        ),
        "table": Table.plain(
            key="work", columns=COLUMNS, rows=rows, caption="这次选的表",
            empty=EmptyState(title="没有表"),
        ),
        "actions": [Action(title="再选几张", url=reverse("discovery:new"), icon="plus")],
    }  # fmt: skip
    if request.headers.get("HX-Request"):
        response = render(request, "discovery/work_live.html", context)
        if not running:
            response["HX-Refresh"] = "true"
        return response
    return render(request, "discovery/work.html", context)
