"""Creating a plan: entry → source → object → mapping, mode, schedule → first run."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from chengshu.data.catalog.facade import (
    Resource,
    collectable,
    published_by_id,
    published_queryset,
    ways_of,
)
from chengshu.data.collection.choices import Mode, ScheduleKind
from chengshu.data.collection.forms import PlanForm
from chengshu.data.collection.services import plans as services
from chengshu.data.collection.services import runs
from chengshu.data.collection.views.mapping import item_options, mapping_rows, posted_mapping
from chengshu.data.collection.views.runs import crumbs
from chengshu.data.ingest.facade import objects, propose_mapping, source, sources
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import scope
from chengshu.kernel.errors import ChengshuError, NotFound, Unavailable
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Step, Table
from chengshu.kernel.ui.components.forms import lay_out

MOST_LISTED = 60


def _steps(now: int) -> list[Step]:
    words = ("选数据资源", "选数据源", "选表", "对应、方式与定时")
    return [
        Step(title=word, state="done" if n < now else "now" if n == now else "next")
        for n, word in enumerate(words)
    ]


def _resource(request: ActorRequest, pk: int) -> Resource:
    found = scope(request.actor, runs.PERMISSION, published_queryset()).filter(pk=pk).first()
    if found is None:
        raise NotFound(
            "没有找到这个已发布的数据资源。", advice="它可能还没有发布，或不在您的权限范围内。"
        )
    return found


def choose_resource(request: ActorRequest) -> HttpResponse:
    """Which entry is to be collected."""
    words = request.GET.get("q", "").strip()
    rows = scope(request.actor, runs.PERMISSION, published_queryset()).order_by("title")
    for word in words.split():
        rows = rows.filter(title__icontains=word) | rows.filter(code__icontains=word)
    columns = (
        Column(
            key="title", title="数据资源", kind="main",
            url=lambda r: reverse("collection:new-source", args=[r.pk]),
        ),
        Column(key="provider", title="提供单位", value="provider.short"),
        Column(key="cycle", title="更新周期", value="published.get_update_cycle_display"),
        Column(key="code", title="资源代码", kind="code"),
    )  # fmt: skip
    context = {
        "title": "新建归集任务", "subtitle": "先选要归集的数据资源",
        "crumbs": crumbs(Crumb("新建")), "steps": _steps(0), "words": words,
        "table": Table.plain(
            key="choose-resource", columns=columns, rows=list(rows[:MOST_LISTED]), caption="数据资源",
            empty=EmptyState(title="没有符合的数据资源", text="只列出已发布、归您管的资源。", icon="search"),
        ),
    }  # fmt: skip
    return render(request, "collection/choose.html", context)


def choose_source(request: ActorRequest, resource_id: int) -> HttpResponse:
    """From which source: those from which entries of this kind can be collected."""
    resource = _resource(request, resource_id)
    collectable(published_by_id(resource.pk))
    ways = ways_of(resource.kind)
    fitting = [s for s in sources(request.actor) if s.connector.way in ways]
    columns = (
        Column(
            key="name", title="数据源", kind="main",
            url=lambda s: reverse("collection:new-object", args=[resource_id, s.pk]),
        ),
        Column(key="kind", title="类型", value="kind_name"),
        Column(key="place", title="位置", value="place"),
        Column(key="owner", title="所属单位", value="owner.short"),
    )  # fmt: skip
    context = {
        "title": "新建归集任务", "subtitle": resource.title, "crumbs": crumbs(Crumb("新建")),
        "steps": _steps(1),
        "table": Table.plain(
            key="choose-source", columns=columns, rows=fitting, caption="数据源",
            empty=EmptyState(
                title=f"还没有能归集{resource.get_kind_display()}的数据源",
                text="先登记对方的数据库、文件夹或接口。", icon="plug-connected",
                action=Action(title="登记数据源", url=reverse("ingest:source-new"), icon="plus"),
            ),
        ),
    }  # fmt: skip
    return render(request, "collection/choose.html", context)


def choose_object(request: ActorRequest, resource_id: int, source_id: int) -> HttpResponse:
    """Which table, view or file."""
    resource = _resource(request, resource_id)
    chosen = source(request.actor, source_id)
    refusal, found = None, []
    try:
        found = objects(actor=request.actor, source=chosen)
    except Unavailable as error:
        refusal = error
    base = reverse("collection:new-plan", args=[resource_id, source_id])
    columns = (
        Column(key="name", title="表或文件", kind="main", url=lambda o: f"{base}?{_query(o.name)}"),
        Column(key="comment", title="说明"),
        Column(key="columns", title="列", kind="number", value=lambda o: len(o.columns) or None),
        Column(key="rows", title="约有行数", kind="number"),
    )  # fmt: skip
    context = {
        "title": "新建归集任务", "subtitle": f"{resource.title} ← {chosen.name}",
        "crumbs": crumbs(Crumb("新建")), "steps": _steps(2), "refusal": refusal,
        "table": Table.plain(
            key="choose-object", columns=columns, rows=found, caption="可以归集的表和文件",
            empty=EmptyState(title="这里没有可以归集的表", text="请确认账号有读取权限。", icon="table"),
        ),
    }  # fmt: skip
    return render(request, "collection/choose.html", context)


def _query(name: str) -> str:
    return urlencode({"object": name})


def describe(request: ActorRequest, resource_id: int, source_id: int) -> HttpResponse:
    """Mapping proposed, mode, schedule; a POST creates the plan and runs it for the first time."""
    resource, chosen = _resource(request, resource_id), source(request.actor, source_id)
    name = request.GET.get("object", "")
    found = services.look_at(chosen, name)
    columns = [(c.name, c.comment) for c in found.columns]
    mapping = propose_mapping(resource.code, found)
    keyed = any(c.key for c in found.columns) or any(
        i.is_key for i in (resource.published.items.all() if resource.published else ())
    )
    form = PlanForm(
        request.POST or None, actor=request.actor, columns=[c for c, _ in columns],
        initial={
            "name": f"{resource.title}（{chosen.name}）"[:120],
            "mode": Mode.MERGE if keyed else Mode.FULL, "schedule": ScheduleKind.WORKDAY,
            "at_time": "07:00", "source_zone": "Asia/Shanghai",
        },
    )  # fmt: skip
    refusal: ChengshuError | None = None
    if request.method == "POST":
        mapping = posted_mapping(request.POST, columns)
        if form.is_valid():
            try:
                plan = services.create(
                    actor=request.actor, resource_id=resource.pk, source=chosen, object_name=name,
                    mapping=mapping, settings=form.settings(), depends_on=form.predecessors(),
                )  # fmt: skip
            except ChengshuError as error:
                form.place(error)
                refusal = error
            else:
                if "first_run" in request.POST:
                    first = runs.run_now(actor=request.actor, plan=plan)
                    return redirect("collection:run", first.pk)
                messages.success(request, "任务已创建。")
                return redirect("collection:plan", plan.pk)
    context = {
        "title": "新建归集任务", "subtitle": f"{resource.title} ← {chosen.name} · {name}",
        "crumbs": crumbs(Crumb("新建")), "steps": _steps(3),
        "form": form, "sections": lay_out(form), "refusal": refusal,
        "object": name, "rows": mapping_rows(columns, mapping), "options": item_options(resource.pk),
        "submit": "创建任务", "first_run": True,
        "cancel_url": reverse("collection:new-object", args=[resource_id, source_id]),
    }  # fmt: skip
    return render(request, "collection/describe.html", context, status=422 if form.errors else 200)
