"""Categories, warehouses, thematic libraries and business items: read and maintained."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from chengshu.data.catalog import selectors, standards
from chengshu.data.catalog.choices import BusinessKind, BusinessStatus, ResourceState
from chengshu.data.catalog.models import BusinessItem, Category, ThematicLibrary, Warehouse
from chengshu.data.catalog.models.standards import LEAF_LEVEL
from chengshu.data.catalog.services import registers as services
from chengshu.data.catalog.standard_forms import (
    BusinessForm,
    CategoryForm,
    LibraryForm,
    WarehouseForm,
)
from chengshu.data.catalog.views.form_pages import form_page, posted
from chengshu.data.catalog.views.lists import LibraryList, WarehouseList
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, check, holds
from chengshu.kernel.errors import NotFound
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.ui.components import Action, Column, Crumb, Fact, Filter, Table
from chengshu.kernel.ui.components.display import EmptyState
from chengshu.kernel.ui.tables import TableView

_SHAPES = ("1 位数字，如 3", "2 位数字，如 01", "3 位数字，如 002", "1–10 位字母或数字，如 01")


def categories(request: ActorRequest) -> HttpResponse:
    """The whole tree with the number of entries under every node."""
    rows = Category.objects.annotate(
        entries=Count("resources", filter=~Q(resources__state=ResourceState.DRAFT))
    ).order_by("code")
    nodes: dict[int | None, dict[str, Any]] = {None: {"children": [], "total": 0}}
    for row in rows:
        nodes[row.pk] = {"category": row, "children": [], "total": row.entries}
    for row in reversed(rows):
        nodes[row.parent_id]["children"].insert(0, nodes[row.pk])
        nodes[row.parent_id]["total"] += nodes[row.pk]["total"]
    may_edit = holds(request.actor, services.STANDARD)
    new = reverse("catalog:category-new")
    context = {
        "title": "资源分类",
        "subtitle": "类 / 项 / 目 / 细目（政务信息资源目录编制指南）；资源代码由它生成",
        "crumbs": [Crumb("数据资源", reverse("catalog:resources")), Crumb("资源分类")],
        "actions": [Action(title="新建类", url=new, icon="plus", primary=True)] if may_edit else [],
        "tree": nodes[None]["children"],
        "may_edit": may_edit,
        "leaf": LEAF_LEVEL,
    }
    return render(request, "catalog/categories.html", context)


def category_new(request: ActorRequest) -> HttpResponse:
    """Add a node, below ``?parent=``."""
    wanted = request.GET.get("parent", "")
    parent = get_object_or_404(Category, pk=int(wanted)) if wanted.isdecimal() else None
    level = parent.level if parent else 0
    if level >= LEAF_LEVEL:
        raise NotFound("细目下面不能再分。")
    word = services.LEVELS[level]
    form = CategoryForm(posted(request), hint=_SHAPES[level])
    target = reverse("catalog:categories")

    def save() -> tuple[str, str]:
        data = form.cleaned_data
        made = services.add_category(
            actor=request.actor, parent=parent, part=data["part"], name=data["name"]
        )
        return target, f"已新建{word}“{made.name}”（{made.code}）。"

    title = f"在“{parent.name}”下新建{word}" if parent else f"新建{word}"
    return form_page(
        request, form, save, title=title, cancel_url=target,
        crumbs=[Crumb("资源分类", target), Crumb("新建")],
    )  # fmt: skip


def category_edit(request: ActorRequest, category_id: int) -> HttpResponse:
    """Rename a node or take it out of use."""
    found = get_object_or_404(Category, pk=category_id)
    initial = {"name": found.name, "active": found.active}
    form = CategoryForm(posted(request), existing=True, initial=initial)
    target = reverse("catalog:categories")

    def save() -> tuple[str, str]:
        data = form.cleaned_data
        services.edit_category(
            actor=request.actor, category=found, name=data["name"], active=data["active"]
        )
        return target, "修改已保存。"

    return form_page(
        request, form, save, title=f"修改“{found.name}”（{found.code}）", cancel_url=target,
        crumbs=[Crumb("资源分类", target), Crumb("修改")],
    )  # fmt: skip


def category_remove(request: ActorRequest, category_id: int) -> HttpResponse:
    """Delete a node nothing was filed under."""
    found = get_object_or_404(Category, pk=category_id)
    services.remove_category(actor=request.actor, category=found)
    messages.success(request, f"已删除“{found.name}”。")
    return redirect("catalog:categories")


def _new_action(request: Any, name: str, title: str) -> Sequence[Action]:
    if not holds(request.actor, services.STANDARD):
        return ()
    return (Action(title=title, url=reverse(f"catalog:{name}"), icon="plus", primary=True),)


def _edit_column(name: str) -> Column:
    return Column(
        key="edit", title="维护", value=lambda _row: "修改",
        url=lambda row: reverse(f"catalog:{name}", args=[row.pk]),
    )  # fmt: skip


_MANAGED = (
    Column(key="owner", title="管理单位", value="owner.short"),
    Column(key="active", title="状态", value=lambda row: "启用" if row.active else "停用"),
)


class Warehouses(WarehouseList):
    """The warehouses, with what may be done."""

    columns = (*WarehouseList.columns, *_MANAGED, _edit_column("warehouse-edit"))

    def get_queryset(self) -> QuerySet[Warehouse]:
        return super().get_queryset().select_related("owner")

    def get_actions(self) -> Sequence[Action]:
        return _new_action(self.request, "warehouse-new", "新建数据仓")


class Libraries(LibraryList):
    """The thematic libraries, with what may be done."""

    columns = (*LibraryList.columns, *_MANAGED, _edit_column("library-edit"))

    def get_queryset(self) -> QuerySet[ThematicLibrary]:
        return super().get_queryset().select_related("owner")

    def get_actions(self) -> Sequence[Action]:
        return _new_action(self.request, "library-new", "新建专题库")


def warehouse(request: ActorRequest, warehouse_id: int | None = None) -> HttpResponse:
    """Register or change a 数据仓."""
    found = get_object_or_404(Warehouse, pk=warehouse_id) if warehouse_id else None
    form = WarehouseForm(posted(request), existing=bool(found), initial=_initial(found))
    target = reverse("catalog:warehouses")

    def save() -> tuple[str, str]:
        saved = services.save_warehouse(
            actor=request.actor, existing=found, owner=form.unit(), **_given(form)
        )
        return reverse("catalog:warehouse", args=[saved.pk]), f"已保存“{saved.name}”。"

    if found:
        target = reverse("catalog:warehouse", args=[found.pk])
    return form_page(
        request, form, save, title=f"修改“{found.name}”" if found else "新建数据仓",
        crumbs=[
            Crumb("数据仓", reverse("catalog:warehouses")), Crumb("修改" if found else "新建")
        ],
        cancel_url=target,
    )  # fmt: skip


def library(request: ActorRequest, library_id: int | None = None) -> HttpResponse:
    """Register or change a 专题库 with its entries."""
    found = get_object_or_404(ThematicLibrary, pk=library_id) if library_id else None
    initial = _initial(found)
    if found is not None:
        codes = found.resources.order_by("code").values_list("code", flat=True)
        initial["resource_codes"] = "\n".join(codes)
    form = LibraryForm(posted(request), existing=bool(found), initial=initial)
    target = reverse("catalog:libraries")

    def save() -> tuple[str, str]:
        saved = services.save_library(
            actor=request.actor, existing=found, owner=form.unit(), **_given(form),
            resource_codes=form.cleaned_data["resource_codes"],
        )  # fmt: skip
        return target, f"已保存“{saved.name}”，含 {saved.resources.count()} 个数据资源。"

    return form_page(
        request, form, save, title=f"修改“{found.name}”" if found else "新建专题库",
        crumbs=[Crumb("专题库", target), Crumb("修改" if found else "新建")], cancel_url=target,
    )  # fmt: skip


def _initial(found: Warehouse | ThematicLibrary | None) -> dict[str, Any]:
    if found is None:
        return {}
    values = {name: getattr(found, name) for name in ("name", "description", "active")}
    return {**values, "owner": found.owner.code if found.owner else ""}


def _given(form: WarehouseForm) -> dict[str, Any]:
    data = form.cleaned_data
    values = {name: data[name] for name in ("name", "description", "active")}
    return {"code": data.get("code", ""), **values}


class BusinessList(TableView[BusinessItem]):
    """Business items of all departments."""

    title = "业务事项"
    subtitle = "各单位办理的事项：由哪些系统支撑，产生哪些数据"
    key = "catalog-business"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="name", title="事项名称", kind="main", sort="name", locked=True,
            url=lambda row: reverse("catalog:business-item", args=[row.pk]),
        ),
        Column(key="code", title="事项编码", kind="code", sort="code"),
        Column(key="department", title="实施单位", value="department.short",
               sort="department__short"),
        Column(key="kind", title="类型", value="get_kind_display", sort="kind"),
        Column(key="systems", title="支撑系统", kind="number", value="system_count",
               sort="system_count"),
        Column(key="entries", title="数据资源", kind="number", value="entry_count",
               sort="entry_count"),
        Column(key="status", title="状态", value="get_status_display", sort="status"),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(
            key="department", title="单位", lookup="department__code",
            choices=lambda: list(
                Organization.objects.filter(business_items__isnull=False).distinct()
                .order_by("code").values_list("code", "short")
            ),
        ),
        Filter(key="kind", title="类型", choices=BusinessKind.choices),
        Filter(key="status", title="状态", choices=BusinessStatus.choices),
    )  # fmt: skip
    search_fields = ("name", "code", "basis")
    search_hint = "搜事项名称、编码、依据"
    default_sort = "code"
    empty = EmptyState(
        title="还没有登记业务事项",
        text="登记事项后，系统和数据资源就能说明自己服务于哪些业务。",
        icon="clipboard-list",
    )

    def get_queryset(self) -> QuerySet[BusinessItem]:
        return standards.business_items(actor=self.request.actor)  # type: ignore[attr-defined]

    def get_actions(self) -> Sequence[Action]:
        if not holds(self.request.actor, services.BUSINESS):  # type: ignore[attr-defined]
            return ()
        url = reverse("catalog:business-new")
        return (Action(title="登记事项", url=url, icon="plus", primary=True),)


_ENTRY_COLUMNS = (
    Column(
        key="title", title="数据资源", kind="main",
        url=lambda row: reverse("catalog:resource", args=[row.pk]),
    ),
    Column(key="provider", title="提供单位", value="provider.short"),
    Column(key="system", title="所属系统", value="system.name"),
    Column(key="table", title="物理表名", kind="code", value="physical_name"),
    Column(key="state", title="状态", kind="status", label="get_state_display"),
)  # fmt: skip


def business_item(request: ActorRequest, item_id: int) -> HttpResponse:
    """One business item: its systems and the data it produces."""
    found = standards.business_item(actor=request.actor, item_id=item_id)
    entries = selectors.resources(actor=request.actor).filter(business_items=found)
    actions = []
    if allows(request.actor, services.BUSINESS, found):
        url = reverse("catalog:business-edit", args=[found.pk])
        actions.append(Action(title="修改登记", url=url, icon="pencil"))
    context = {
        "title": found.name,
        "subtitle": f"{found.department.name} · 事项编码 {found.code}",
        "crumbs": [Crumb("业务事项", reverse("catalog:business")), Crumb(found.name)],
        "actions": actions,
        "item": found,
        "systems": list(found.systems.select_related("owner")),
        "facts": [
            Fact("实施单位", found.department.name),
            Fact("事项类型", found.get_kind_display()),
            Fact("状态", found.get_status_display()),
            Fact("设定依据", found.basis),
            Fact("说明", found.description),
        ],
        "entries": Table.plain(
            key="business-entries", columns=_ENTRY_COLUMNS, rows=list(entries.order_by("code")),
            caption="这个事项产生的数据资源",
            empty=EmptyState(
                title="还没有对应的数据资源", text="登记数据资源时选择这个事项，就会出现在这里。",
                icon="database",
            ),
        ),
    }  # fmt: skip
    return render(request, "catalog/business_item.html", context)


def business_new(request: ActorRequest) -> HttpResponse:
    """Register a business item."""
    form = BusinessForm(posted(request), actor=request.actor)

    def save() -> tuple[str, str]:
        made = services.register_business_item(
            actor=request.actor, code=form.cleaned_data["code"],
            department=Organization.objects.get(code=form.cleaned_data["department"]),
            content=form.content(),
        )  # fmt: skip
        return reverse("catalog:business-item", args=[made.pk]), f"已登记“{made.name}”。"

    return form_page(
        request, form, save, title="登记业务事项", submit="登记事项",
        crumbs=[Crumb("业务事项", reverse("catalog:business")), Crumb("登记")],
        cancel_url=reverse("catalog:business"),
    )  # fmt: skip


def business_edit(request: ActorRequest, item_id: int) -> HttpResponse:
    """Change a business item."""
    found = standards.business_item(actor=request.actor, item_id=item_id)
    check(request.actor, services.BUSINESS, found)
    content = services.business_content(found)
    initial = {name: getattr(content, name) for name in services.BUSINESS_FIELDS}
    form = BusinessForm(
        posted(request), actor=request.actor, existing=True,
        initial=initial | {"revision": found.revision},
    )  # fmt: skip
    target = reverse("catalog:business-item", args=[found.pk])

    def save() -> tuple[str, str]:
        services.edit_business_item(
            actor=request.actor, item=found, revision=form.cleaned_data["revision"] or 0,
            content=form.content(),
        )  # fmt: skip
        return target, "修改已保存。"

    return form_page(
        request, form, save, title=f"修改“{found.name}”", cancel_url=target,
        crumbs=[
            Crumb("业务事项", reverse("catalog:business")), Crumb(found.name, target), Crumb("修改"),
        ],
    )  # fmt: skip
