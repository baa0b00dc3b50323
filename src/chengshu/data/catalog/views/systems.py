"""Information systems: register, read, edit."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.catalog import selectors
from chengshu.data.catalog.forms import SystemForm, place_errors
from chengshu.data.catalog.services import systems as services
from chengshu.data.catalog.systems import SYSTEM_FIELDS, content_of
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, check
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.ui.components import Action, Column, Crumb, Fact, Table
from chengshu.kernel.ui.components.display import EmptyState

_RESOURCE_COLUMNS = (
    Column(
        key="title", title="资源名称", kind="main",
        url=lambda row: reverse("catalog:resource", args=[row.pk]),
    ),
    Column(
        key="source", title="来源库表", kind="code",
        value=lambda row: " · ".join(
            filter(None, (row.shown.source_name, row.shown.source_table))
        ) if row.shown else "",
    ),
    Column(key="table", title="物理表名", kind="code", value="physical_name"),
    Column(
        key="business", title="业务事项",
        value=lambda row: "、".join(item.name for item in row.business_items.all()),
    ),
    Column(key="state", title="状态", kind="status", label="get_state_display"),
    Column(
        key="items", title="数据项", kind="number",
        value=lambda row: row.shown.item_count if row.shown else None,
    ),
)  # fmt: skip


def system(request: ActorRequest, system_id: int) -> HttpResponse:
    """One system with its business items, resources and the real tables they come from."""
    found = selectors.system(actor=request.actor, system_id=system_id)
    resources = (
        selectors.resources(actor=request.actor).filter(system=found).order_by("code")
    ).prefetch_related("business_items")
    actions = []
    if allows(request.actor, "catalog.system.edit", found):
        url = reverse("catalog:system-edit", args=[found.pk])
        actions.append(Action(title="修改登记", url=url, icon="pencil"))
    context = {
        "title": found.name,
        "subtitle": f"{found.owner.name} · 系统代码 {found.code}",
        "crumbs": [Crumb("信息系统", reverse("catalog:systems")), Crumb(found.name)],
        "actions": actions,
        "system": found,
        "facts": [
            Fact("责任单位", found.owner.name),
            Fact("主要用途", found.purpose),
            Fact("状态", found.get_status_display()),
            Fact("上线日期", found.online_since),
            Fact("等保级别", found.get_security_level_display()),
            Fact("等保备案号", found.security_record),
            Fact("所在网络", found.network),
            Fact("云区", found.cloud_zone),
            Fact("部署位置", found.cloud),
            Fact("承建单位", found.builder),
            Fact("运维单位", found.maintainer),
            Fact("联系人", " ".join(filter(None, (found.contact, found.contact_phone)))),
        ],
        "business": list(found.business_items.select_related("department")),
        "resources": Table.plain(
            key="system-resources", columns=_RESOURCE_COLUMNS, rows=list(resources),
            caption="这个系统的数据资源",
            empty=EmptyState(
                title="还没有编目的数据资源", text="登记数据资源时选择这个系统，就会出现在这里。",
                icon="database",
            ),
        ),
    }  # fmt: skip
    return render(request, "catalog/system.html", context)


def system_new(request: ActorRequest) -> HttpResponse:
    """Register a system."""
    form = SystemForm(request.POST or None, actor=request.actor)
    if request.method == "POST" and form.is_valid():
        owner = Organization.objects.get(code=form.cleaned_data["owner"])
        try:
            found = services.register_system(
                actor=request.actor, code=form.cleaned_data["code"], owner=owner,
                content=form.content(),
            )  # fmt: skip
        except InvalidInput as error:
            _place(form, error.fields)
        else:
            messages.success(request, f"已登记“{found.name}”。接着可以登记它的数据资源。")
            return redirect("catalog:system", found.pk)
    context = {
        "title": "登记信息系统",
        "crumbs": [Crumb("信息系统", reverse("catalog:systems")), Crumb("登记")],
        "form": form,
        "submit": "登记系统",
        "cancel_url": reverse("catalog:systems"),
    }
    return render(request, "catalog/system_form.html", context, status=_status(form))


def system_edit(request: ActorRequest, system_id: int) -> HttpResponse:
    """Change a registration; the second of two editors is told."""
    found = selectors.system(actor=request.actor, system_id=system_id)
    check(request.actor, "catalog.system.edit", found)
    content = content_of(found)
    initial = {name: getattr(content, name) for name in SYSTEM_FIELDS}
    form = SystemForm(
        request.POST or None, actor=request.actor, existing=True,
        initial=initial | {"revision": found.revision},
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            services.edit_system(
                actor=request.actor, system=found, revision=form.cleaned_data["revision"],
                content=form.content(),
            )  # fmt: skip
        except InvalidInput as error:
            _place(form, error.fields)
        except Conflict as error:
            form.add_error(None, error.detail)
        else:
            messages.success(request, "修改已保存。")
            return redirect("catalog:system", found.pk)
    context = {
        "title": f"修改“{found.name}”",
        "crumbs": [
            Crumb("信息系统", reverse("catalog:systems")),
            Crumb(found.name, reverse("catalog:system", args=[found.pk])),
            Crumb("修改"),
        ],
        "form": form,
        "submit": "保存修改",
        "cancel_url": reverse("catalog:system", args=[found.pk]),
    }
    return render(request, "catalog/system_form.html", context, status=_status(form))


def _place(form: SystemForm, fields: dict[str, str]) -> None:
    for text in place_errors(form, (), fields):
        form.add_error(None, text)


def _status(form: SystemForm) -> int:
    return 422 if form.errors else 200
