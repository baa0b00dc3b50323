"""The first step of publishing: choose the resource, with the reasons why others do not fit."""

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from django.db.models import Count, QuerySet
from django.urls import reverse

from chengshu.data.catalog.facade import Resource, SharingType, published_queryset
from chengshu.data.sharing.suitability import Verdict, collected_tables, suitable
from chengshu.kernel.access.rules import scope
from chengshu.kernel.ui.components import Column, Crumb, EmptyState, Filter
from chengshu.kernel.ui.tables import TableView


class CandidateList(TableView[Resource]):
    """Published resources in the actor's scope, with a verdict each."""

    title = "选择要共享的数据资源"
    subtitle = "本单位已发布的目录；不适合的写明原因和办法"
    key = "sharing-candidates"
    filters: ClassVar[Sequence[Filter]] = (
        Filter(
            key="sharing",
            title="共享",
            choices=SharingType.choices,
            lookup="published__sharing_type",
        ),
    )
    search_fields = ("title", "code", "provider__short", "published__summary")
    search_hint = "搜资源名称、代码、单位、摘要"
    default_sort = "title"
    empty = EmptyState(
        title="没有可以共享的数据资源",
        icon="api",
        text="先登记数据资源，审核发布并归集数据后再来。",
    )

    @cached_property
    def _collected(self) -> frozenset[str]:
        return collected_tables()

    def _verdict(self, row: Resource) -> Verdict:
        assert row.published is not None
        return suitable(row.published.sharing_type, row.lake_table, self._collected)

    def _shareable(self, row: Resource) -> bool:
        assert row.published is not None
        return row.published.sharing_type != SharingType.NONE

    @property
    def columns(self) -> Sequence[Column]:  # type: ignore[override]
        return (
            Column(
                key="title", title="资源名称", kind="main", sort="title", locked=True,
                url=lambda row: (
                    reverse("sharing:interface-create", args=[row.code])
                    if self._verdict(row).fits else ""
                ),
            ),
            Column(key="provider", title="提供单位", value="provider.short", sort="provider__short"),
            Column(
                key="fits", title="能否共享", kind="status",
                value=lambda row: "active" if self._verdict(row).fits else "inactive",
                label=lambda row: "可以" if self._verdict(row).fits else "暂不能",
            ),
            Column(key="reason", title="原因和办法", value=lambda row: self._verdict(row).reason),
            Column(key="sharing", title="共享类型", value="published.get_sharing_type_display"),
            Column(key="level", title="级别", value="published.level"),
            Column(
                key="proxy", title="数据在部门", value=lambda row: "登记代理接口" if self._shareable(row) else "",
                url=lambda row: (
                    reverse("sharing:source-new", args=[row.code]) if self._shareable(row) else ""
                ),
            ),
            Column(key="interfaces", title="已有接口", kind="number", value="interface_count"),
            Column(key="code", title="资源代码", kind="code", sort="code"),
        )  # fmt: skip

    def get_queryset(self) -> QuerySet[Resource]:
        actor = self.request.actor  # type: ignore[attr-defined]
        found = scope(actor, "sharing.interface.manage", published_queryset())
        return found.annotate(interface_count=Count("share_interfaces"))

    def get_crumbs(self) -> list[Crumb]:
        return [Crumb("共享接口", reverse("sharing:interfaces")), Crumb(self.title)]
