"""The staff phone: to-do first, then the applications, then me."""

from django.http import HttpResponse
from django.shortcuts import render

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.shell import groups
from chengshu.kernel.jobs.models import Job

SHOWN = 10


def home(request: ActorRequest) -> HttpResponse:
    """What waits for me, most first."""
    menus = groups("console", request.actor, request.path)
    waiting = [item for group in menus for item in group.items if item.badge]
    waiting.sort(key=lambda item: -item.badge)
    jobs = Job.objects.filter(created_by=request.actor.account)[:SHOWN]
    return render(request, "staff/home.html", {"title": "待办", "waiting": waiting, "jobs": jobs})


def applications(request: ActorRequest) -> HttpResponse:
    """Everything I may use, by layer."""
    menus = [g for g in groups("console", request.actor, request.path) if g.key != "home"]
    return render(request, "staff/applications.html", {"title": "应用", "menus": menus})


def me(request: ActorRequest) -> HttpResponse:
    """Who I am here, and the way out."""
    return render(request, "staff/me.html", {"title": "我的"})
