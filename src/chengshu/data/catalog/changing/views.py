"""Submission with a look at who is hit; suspension, resumption and retirement with a look at who uses it."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog import selectors
from chengshu.data.catalog.change.consumers import consumers_of
from chengshu.data.catalog.change.impact import impact_of
from chengshu.data.catalog.change.models import Handling, PlannedRetirement
from chengshu.data.catalog.change.rounds import open_remarks
from chengshu.data.catalog.choices import EDITABLE_STATES
from chengshu.data.catalog.models import Resource, ResourceVersion
from chengshu.data.catalog.services import lifecycle, review
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import check
from chengshu.kernel.calendar.working_days import local_date
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound
from chengshu.kernel.ui.components import Crumb

_ANSWER = "answer:"


def submission(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Before handing a draft to the reviewers: who is hit and how they are handled, what was answered."""
    resource = selectors.resource(actor=request.actor, resource_id=resource_id)
    check(request.actor, "catalog.resource.submit", resource)
    version = resource.working
    if version is None or version.state not in EDITABLE_STATES:
        raise Conflict(f"“{resource.title}”没有可以提交的草稿。", kept="没有做任何改动。")
    version.resource = resource
    error = ""
    if request.method == "POST":
        answers = {
            key.removeprefix(_ANSWER): str(text)
            for key, text in request.POST.items()
            if key.startswith(_ANSWER)
        }
        try:
            review.submit(
                actor=request.actor, version=version, answers=answers,
                handling=request.POST.get("handling", ""),
            )  # fmt: skip
        except InvalidInput as problem:
            if "handling" not in problem.fields:
                return redirect(f"{reverse('catalog:edit', args=[resource.pk])}?check=1")
            error = problem.fields["handling"]
        else:
            messages.success(request, "已提交审核，审核人员会收到提醒。")
            return redirect("catalog:resource", resource.pk)
    context = _submission_context(request, resource, version, error)
    return render(
        request, "catalog_changing/submission.html", context, status=422 if error else 200
    )


def _submission_context(
    request: ActorRequest, resource: Resource, version: ResourceVersion, error: str
) -> dict[str, Any]:
    stated = Handling.objects.filter(version=version).values_list("statement", flat=True).first()
    return {
        "title": f"提交审核：{version.title} v{version.number}",
        "crumbs": _crumbs(resource, "提交审核"),
        "resource": resource,
        "impact": impact_of(version),
        "remarks": [
            (remark, request.POST.get(f"{_ANSWER}{remark.key}", ""))
            for remark in open_remarks(version)
        ],
        "handling": request.POST.get("handling", stated or ""),
        "error": error,
    }


def _crumbs(resource: Resource, last: str) -> list[Crumb]:
    return [
        Crumb("数据资源", reverse("catalog:resources")),
        Crumb(resource.title, reverse("catalog:resource", args=[resource.pk])),
        Crumb(last),
    ]


_VERBS = {
    "suspend": ("暂停", "暂停后不能再归集和申请共享，下面的使用方会收到通知；随时可以恢复。"),
    "resume": ("恢复", "恢复后重新提供归集、共享和开放，使用方会收到通知。"),
    "retire": ("撤销", "撤销后不能恢复；代码、版本和历史会保留，使用方会收到通知。"),
}


def life(request: ActorRequest, resource_id: int, verb: str) -> HttpResponse:
    """Suspend, resume or retire, with a reason, seeing who uses it."""
    if verb not in _VERBS:
        raise NotFound("没有这个操作。")
    resource = selectors.resource(actor=request.actor, resource_id=resource_id)
    check(request.actor, "catalog.resource.suspend", resource)
    word, effect = _VERBS[verb]
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            text = _act(request, resource, verb)
        except InvalidInput as problem:
            errors = dict(problem.fields) or {"reason": problem.message}
        except Conflict as problem:
            errors = {"conflict": problem.detail}
        else:
            messages.success(request, text)
            return redirect("catalog:resource", resource.pk)
    users = consumers_of(resource.pk)
    context = {
        "title": f"{word}“{resource.title}”",
        "crumbs": _crumbs(resource, word),
        "resource": resource,
        "word": word,
        "effect": effect,
        "errors": errors,
        "reason": request.POST.get("reason", ""),
        "force_on": request.POST.get("force_on", ""),
        "retiring": verb == "retire",
        "binding": [c for c in users if c.binding],
        "consumers": users,
        "planned": PlannedRetirement.objects.filter(resource=resource).first(),
        "today": local_date(timezone.now()).isoformat(),
    }
    return render(request, "catalog_changing/life.html", context, status=422 if errors else 200)


def _act(request: ActorRequest, resource: Resource, verb: str) -> str:
    reason = request.POST.get("reason", "")
    if verb == "suspend":
        lifecycle.suspend(actor=request.actor, resource=resource, reason=reason)
        return f"已暂停“{resource.title}”，并通知了使用方。"
    if verb == "resume":
        lifecycle.resume(actor=request.actor, resource=resource, reason=reason)
        return f"已恢复“{resource.title}”，并通知了使用方。"
    day = _day(request.POST.get("force_on", "")) if request.POST.get("force") else None
    lifecycle.retire(actor=request.actor, resource=resource, reason=reason, force_on=day)
    if day is not None and day > local_date(timezone.now()):
        return f"已安排在 {day:%Y-%m-%d} 撤销“{resource.title}”，并通知了使用方。"
    return f"已撤销“{resource.title}”，并通知了使用方。"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInput(
            "请选择撤销日期。", kept="没有做任何改动。", fields={"force_on": "请选择撤销日期"}
        ) from error


def cancel(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Take a planned retirement back."""
    resource = selectors.resource(actor=request.actor, resource_id=resource_id)
    lifecycle.cancel_retirement(actor=request.actor, resource=resource)
    messages.success(request, "已取消撤销安排，并通知了使用方。")
    return redirect("catalog:resource", resource.pk)
