"""Pages of the console."""

from django.http import HttpResponse
from django.shortcuts import render

from chengshu.kernel.access.middleware import ActorRequest


def home(request: ActorRequest) -> HttpResponse:
    """What waits for me, what is late, what changed."""
    return render(request, "console/home.html", {})


def search(request: ActorRequest) -> HttpResponse:
    """One search box over everything."""
    return render(request, "console/search.html", {"query": request.GET.get("q", "")})
