"""Pages of the console itself: the work table, the search over everything, and the health answer."""

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from chengshu import __version__
from chengshu.data.ingest import selectors as ingest
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.shell import groups
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.search.presentation import context as shown
from chengshu.kernel.search.services import search as search_everything

SHOWN = 6
RESULTS = 30


def home(request: ActorRequest) -> HttpResponse:
    """What waits for me, what runs, what came in."""
    menus = groups("console", request.actor, request.path)
    waiting = [item for group in menus for item in group.items if item.badge]
    context = {
        "title": f"{request.actor.name}，您好",
        "subtitle": " · ".join(
            part for part in (request.actor.organization_name, *request.actor.role_names) if part
        ),
        "waiting": waiting,
        "jobs": Job.objects.filter(created_by=request.actor.account)[:SHOWN],
        "batches": ingest.batches(request.actor)[:SHOWN],
    }
    return render(request, "console/home.html", context)


def search(request: ActorRequest) -> HttpResponse:
    """One search box over everything the actor may see."""
    query, kind = request.GET.get("q", "").strip()[:200], request.GET.get("kind", "")
    results = search_everything(request.actor, query, kinds=[kind] if kind else None, limit=RESULTS)
    context = {
        "title": f"搜索“{query}”" if query else "搜索",
        "query": query,
        **shown(results, url=request.path, kind=kind),
    }
    return render(request, "console/search.html", context)


def health(_request: HttpRequest) -> JsonResponse:
    """Whether this process reaches its database; for supervisors and load balancers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return JsonResponse({"status": "ok", "version": __version__, "database": connection.vendor})
