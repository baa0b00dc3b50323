"""The cockpit: few large true numbers, the communities, what moved."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from chengshu.data.ingest import selectors as ingest
from chengshu.data.ingest.models import RegionCount
from chengshu.data.sharing import selectors as sharing
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds
from chengshu.kernel.identity.models import Region
from chengshu.kernel.ui.components import Chart, Series
from chengshu.portals.cockpit import selectors

PROVIDERS_SHOWN = 10
MONTHS_SHOWN = 12


def home(request: ActorRequest) -> HttpResponse:
    """The wall."""
    figures = selectors.figures()
    providers = ingest.records_by_provider()[:PROVIDERS_SHOWN]
    months = sharing.calls_by_month()[-MONTHS_SHOWN:]
    tiles = selectors.community_map()
    context = {
        "title": "龙港城市驾驶舱",
        "stats": [figure.stat for figure in figures],
        "map": tiles,
        "map_title": f"{len(tiles.tiles)} 个市直管社区",
        "providers": Chart(
            key="providers", title="各部门归集数据量", kind="hbar", unit="条",
            categories=[p.name for p in providers], series=[Series("记录", [p.rows for p in providers])],
        ),
        "calls": Chart(
            key="calls", title="共享调用（近 12 个月）", kind="area", unit="次",
            categories=[m.month for m in months], series=[Series("调用", [m.calls for m in months])],
        ),
        "interfaces": sharing.busiest_interfaces()[:6],
        "batches": ingest.latest_loaded()[:6],
        "balance": ingest.overall_balance(),
        "data_at": ingest.last_loaded_at(),
        "now": timezone.now(),
        "may_open": holds(request.actor, "ingest.view"),
    }  # fmt: skip
    return render(request, "cockpit/home.html", context)


def community(request: ActorRequest, code: str) -> HttpResponse:
    """The records of one community by resource: the list behind a tile."""
    region = get_object_or_404(Region, code=code)
    rows = RegionCount.objects.filter(region=region).select_related("resource__provider")
    context = {
        "title": region.name,
        "region": region,
        "rows": rows.order_by("-rows"),
        "total": sum(row.rows for row in rows),
    }
    return render(request, "cockpit/community.html", context)
