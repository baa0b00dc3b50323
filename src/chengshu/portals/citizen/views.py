"""The citizen's phone page. It offers what exists today; services, cases and reports arrive with their applications."""

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from chengshu.data.opening import selectors as opening
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.identity.choices import OrganizationKind
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.notices.selectors import unread

DATASETS_SHOWN = 5


def home(request: ActorRequest) -> HttpResponse:
    """Search, my things, open data, the departments."""
    query = request.GET.get("q", "").strip()
    context = {
        "title": "首页",
        "query": query,
        "datasets": opening.public_datasets(query)[:DATASETS_SHOWN],
        "departments": _departments(query) if query else None,
        "department_count": _departments("").count(),
    }
    return render(request, "citizen/home.html", context)


def departments(request: ActorRequest) -> HttpResponse:
    """The departments one can turn to."""
    query = request.GET.get("q", "").strip()
    context = {"title": "部门", "query": query, "departments": _departments(query)}
    return render(request, "citizen/departments.html", context)


def me(request: ActorRequest) -> HttpResponse:
    """Who I am here."""
    context = {"title": "我的", "unread": unread(request.actor)}
    return render(request, "citizen/me.html", context)


def _departments(query: str) -> QuerySet[Organization]:
    rows = Organization.objects.filter(kind=OrganizationKind.DEPARTMENT, active=True)
    if query:
        rows = rows.filter(Q(name__contains=query) | Q(short__contains=query))
    return rows
