"""Changes at the sources: the list, one change with its decision, and the tab of an entry."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.catalog.facade import Resource, resource_page
from chengshu.data.discovery import selectors
from chengshu.data.discovery.choices import FindingKind, FindingState
from chengshu.data.discovery.facade import check_source
from chengshu.data.discovery.forms import ReasonForm
from chengshu.data.discovery.models import DriftFinding
from chengshu.data.discovery.services import drift as services
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, check
from chengshu.kernel.errors import ChengshuError, Conflict, InvalidInput
from chengshu.kernel.ui.components import Column, Crumb, EmptyState, Fact, Filter, Table
from chengshu.kernel.ui.tables import TableView

HOME = "来源变动"


def url_of(row: DriftFinding) -> str:
    """Where a finding is decided."""
    return reverse("discovery:finding", args=[row.pk])


COLUMNS = (
    Column(key="resource", title="数据资源", kind="main", value="resource.title", url=url_of, locked=True),
    Column(key="kind", title="类型", value="get_kind_display"),
    Column(key="summary", title="变动"),
    Column(key="breaking", title="影响归集", value=lambda r: "是" if r.breaking else "否"),
    Column(key="state", title="状态", kind="status", label="get_state_display"),
    Column(key="provider", title="提供单位", value="resource.provider.short"),
    Column(key="found_at", title="发现时间", kind="ago", sort="found_at"),
)  # fmt: skip


class FindingList(TableView[DriftFinding]):
    """What changed at the sources."""

    request: ActorRequest
    title = HOME
    subtitle = "每小时比对来源表的结构，每批数据比对前几批；有变动就在这里提出，不会悄悄出错"
    key = "discovery-drift"
    columns = COLUMNS
    filters = (
        Filter(key="state", title="状态", choices=FindingState.choices),
        Filter(key="kind", title="类型", choices=FindingKind.choices),
    )
    search_fields = ("resource__title", "summary", "resource__provider__short")
    search_hint = "搜索资源、变动、单位"
    default_sort = "-found_at"
    empty = EmptyState(
        title="来源没有变动", text="从数据库生成的目录会自动绑定来源表，之后每小时比对一次。",
        icon="git-compare",
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[DriftFinding]:
        return selectors.findings(self.request.actor)


def finding(request: ActorRequest, pk: int) -> HttpResponse:
    """One change: what differs, what it means, and the two ways to go on."""
    return _page(request, selectors.finding(request.actor, pk), ReasonForm())


def _page(
    request: ActorRequest,
    item: DriftFinding,
    form: ReasonForm,
    refusal: ChengshuError | None = None,
) -> HttpResponse:
    bound = selectors.binding(item.resource_id)
    context: dict[str, Any] = {
        "title": f"“{item.resource.title}”的来源有变动",
        "subtitle": item.resource.provider.name,
        "crumbs": [Crumb(HOME, reverse("discovery:drift")), Crumb(item.resource.title)],
        "item": item, "form": form, "refusal": refusal, "binding": bound,
        "structural": item.kind == FindingKind.STRUCTURE,
        "open": item.state == FindingState.OPEN,
        "may_decide": allows(request.actor, services.DECIDE, item),
        "changes": item.changes,
        "facts": [
            Fact("资源", item.resource.title), Fact("类型", item.get_kind_display()),
            Fact("来源表", bound.object_name if bound else "—", mono=True),
            Fact("数据源", bound.data_source.name if bound else "—"),
            Fact("发现时间", item.found_at), Fact("处理人", item.decided_by or "—"),
            Fact("处理说明", item.reason or "—"),
        ],
    }  # fmt: skip
    return render(request, "discovery/finding.html", context, status=422 if refusal else 200)


def apply(request: ActorRequest, pk: int) -> HttpResponse:
    """Make a draft version of the entry that follows the source."""
    item = selectors.finding(request.actor, pk)
    try:
        number = services.apply(actor=request.actor, finding=item)
    except (Conflict, InvalidInput) as error:
        return _page(request, item, ReasonForm(), error)
    messages.success(request, f"已生成变更草稿 v{number}，请核对后提交审核。")
    return redirect("catalog:edit", item.resource_id)


def ignore(request: ActorRequest, pk: int) -> HttpResponse:
    """Leave the catalogue as it is."""
    item = selectors.finding(request.actor, pk)
    form = ReasonForm(request.POST)
    form.is_valid()
    try:
        services.ignore(
            actor=request.actor, finding=item, reason=form.cleaned_data.get("reason", "")
        )
    except (Conflict, InvalidInput) as error:
        for key, text in error.fields.items():
            form.add_error(key, text)
        return _page(request, item, form, error)
    messages.success(request, "已忽略，同样的变动不再提醒。")
    return redirect("discovery:drift")


def resource_drift(request: ActorRequest, resource_id: int) -> HttpResponse:
    """The tab of an entry."""
    context = resource_page(actor=request.actor, resource_id=resource_id, active="drift")
    entry: Resource = context["resource"]
    bound = selectors.binding(entry.pk)
    context |= {
        "binding": bound,
        "may_check": bound is not None and allows(request.actor, services.DECIDE, entry),
        "findings": Table.plain(
            key="resource-drift", columns=COLUMNS[1:5] + COLUMNS[6:], caption="来源变动",
            rows=list(selectors.findings(request.actor).filter(resource=entry)[:50]),
            empty=EmptyState(title="没有发现变动", icon="git-compare"),
        ),
    }  # fmt: skip
    return render(request, "discovery/resource_drift.html", context)


def check_now(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Compare the entry's source at once."""
    context = resource_page(actor=request.actor, resource_id=resource_id, active="drift")
    check(request.actor, services.DECIDE, context["resource"])
    found = check_source(resource_id)
    bound = selectors.binding(resource_id)
    if found is not None:
        return redirect("discovery:finding", found.pk)
    if bound is not None and bound.message:
        messages.error(request, bound.message)
    else:
        messages.success(request, "来源和目录一致。")
    return redirect("discovery:resource-drift", resource_id)
