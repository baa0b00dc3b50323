"""Walk the graph, the tab of an entry, and the export."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.facade import published_by_id, resource_page
from chengshu.data.lineage import openlineage, selectors
from chengshu.data.lineage.graph import Graph, Node, NodeKind
from chengshu.data.lineage.naming import lake_key
from chengshu.data.lineage.rows import row_origin
from chengshu.data.lineage.views.drawing import picture
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import ChengshuError, NotFound
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Table
from chengshu.kernel.unit_of_work import unit_of_work

HOME = "数据血缘"
MOST_OPEN = 12


def graph(request: ActorRequest) -> HttpResponse:
    """The graph around one table or column; without one, the tables to begin with."""
    whole = selectors.graph_of(request.actor)
    focus = request.GET.get("node", "")
    context: dict[str, Any] = {
        "title": HOME, "subtitle": "由目录、归集批次、接口、授权和开放数据集的记录现算",
        "actions": [Action(title="导出 OpenLineage", url=reverse("lineage:export"), icon="download")],
    }  # fmt: skip
    if not focus:
        context |= _beginning(whole, request.GET.get("q", "").strip())
        return render(request, "lineage/start.html", context)
    if focus not in whole.nodes:
        raise NotFound("血缘图里没有这个表或字段。", advice="它可能已下线，或不在您的权限范围内。")
    node = whole.nodes[focus]
    context |= _walk(request, whole, node, reverse("lineage:graph"))
    context["crumbs"] = [Crumb(HOME, reverse("lineage:graph")), Crumb(node.title)]
    context["title"] = f"{node.title}的血缘"
    return render(request, "lineage/graph.html", context)


def _beginning(whole: Graph, words: str) -> dict[str, Any]:
    tables = whole.tables()
    found = [
        n for n in tables.nodes.values()
        if not words or words in n.title or words.lower() in n.name.lower() or words in n.owner
    ]  # fmt: skip
    order = list(NodeKind)
    found.sort(key=lambda n: (n.kind is not NodeKind.LAKE, order.index(n.kind), n.title))
    return {
        "words": words,
        "counts": [(k.label, sum(n.kind is k for n in tables.nodes.values())) for k in order],
        "table": Table.plain(
            key="lineage-tables", caption="表", rows=found[:200],
            columns=(
                Column(key="title", title="名称", kind="main", url=lambda n: _at(n.key)),
                Column(key="kind", title="环节", value=lambda n: n.kind.label),
                Column(key="owner", title="单位"),
                Column(key="up", title="上游", kind="number", value=lambda n: len(tables.upstream(n.key))),
                Column(key="down", title="下游", kind="number",
                       value=lambda n: len(tables.downstream(n.key))),
            ),
            empty=EmptyState(title="没有符合条件的表", icon="topology-star-3",
                             text="资源归集入库之后，血缘会自动出现。"),
        ),
    }  # fmt: skip


def _at(key: str) -> str:
    return f"{reverse('lineage:graph')}?{urlencode({'node': key})}"


def _walk(request: ActorRequest, whole: Graph, node: Node, here: str) -> dict[str, Any]:
    """Everything the page about one node shows."""
    level = "table" if request.GET.get("level") == "table" else "column"
    words = request.GET.get("q", "").strip()
    part = whole.around(node.key)
    tables = part.tables()
    opened = set() if level == "table" else set(_opened(part, node))
    drawn = picture(part, focus=node.key, opened=opened, url=lambda n: _link(n, level), words=words)
    up, down = part.upstream(node.key), part.downstream(node.key)
    return {
        "picture": drawn, "node": node, "level": level, "words": words, "here": here,
        "tables_url": _link(node, "table"), "columns_url": _link(node, "column"),
        "upstream": _reached(part, up), "downstream": _reached(part, down),
        "up_count": len({part.table_of(k) for k in up} - {part.table_of(node.key)}),
        "down_count": len({part.table_of(k) for k in down} - {part.table_of(node.key)}),
        "known": bool(tables.nodes),
    }  # fmt: skip


def _opened(part: Graph, node: Node) -> list[str]:
    """Tables that show their columns: the one in focus and its nearest."""
    tables = part.tables()
    start = part.table_of(node.key)
    steps = {start: 0} | tables.upstream(start)
    for key, distance in tables.downstream(start).items():
        steps[key] = min(distance, steps.get(key, distance))
    return sorted(steps, key=lambda key: (steps[key], key))[:MOST_OPEN]


def _link(node: Node, level: str) -> str:
    query = {"node": node.key} | ({"level": level} if level == "table" else {})
    return f"{reverse('lineage:graph')}?{urlencode(query)}"


def _reached(part: Graph, steps: dict[str, int]) -> list[tuple[Node, Node | None, int, str]]:
    """Nodes with their table, steps and own address, nearest first; columns where there are any."""
    columns = [k for k in steps if part.nodes[k].table] or list(steps)
    found = sorted(columns, key=lambda k: (steps[k], k))[:200]
    return [(part.nodes[k], part.nodes.get(part.nodes[k].table), steps[k], _at(k)) for k in found]


def resource(request: ActorRequest, resource_id: int) -> HttpResponse:
    """The tab of an entry: its lineage, and where a row came from."""
    context = resource_page(actor=request.actor, resource_id=resource_id, active="lineage")
    entry = context["resource"]
    may = allows(request.actor, "lineage.view", entry) and entry.state == "published"
    context |= {"may": may, "picture": None}
    if may:
        whole = selectors.graph_of(request.actor, [resource_id])
        key = lake_key(entry.physical_name)
        described = published_by_id(resource_id)
        if key in whole.nodes:
            context |= _walk(request, whole, whole.nodes[key], request.path)
        given = [request.GET.get(f"key-{name}", "").strip() for name in described.key]
        context["keys"] = [
            (described.column(name), value)
            for name, value in zip(described.key, given, strict=True)
        ]
        if given and all(given):
            context["asked"] = True
            context |= _origin(described, tuple(given))
    return render(request, "lineage/resource.html", context)


def _origin(described: Any, given: tuple[str, ...]) -> dict[str, Any]:
    try:
        return {"origin": row_origin(described, given)}
    except (ChengshuError, ValueError) as error:
        return {"problem": getattr(error, "detail", "") or "主键的写法不对，没有查询。"}


def export(request: ActorRequest) -> HttpResponse:
    """The lineage in scope as OpenLineage events."""
    whole = selectors.graph_of(request.actor)
    if node := request.GET.get("node", ""):
        whole = whole.around(node) if node in whole.nodes else Graph()
    made = openlineage.events(whole, at=timezone.localtime())
    with unit_of_work():
        record(actor=request.actor, action="lineage.exported", after={"events": len(made)})
    response = JsonResponse(
        made, safe=False, json_dumps_params={"ensure_ascii": False, "indent": 1}
    )
    response["Content-Disposition"] = 'attachment; filename="openlineage.json"'
    return response
