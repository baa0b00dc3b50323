"""Read an entry: data items, basics, versions and differences, interfaces and opening."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from chengshu.data.catalog import selectors, standards
from chengshu.data.catalog.choices import ResourceState
from chengshu.data.catalog.content import display
from chengshu.data.catalog.diff import VersionDiff
from chengshu.data.catalog.kinds import kind_of
from chengshu.data.catalog.models import Category, Resource, ResourceVersion
from chengshu.data.catalog.views.pages import resource_page, version_actions
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import Change, Crumb, DiffTable, Fact


def resource(request: ActorRequest, resource_id: int) -> HttpResponse:
    """The data items."""
    context = resource_page(actor=request.actor, resource_id=resource_id, active="items")
    version: ResourceVersion | None = context["version"]
    items = standards.with_departures(selectors.items_of(version)) if version else []
    departing = sum(bool(item.departures) for item in items)  # type: ignore[attr-defined]
    bound = sum(item.element_id is not None for item in items)
    context |= {"items": items, "departing": departing, "bound": bound}
    return render(request, "catalog/resource/items.html", context)


def basics(request: ActorRequest, resource_id: int) -> HttpResponse:
    """The metadata."""
    context = resource_page(actor=request.actor, resource_id=resource_id, active="basics")
    entry: Resource = context["resource"]
    groups = basic_facts(request.actor, entry, entry.shown) if entry.shown else []
    return render(request, "catalog/resource/basics.html", {**context, "groups": groups})


def versions(request: ActorRequest, resource_id: int) -> HttpResponse:
    """All versions, with what each changed."""
    context = resource_page(actor=request.actor, resource_id=resource_id, active="versions")
    found = list(selectors.versions(actor=request.actor, entry=context["resource"]))
    return render(request, "catalog/resource/versions.html", {**context, "versions": found})


def usage(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Sharing and opening; other packages add their panels."""
    context = resource_page(actor=request.actor, resource_id=resource_id, active="usage")
    entry: Resource = context["resource"]
    facts = usage_facts(entry.shown) if entry.shown else []
    context |= {"facts": facts, "in_service": entry.state == ResourceState.PUBLISHED}
    return render(request, "catalog/resource/usage.html", context)


def version(request: ActorRequest, resource_id: int, number: int) -> HttpResponse:
    """One version as it stands, compared with the one before it."""
    found = selectors.version(actor=request.actor, resource_id=resource_id, number=number)
    entry = found.resource
    before = selectors.previous_of(found)
    context = {
        "title": f"{found.title} v{found.number}",
        "subtitle": f"{entry.provider.name} · 资源代码 {entry.code}",
        "crumbs": [
            Crumb("数据资源", reverse("catalog:resources")),
            Crumb(entry.title, reverse("catalog:resource", args=[entry.pk])),
            Crumb(f"v{found.number}"),
        ],
        "actions": version_actions(request.actor, entry, found),
        "resource": entry,
        "version": found,
        "before": before,
        "difference": difference_tables(before, found),
        "items": standards.with_departures(selectors.items_of(found)),
        "groups": basic_facts(request.actor, entry, found),
    }
    return render(request, "catalog/resource/version.html", context)


def diff(request: ActorRequest, resource_id: int) -> HttpResponse:
    """The difference of any two versions: ``?from=1&to=2``."""
    numbers = [request.GET.get(key, "") for key in ("from", "to")]
    if not all(n.isascii() and n.isdigit() for n in numbers):
        raise InvalidInput("请选择要比较的两个版本。")
    old, new = (
        selectors.version(actor=request.actor, resource_id=resource_id, number=int(n))
        for n in numbers
    )
    entry = new.resource
    context = {
        "title": f"{entry.title}：v{old.number} 与 v{new.number} 的差异",
        "crumbs": [
            Crumb("数据资源", reverse("catalog:resources")),
            Crumb(entry.title, reverse("catalog:resource", args=[entry.pk])),
            Crumb("版本与差异", reverse("catalog:resource-versions", args=[entry.pk])),
            Crumb("差异"),
        ],
        "resource": entry,
        "old": old,
        "new": new,
        "versions": list(selectors.versions(actor=request.actor, entry=entry)),
        "difference": difference_tables(old, new),
    }
    return render(request, "catalog/resource/diff.html", context)


def difference_tables(
    old: ResourceVersion | None, new: ResourceVersion
) -> tuple[VersionDiff, DiffTable, list[tuple[str, DiffTable]]] | None:
    """A difference ready to draw: itself, the table of metadata, and one table per changed item."""
    if old is None:
        return None
    found = selectors.difference(old, new)
    titles = {"old_title": f"v{old.number}", "new_title": f"v{new.number}"}
    fields = DiffTable(changes=[Change(c.title, c.old, c.new) for c in found.fields], **titles)
    items = [
        (
            f"{item.title}（{item.name}）",
            DiffTable(changes=[Change(c.title, c.old, c.new) for c in item.changes], **titles),
        )
        for item in found.changed
    ]
    return found, fields, items


def usage_facts(shown: ResourceVersion) -> list[Fact]:
    """Sharing and opening attributes."""
    return [
        Fact("共享类型", shown.get_sharing_type_display()),
        Fact("共享条件", shown.sharing_condition),
        Fact("共享属性依据", shown.sharing_basis),
        Fact("共享方式", shown.get_sharing_method_display()),
        Fact("开放类型", shown.get_open_type_display()),
        Fact("开放条件", shown.open_condition),
        Fact("开放属性依据", shown.open_basis),
    ]


def basic_facts(
    actor: Actor, entry: Resource, shown: ResourceVersion
) -> list[tuple[str, list[Fact]]]:
    """The metadata of a version in groups."""
    category: Category | None = entry.category
    parts = []
    while category is not None:
        parts.append(category.name)
        category = category.parent
    system = ""
    if shown.system is not None and allows(actor, "catalog.system.view", shown.system):
        system = reverse("catalog:system", args=[shown.system.pk])
    return [
        (
            "是什么数据",
            [
                Fact("资源名称", shown.title),
                Fact("摘要", shown.summary),
                Fact("资源分类", " / ".join(reversed(parts))),
                Fact("资源类型", shown.get_kind_display()),
                Fact("数据格式", display("formats", shown.formats)),
                Fact("关键字", display("keywords", shown.keywords)),
                Fact("领域主题", shown.get_theme_display()),
                Fact("更新周期", shown.get_update_cycle_display()),
                Fact("发布时间", shown.published_at),
            ],
        ),
        (
            "归谁、放在哪里",
            [
                Fact("提供单位", f"{entry.provider.name}（{entry.provider.code}）"),
                Fact("所属系统", shown.system.name if shown.system else "", system),
                Fact("数据仓", shown.warehouse.name if shown.warehouse else ""),
                Fact("数源单位", "本单位是这类数据的数源单位" if shown.is_lead else "否"),
                Fact("业务事项", "、".join(b.name for b in entry.business_items.all())),
                Fact("来源库表", " · ".join(filter(None, (shown.source_name, shown.source_table)))),
                *(
                    Fact(spec.title, getattr(shown, name), mono=True)
                    for name, spec in kind_of(shown.kind).fields.items()
                ),
                Fact("物理表名", entry.physical_name, mono=True),
                Fact("湖表", entry.lake_table, mono=True),
            ],
        ),
        (
            "覆盖范围与关联",
            [
                Fact("空间范围", shown.spatial),
                Fact("时间范围", _period(shown)),
                Fact("关联资源", display("related", shown.related)),
            ],
        ),
        ("更新", due_facts(entry, shown)),
        ("共享与开放", usage_facts(shown)),
        (
            "安全分级",
            [
                Fact("安全级别", shown.get_level_display()),
                Fact("从严定级", shown.get_level_floor_display() or "按数据项自动定级"),
                Fact("国家分级", shown.get_national_class_display()),
                Fact("定级依据", shown.level_basis),
            ],
        ),
    ]


def _period(shown: ResourceVersion) -> str:
    if not (shown.temporal_start or shown.temporal_end):
        return ""
    return f"{shown.temporal_start or '最早'} 至 {shown.temporal_end or '今'}"


def due_facts(entry: Resource, shown: ResourceVersion) -> list[Fact]:
    """Update cycle, last data, and when the next is due."""
    late = standards.lateness(entry)
    return [
        Fact("更新周期", shown.get_update_cycle_display()),
        Fact("最近更新", entry.fresh_at or "还没有归集过数据"),
        Fact("应更新时限", late.words),
    ]
