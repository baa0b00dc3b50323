"""Information systems and code tables: register, read, edit."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from chengshu.data.catalog import selectors
from chengshu.data.catalog.forms import SystemForm, place_errors
from chengshu.data.catalog.models import CodeTable
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
    Column(key="code", title="资源代码", kind="code"),
    Column(key="state", title="状态", kind="status", label="get_state_display"),
    Column(
        key="items", title="数据项", kind="number",
        value=lambda row: row.shown.item_count if row.shown else None,
    ),
)  # fmt: skip


def system(request: ActorRequest, system_id: int) -> HttpResponse:
    """One system with its resources."""
    found = selectors.system(actor=request.actor, system_id=system_id)
    resources = selectors.resources(actor=request.actor).filter(system=found).order_by("code")
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
            Fact("所在网络", found.network),
            Fact("部署位置", found.cloud),
        ],
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


def code_table(request: ActorRequest, table_id: int) -> HttpResponse:
    """One code table with its codes."""
    found = get_object_or_404(CodeTable, pk=table_id)
    items = (
        selectors.published_items()
        .filter(code_table=found)
        .select_related("version__resource__provider")
        .order_by("version__title", "order")
    )
    columns = (
        Column(key="code", title="代码", kind="code"),
        Column(key="name", title="含义", kind="main"),
    )
    context = {
        "title": found.name,
        "subtitle": found.standard,
        "crumbs": [Crumb("代码表", reverse("catalog:code-tables")), Crumb(found.name)],
        "table": found,
        "values": Table.plain(
            key="code-values", columns=columns, rows=list(found.values.all()), caption=found.name,
            empty=EmptyState(title="这个代码表还没有代码", icon="list"),
        ),
        "used_by": list(items[:30]),
        "uses": items.count(),
    }  # fmt: skip
    return render(request, "catalog/code_table.html", context)
