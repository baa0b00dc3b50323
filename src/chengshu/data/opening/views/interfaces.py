"""Open interfaces in the console: list, create, take offline, bring back."""

from collections.abc import Sequence
from typing import ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.data.catalog.facade import published
from chengshu.data.opening import selectors
from chengshu.data.opening.choices import InterfaceState
from chengshu.data.opening.forms import InterfaceForm, ReasonForm
from chengshu.data.opening.models import OpenInterface
from chengshu.data.opening.services import interfaces
from chengshu.data.opening.views.verdicts import refused_fields, resource_facts
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, holds
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.views import progress_of
from chengshu.kernel.ui.components import (
    Action,
    Column,
    Crumb,
    EmptyState,
    Fact,
    Filter,
    Table,
)
from chengshu.kernel.ui.tables import TableView

_HOME = "开放接口"


def _url(item: OpenInterface, name: str = "interface") -> str:
    return reverse(f"opening:{name}", args=[item.slug])


class InterfaceList(TableView[OpenInterface]):
    """Interfaces in the actor's scope."""

    title = _HOME
    subtitle = "不用申请、不用密钥就能调用的接口，只含 L1 字段"
    key = "opening-interfaces"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="title", title="名称", kind="main", sort="title", locked=True, url=_url),
        Column(key="provider", title="提供单位", value="resource.provider.short"),
        Column(key="state", title="状态", kind="status", label="get_state_display", sort="state",
               value=lambda row: {"online": "active", "offline": "inactive"}.get(row.state, "running")),
        Column(key="rows", title="记录", kind="number", sort="rows"),
        Column(key="fields", title="字段", kind="number", value=lambda row: len(row.fields)),
        Column(key="dataset", title="对应数据集", value="dataset.title"),
        Column(key="published", title="最近更新", kind="ago", value="published_at", sort="published_at"),
        Column(key="slug", title="网址名", kind="code", sort="slug"),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=InterfaceState.choices),
    )
    search_fields = ("title", "slug", "summary", "resource__provider__short")
    search_hint = "搜名称、网址名、单位"
    default_sort = "title"
    empty = EmptyState(
        title="还没有开放接口", icon="api", text="发布后，任何程序都可以直接查询这些数据。"
    )

    def get_queryset(self) -> QuerySet[OpenInterface]:
        return selectors.interfaces(self.request.actor)  # type: ignore[attr-defined]

    def get_actions(self) -> Sequence[Action]:
        if not holds(self.request.actor, "opening.publish"):  # type: ignore[attr-defined]
            return ()
        url = reverse("opening:interface-new")
        return (Action(title="发布一个接口", url=url, icon="plus", primary=True),)


def create(request: ActorRequest, code: str) -> HttpResponse:
    """Create an interface over one resource."""
    resource = published(code)
    initial = {
        "title": resource.title, "summary": resource.summary,
        "slug": resource.physical_name.replace("_", "-"),
    }  # fmt: skip
    form = InterfaceForm(request.POST or None, resource=resource, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            item = interfaces.create_interface(
                actor=request.actor, resource_code=code, slug=data["slug"], title=data["title"],
                summary=data["summary"], fields=data["fields"], row_filter=form.row_filter(),
            )  # fmt: skip
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已开始发布，数据复制到开放域后接口就能调用。")
            return redirect(_url(item))
    context = {
        "title": "发布一个接口", "form": form, "submit": "发布接口",
        "cancel_url": reverse("opening:interfaces"),
        "subtitle": f"{resource.provider_name} · {resource.title}",
        "crumbs": [Crumb(_HOME, reverse("opening:interfaces")), Crumb("发布一个接口")],
        "facts": resource_facts(resource), "refused": refused_fields(resource),
    }  # fmt: skip
    return render(request, "opening/form.html", context)


def detail(request: ActorRequest, slug: str) -> HttpResponse:
    """One interface: state, fields, how to call it."""
    item = selectors.interface(request.actor, slug)
    job = Job.objects.filter(id=item.job_id).first() if item.job_id else None
    actions = []
    if item.served:
        url = f"/open/interfaces/#{item.slug}"
        actions.append(Action(title="在门户查看", url=url, icon="external-link"))
    if allows(request.actor, "opening.publish", item):
        if item.state == InterfaceState.OFFLINE:
            actions.append(
                Action(
                    title="重新上线",
                    url=_url(item, "interface-online"),
                    icon="player-play",
                    method="post",
                    primary=True,
                )
            )
        else:
            actions.append(Action(title="下线", url=_url(item, "interface-offline"), icon="player-stop",
                                  danger=True))  # fmt: skip
    columns = (
        Column(key="name", title="字段名", kind="code"),
        Column(key="title", title="中文名称", kind="main"),
        Column(key="type", title="类型"),
        Column(key="definition", title="说明"),
    )
    context = {
        "title": item.title, "interface": item, "actions": actions, "subtitle": item.summary,
        "crumbs": [Crumb(_HOME, reverse("opening:interfaces")), Crumb(item.title)],
        "job": job, "progress": progress_of(job) if job and not job.finished else None,
        "address": request.build_absolute_uri(f"/open/api/v1/interfaces/{item.slug}/records?limit=5"),
        "columns": Table.plain(key="columns", columns=columns, rows=item.columns, caption="字段"),
        "facts": [
            Fact("数据资源", item.resource.title, reverse("catalog:resource", args=[item.resource_id])),
            Fact("网址名", item.slug, mono=True), Fact("记录", f"{item.rows:,} 条"),
            Fact("最近更新", item.published_at), Fact("下线原因", item.state_reason),
        ],
    }  # fmt: skip
    return render(request, "opening/interface.html", context)


def offline(request: ActorRequest, slug: str) -> HttpResponse:
    """Take an interface offline."""
    item = selectors.interface(request.actor, slug)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        interfaces.set_online(
            actor=request.actor, interface=item, online=False, reason=form.cleaned_data["reason"]
        )
        messages.success(request, "已下线，调用立即停止。")
        return redirect(_url(item))
    context = {
        "title": f"下线：{item.title}", "form": form, "submit": "下线", "cancel_url": _url(item),
        "subtitle": "下线后调用者会收到“已下线”和您写的原因。",
        "crumbs": [Crumb(_HOME, reverse("opening:interfaces")), Crumb(item.title, _url(item)), Crumb("下线")],
    }  # fmt: skip
    return render(request, "opening/reason.html", context)


@require_POST
def online(request: ActorRequest, slug: str) -> HttpResponse:
    """Bring an interface back with fresh data."""
    item = selectors.interface(request.actor, slug)
    interfaces.set_online(actor=request.actor, interface=item, online=True, reason="")
    messages.success(request, "已开始更新数据，完成后接口恢复。")
    return redirect(_url(item))
