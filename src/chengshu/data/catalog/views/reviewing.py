"""Review a submitted version: the difference beside the remarks, approve or send back."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.catalog import selectors
from chengshu.data.catalog.change.impact import impact_of
from chengshu.data.catalog.change.models import Handling
from chengshu.data.catalog.change.rounds import answered
from chengshu.data.catalog.choices import VersionState
from chengshu.data.catalog.content import label
from chengshu.data.catalog.models import DataItem, ResourceVersion
from chengshu.data.catalog.services import review as services
from chengshu.data.catalog.views.resources import basic_facts, difference_tables
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.ui.components import Crumb

# What a reviewer may remark on besides single items.
REMARKABLE = (
    "title", "summary", "system", "warehouse", "update_cycle", "formats", "sharing_type",
    "sharing_condition", "sharing_basis", "open_type", "level_floor", "national_class",
)  # fmt: skip


def review(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Read, remark, decide."""
    resource = selectors.resource(actor=request.actor, resource_id=resource_id)
    check(request.actor, "catalog.resource.review", resource)
    version = resource.working
    if version is None or version.state != VersionState.SUBMITTED:
        raise Conflict(
            f"“{resource.title}”没有等待审核的版本。",
            kept="没有做任何改动。",
            advice="可能刚有人处理过，或提交人已撤回。",
        )
    version = selectors.version(actor=request.actor, resource_id=resource_id, number=version.number)
    error = ""
    if request.method == "POST":
        try:
            return _decide(request, version)
        except InvalidInput as problem:
            error = problem.fields.get("remark", problem.message)
    return render(
        request,
        "catalog/review.html",
        _context(request, version, error),
        status=422 if error else 200,
    )


def _decide(request: ActorRequest, version: ResourceVersion) -> HttpResponse:
    remark = request.POST.get("remark", "")
    if request.POST.get("decision") == "approve":
        services.approve(actor=request.actor, version=version, remark=remark)
        messages.success(request, f"“{version.title}”v{version.number} 已发布。")
    else:
        services.send_back(
            actor=request.actor, version=version, remark=remark, field_remarks=_remarks(request)
        )
        messages.success(request, f"“{version.title}”已退回给提交人。")
    return redirect("catalog:reviews")


def _remarks(request: ActorRequest) -> dict[str, str]:
    prefix = "remark:"
    typed = {
        key.removeprefix(prefix): str(text)
        for key, text in request.POST.items()
        if key.startswith(prefix)
    }
    return {key: text.strip() for key, text in typed.items() if text.strip()}


def _context(request: ActorRequest, version: ResourceVersion, error: str) -> dict[str, Any]:
    before = selectors.previous_of(version)
    difference = difference_tables(before, version)
    typed = _remarks(request) if request.method == "POST" else {}
    items = list(selectors.items_of(version))
    return {
        "title": f"审核：{version.title}",
        "subtitle": f"{version.resource.provider.name} · v{version.number} · "
        + (f"对照已发布的 v{before.number}" if before else "首次发布"),
        "crumbs": [Crumb("目录审核", reverse("catalog:reviews")), Crumb(version.title)],
        "resource": version.resource,
        "version": version,
        "before": before,
        "difference": difference,
        "impact": impact_of(version),
        "handling": Handling.objects.filter(version=version).select_related("stated_by").first(),
        "answered": answered(version),
        "groups": basic_facts(request.actor, version.resource, version),
        "items": _with_marks(items, difference, typed),
        "remarkable": [(f"remark:{n}", label(n), typed.get(n, "")) for n in REMARKABLE],
        "remarks_open": any(n in typed for n in REMARKABLE),
        "remark": request.POST.get("remark", ""),
        "error": error,
        "own": request.actor.account is not None
        and version.submitted_by_id == request.actor.account.pk,
    }


def _with_marks(
    items: list[DataItem], difference: Any, typed: dict[str, str]
) -> list[tuple[DataItem, str, str]]:
    """Items with the word for what happened to them and the remark typed so far."""
    added = {i.name for i in difference[0].added} if difference else set()
    changed = {i.name for i in difference[0].changed} if difference else set()
    return [
        (
            item,
            "新增" if item.name in added else "修改" if item.name in changed else "",
            typed.get(f"items.{item.name}", ""),
        )
        for item in items
    ]
