"""Entries whose data should have come by now."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from chengshu.data.catalog import standards
from chengshu.data.catalog.choices import UpdateCycle
from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.views.lists import providers
from chengshu.kernel.access.rules import holds
from chengshu.kernel.audit.services import record
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import last_day
from chengshu.kernel.ui.components import Action, Column, Crumb, Filter
from chengshu.kernel.ui.components.display import EmptyState
from chengshu.kernel.ui.tables import TableView
from chengshu.kernel.unit_of_work import unit_of_work


class OverdueList(TableView[Resource]):
    """Overdue entries, the latest first; days late are working days."""

    title = "更新逾期"
    subtitle = "按目录登记的更新周期，已过时限还没有新数据的资源；逾期天数按工作日计"
    key = "catalog-overdue"
    template_name = "catalog/overdue.html"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="title", title="资源名称", kind="main", sort="title", locked=True,
            url=lambda row: reverse("catalog:resource", args=[row.pk]),
        ),
        Column(key="provider", title="提供单位", value="provider.short", sort="provider__short"),
        Column(key="cycle", title="更新周期", value="published.get_update_cycle_display"),
        Column(key="fresh", title="最近更新", kind="ago", value="fresh_at", sort="fresh_at"),
        Column(
            key="due", title="应更新时限", kind="date", sort="due_at",
            value=lambda row: last_day(row.due_at),
        ),
        Column(key="system", title="所属系统", value="system.name", hidden=True),
        Column(key="code", title="资源代码", kind="code", sort="code", hidden=True),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="provider", title="单位", choices=providers, lookup="provider__code"),
        Filter(
            key="cycle", title="更新周期", choices=UpdateCycle.choices,
            lookup="published__update_cycle",
        ),
        Filter(
            key="never", title="归集情况", choices=[("1", "从未归集"), ("0", "归集过")],
            apply=lambda queryset, value: queryset.filter(fresh_at__isnull=value == "1"),
        ),
    )  # fmt: skip
    search_fields = ("title", "code", "provider__short")
    search_hint = "搜资源、代码、单位"
    default_sort = "due"
    export_name = "更新逾期清单"
    empty = EmptyState(title="没有逾期的资源", text="所有资源都在更新周期内。", icon="circle-check")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """As every list; the days late of all rows are counted with one calendar."""
        calendar = stored_table()
        late = Column(
            key="late", title="逾期工作日", kind="number",
            value=lambda row: standards.lateness(row, calendar).days,
        )  # fmt: skip
        self.columns = (*type(self).columns[:5], late, *type(self).columns[5:])  # type: ignore[misc]
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Resource]:
        return standards.overdue(actor=self.request.actor)  # type: ignore[attr-defined]

    def before_export(self, *, file_format: str, rows: int) -> str:
        """An export of the list is on record."""
        with unit_of_work():
            record(
                actor=self.request.actor,  # type: ignore[attr-defined]
                action="catalog.list_exported", object_type="catalog.resource",
                object_name=self.title, after={"rows": rows, "format": file_format},
            )  # fmt: skip
        return ""

    def get_crumbs(self) -> Sequence[Crumb]:
        return (Crumb("数据资源", reverse("catalog:resources")), Crumb("更新逾期"))

    def get_actions(self) -> Sequence[Action]:
        if not holds(self.request.actor, "catalog.cycle.manage"):  # type: ignore[attr-defined]
            return ()
        return (Action(title="更新时限", url=reverse("catalog:cycles"), icon="calendar-time"),)

    def get_context(self) -> dict[str, Any]:
        late = standards.overdue(actor=self.request.actor)  # type: ignore[attr-defined]
        units = late.values("provider__code", "provider__short").annotate(count=Count("pk"))
        return {"units": list(units.order_by("-count", "provider__code"))}
