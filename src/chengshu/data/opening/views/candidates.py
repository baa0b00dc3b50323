"""The first step of opening something: choose the resource, with the reasons why others cannot be opened."""

from collections.abc import Sequence
from typing import ClassVar

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from chengshu.data.catalog.facade import Level, OpenType, Resource, published_queryset
from chengshu.data.opening.models import OpenDataset
from chengshu.kernel.access.rules import scope
from chengshu.kernel.ui.components import Column, Crumb, EmptyState, Filter
from chengshu.kernel.ui.tables import TableView


class CandidateList(TableView[Resource]):
    """Published resources that are catalogued as open, or as restricted for those who will ask for approval."""

    title = "选择要开放的数据资源"
    subtitle = (
        "编目为“无条件开放”的可以直接发布；“受限开放”的只能按协议开放，并经审批；开放类型在目录里改"
    )
    open_types: ClassVar[Sequence[str]] = (OpenType.UNCONDITIONAL, OpenType.RESTRICTED)
    key = "opening-candidates"
    permission: ClassVar[str] = "opening.manage"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="title", title="资源名称", kind="main", sort="title", locked=True,
               url=lambda row: reverse("opening:create", args=[row.code])),
        Column(key="provider", title="提供单位", value="provider.short", sort="provider__short"),
        Column(key="level", title="级别", value=lambda row: row.published.level),
        Column(key="open_type", title="开放类型", value="published.get_open_type_display"),
        Column(key="items", title="数据项", kind="number", value=lambda row: row.published.item_count),
        Column(key="open", title="已开放", value=lambda row: "是" if row.opened else "否"),
        Column(key="code", title="资源代码", kind="code", sort="code"),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="level", title="级别", choices=Level.choices, lookup="published__level"),
    )
    search_fields = ("title", "provider__short", "published__summary")
    search_hint = "搜资源名称、单位、摘要"
    default_sort = "title"
    empty = EmptyState(
        title="没有可以开放的数据资源", icon="world-share",
        text="先在目录里确定资源的开放类型并经审核发布；禁止开放的不在此列。",
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[Resource]:
        found = published_queryset().filter(published__open_type__in=self.open_types)
        opened = OpenDataset.objects.filter(resource=OuterRef("pk"))
        actor = self.request.actor  # type: ignore[attr-defined]
        return scope(actor, self.permission, found).annotate(opened=Exists(opened))

    def get_crumbs(self) -> list[Crumb]:
        return [Crumb("数据开放", reverse("opening:datasets")), Crumb(self.title)]


class InterfaceCandidateList(CandidateList):
    """The same for interfaces."""

    title = "选择接口的数据资源"
    subtitle = "只列出编目为“无条件开放”的资源；开放类型在目录里改"
    open_types: ClassVar[Sequence[str]] = (OpenType.UNCONDITIONAL,)
    key = "opening-interface-candidates"
    permission = "opening.publish"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="title", title="资源名称", kind="main", sort="title", locked=True,
            url=lambda row: reverse("opening:interface-create", args=[row.code]),
        ),
        *CandidateList.columns[1:],
    )  # fmt: skip

    def get_crumbs(self) -> list[Crumb]:
        return [Crumb("开放接口", reverse("opening:interfaces")), Crumb(self.title)]
