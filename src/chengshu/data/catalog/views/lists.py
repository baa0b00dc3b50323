"""The lists of the catalogue."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from chengshu.data.catalog import marks, selectors
from chengshu.data.catalog.choices import (
    Level,
    OpenType,
    ProtectionLevel,
    ResourceKind,
    ResourceState,
    SharingType,
    SystemStatus,
    VersionState,
)
from chengshu.data.catalog.facets import FACETS, Facet
from chengshu.data.catalog.freshness import Freshness, freshness_case, freshness_of
from chengshu.data.catalog.models import (
    Category,
    CodeTable,
    DataItem,
    InformationSystem,
    Resource,
    ResourceVersion,
    ThematicLibrary,
    Warehouse,
)
from chengshu.kernel.access.rules import holds
from chengshu.kernel.audit.services import record
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.search.facets import tally
from chengshu.kernel.ui.components import Action, Column, Crumb, Filter
from chengshu.kernel.ui.components.display import EmptyState
from chengshu.kernel.ui.tables import TableView
from chengshu.kernel.unit_of_work import unit_of_work


def _shown(field: str) -> Any:
    """Reads a field of the version people see."""
    return lambda row: getattr(row.shown, field) if row.shown else None


def _word(field: str, ending: str = "") -> Any:
    """The word of a choice; without ``ending``, which the column's title says already."""

    def read(row: Resource) -> str | None:
        if row.shown is None:
            return None
        return str(getattr(row.shown, f"get_{field}_display")()).removesuffix(ending)

    return read


def _state(row: Resource) -> str:
    return row.working.state if row.state == ResourceState.DRAFT and row.working else row.state


def _state_word(row: Resource) -> str:
    if row.state == ResourceState.DRAFT and row.working:
        return row.working.get_state_display()
    if row.working is not None:
        return f"{row.get_state_display()}，变更{row.working.get_state_display()}"
    return row.get_state_display()


def providers() -> list[tuple[str, str]]:
    """Departments that provide entries."""
    found = Organization.objects.filter(resources__isnull=False).distinct().order_by("code")
    return list(found.values_list("code", "short"))


def classes() -> list[tuple[str, str]]:
    """The top of the classification: 类."""
    return list(Category.objects.filter(level=1).values_list("code", "name"))


def by_class(queryset: QuerySet[Resource], value: str) -> QuerySet[Resource]:
    """A filter on the 类 of an entry's classification."""
    return queryset.filter(Q(category__code=value) | Q(category__code__startswith=f"{value}/"))


def by_freshness(queryset: QuerySet[Resource], value: str) -> QuerySet[Resource]:
    """A filter on 时效."""
    return queryset.annotate(freshness=freshness_case(timezone.now())).filter(freshness=value)


def _fresh(row: Resource) -> str:
    return freshness_of(row.fresh_at, row.due_at, timezone.now()).value


def _fresh_word(row: Resource) -> str:
    return str(Freshness(_fresh(row)).label)


def by_shown(field: str) -> Any:
    """A filter on a field of the version people see."""
    return lambda queryset, value: queryset.filter(selectors.shown_by(field, value))


def by_state(queryset: QuerySet[Resource], value: str) -> QuerySet[Resource]:
    """A filter on the state people see: of the entry, or of its open version."""
    if value in {VersionState.SUBMITTED, VersionState.RETURNED}:
        return queryset.filter(working__state=value)
    if value == "changing":
        return queryset.filter(~Q(state=ResourceState.DRAFT), working__isnull=False)
    return queryset.filter(state=value)


class ResourceList(TableView[Resource]):
    """All entries the actor may see, with counts beside the conditions they would add."""

    template_name = "catalog/resources.html"
    results_template = "catalog/resources_results.html"

    title = "数据资源"
    subtitle = "全市数据目录：有什么数据、谁负责、能不能共享和开放"
    key = "catalog-resources"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="title", title="资源名称", kind="main", sort="title", locked=True,
            value=lambda row: row.shown.title if row.shown else row.title,
            url=lambda row: reverse("catalog:resource", args=[row.pk]),
        ),
        Column(key="provider", title="提供单位", value="provider.short", sort="provider__short"),
        Column(
            key="state", title="状态", kind="status", value=_state, label=_state_word, sort="state"
        ),
        Column(key="sharing", title="共享", value=_word("sharing_type", "共享")),
        Column(key="open", title="开放", value=_word("open_type", "开放")),
        Column(key="level", title="级别", value=_shown("level")),
        Column(key="items", title="数据项", kind="number", value=_shown("item_count")),
        Column(key="cycle", title="更新周期", value=_word("update_cycle")),
        Column(key="fresh", title="时效", kind="status", value=_fresh, label=_fresh_word),
        Column(key="updated", title="更新时间", kind="ago", value="updated_at", sort="updated_at"),
        Column(key="code", title="资源代码", kind="code", sort="code", hidden=True),
        Column(key="warehouse", title="数据仓", value="warehouse.name", hidden=True),
        Column(key="system", title="所属系统", value="system.name", hidden=True),
        Column(key="table", title="物理表名", kind="code", value="physical_name", hidden=True),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="provider", title="单位", choices=providers, lookup="provider__code"),
        Filter(key="class", title="分类", choices=classes, apply=by_class),
        Filter(key="kind", title="类型", choices=ResourceKind.choices),
        Filter(key="fresh", title="时效", choices=Freshness.choices, apply=by_freshness),
        Filter(
            key="state", title="状态", apply=by_state,
            choices=(
                *ResourceState.choices, (VersionState.SUBMITTED, "待审核"),
                (VersionState.RETURNED, "已退回"), ("changing", "变更中"),
            ),
        ),
        Filter(
            key="sharing", title="共享", choices=SharingType.choices, apply=by_shown("sharing_type")
        ),
        Filter(key="open", title="开放", choices=OpenType.choices, apply=by_shown("open_type")),
        Filter(key="level", title="级别", choices=Level.choices, apply=by_shown("level")),
        Filter(
            key="warehouse", title="数据仓", lookup="warehouse__code",
            choices=lambda: list(Warehouse.objects.values_list("code", "name")),
        ),
        Filter(
            key="library", title="专题库", lookup="libraries__code",
            choices=lambda: list(ThematicLibrary.objects.values_list("code", "name")),
        ),
        Filter(key="mark", title="标记", choices=marks.choices, apply=marks.by_mark),
    )  # fmt: skip
    search_fields = ("title",)
    search_hint = "搜名称、摘要、数据项，两个字就行"
    default_sort = "code"
    export_name = "数据目录"
    empty = EmptyState(
        title="还没有数据资源",
        text="从登记一张表开始：写清它是什么、每个字段的含义，提交审核后就进入全市目录。",
        icon="database",
    )

    def get_queryset(self) -> QuerySet[Resource]:
        return selectors.resources(actor=self.request.actor)  # type: ignore[attr-defined]

    def search(self, queryset: QuerySet[Resource], words: str) -> QuerySet[Resource]:
        actor = self.request.actor  # type: ignore[attr-defined]
        return selectors.search_resources(queryset, words, actor=actor)

    def get_results_context(self) -> dict[str, Any]:
        return {"facets": self._facets()}

    def _facets(self) -> list[Facet]:
        """The conditions beside the list with their counts: one query for all of them."""
        base = self.get_queryset()
        chosen: dict[str, tuple[str, ...]] = {}
        for state in self._filters:
            if state.value and state.filter.key in FACETS:
                chosen[state.filter.key] = (state.value,)
            elif state.value and state.filter.apply:
                base = state.filter.apply(base, state.value)
            elif state.value:
                base = base.filter(**{state.filter.lookup: state.value})
        if self._words:
            base = self.search(base, self._words)
        counts, _total = tally(selectors.facet_groups(base), chosen)
        return [
            Facet.of(
                state.filter.title, state.options, counts.get(state.filter.key, {}),
                {state.value} - {""},
                partial(self._url_of, state.filter.key),
            )
            for state in self._filters
            if state.filter.key in FACETS
        ]  # fmt: skip

    def _url_of(self, key: str, value: str, chosen: bool) -> str:
        return self._url(**{key: "" if chosen else value})

    def get_actions(self) -> Sequence[Action]:
        actor = self.request.actor  # type: ignore[attr-defined]
        found = [Action(title="导出 Excel 目录", url=reverse("catalog:export"), icon="download")]
        if holds(actor, "catalog.resource.edit"):
            found += [
                Action(title="批量导入", url=reverse("catalog:import"), icon="file-upload"),
                Action(title="登记数据资源", url=reverse("catalog:new"), icon="plus", primary=True),
            ]
        return found

    def before_export(self, *, file_format: str, rows: int) -> str:
        actor = self.request.actor  # type: ignore[attr-defined]
        with unit_of_work():
            record(
                actor=actor, action="catalog.list_exported", object_type="catalog.resource",
                object_name="数据资源列表", after={"format": file_format, "rows": rows},
            )  # fmt: skip
        return f"{actor.organization_name} {actor.name} 导出自城枢数据目录"


class ItemList(TableView[DataItem]):
    """Data items of all published entries: the list behind the indicator."""

    title = "数据项"
    subtitle = "已发布目录中的全部数据项"
    key = "catalog-items"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="title", title="中文名称", kind="main", sort="title", locked=True),
        Column(key="name", title="字段名", kind="code", sort="name"),
        Column(
            key="resource", title="数据资源", value="version.title",
            url=lambda row: reverse("catalog:resource", args=[row.version.resource_id]),
        ),
        Column(key="provider", title="提供单位", value="version.resource.provider.short"),
        Column(key="type", title="类型", value="get_type_display"),
        Column(key="length", title="长度", kind="number"),
        Column(key="code_table", title="代码表", value="code_table.name"),
        Column(key="sensitivity", title="敏感级别", sort="sensitivity"),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(
            key="provider", title="单位", choices=providers,
            lookup="version__resource__provider__code",
        ),
        Filter(key="level", title="敏感级别", choices=Level.choices, lookup="sensitivity"),
    )  # fmt: skip
    search_fields = ("title", "name", "definition")
    search_hint = "搜中文名称、字段名、定义"
    empty = EmptyState(title="还没有已发布的数据项", icon="columns")

    def get_queryset(self) -> QuerySet[DataItem]:
        return (
            selectors.published_items()
            .filter(version__resource__state=ResourceState.PUBLISHED)
            .select_related("version__resource__provider", "code_table")
        )


class SystemList(TableView[InformationSystem]):
    """Systems within the actor's scope."""

    title = "信息系统"
    subtitle = "数据从哪里来：各单位登记的业务系统"
    key = "catalog-systems"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="name", title="系统名称", kind="main", sort="name", locked=True,
            url=lambda row: reverse("catalog:system", args=[row.pk]),
        ),
        Column(key="code", title="系统代码", kind="code", sort="code"),
        Column(key="owner", title="责任单位", value="owner.short", sort="owner__short"),
        Column(key="status", title="状态", value="get_status_display", sort="status"),
        Column(
            key="security", title="等保级别", value="get_security_level_display",
            sort="security_level",
        ),
        Column(key="network", title="所在网络"),
        Column(key="cloud", title="部署位置"),
        Column(key="entries", title="数据资源", kind="number", sort="entries"),
        Column(key="online", title="上线日期", kind="date", value="online_since", hidden=True),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(
            key="owner", title="单位", lookup="owner__code",
            choices=lambda: list(
                Organization.objects.filter(systems__isnull=False).distinct().order_by("code")
                .values_list("code", "short")
            ),
        ),
        Filter(key="status", title="状态", choices=SystemStatus.choices),
        Filter(
            key="security", title="等保", choices=ProtectionLevel.choices, lookup="security_level"
        ),
    )  # fmt: skip
    search_fields = ("name", "code", "purpose")
    search_hint = "搜系统名称、代码、用途"
    default_sort = "code"
    empty = EmptyState(
        title="还没有登记信息系统",
        text="登记本单位的业务系统，之后编目时就能说明数据来自哪里。",
        icon="server",
    )

    def get_queryset(self) -> QuerySet[InformationSystem]:
        return selectors.systems(actor=self.request.actor)  # type: ignore[attr-defined]

    def get_actions(self) -> Sequence[Action]:
        if not holds(self.request.actor, "catalog.system.edit"):  # type: ignore[attr-defined]
            return ()
        url = reverse("catalog:system-new")
        return (Action(title="登记信息系统", url=url, icon="plus", primary=True),)


class ReviewList(TableView[ResourceVersion]):
    """Versions that wait for review, the oldest first."""

    title = "目录审核"
    subtitle = "各单位提交的目录，审核通过后即发布"
    key = "catalog-reviews"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="title", title="资源名称", kind="main", locked=True,
            url=lambda row: reverse("catalog:review", args=[row.resource_id]),
        ),
        Column(key="provider", title="提供单位", value="resource.provider.short"),
        Column(
            key="kind", title="内容",
            value=lambda row: "新目录" if row.number == 1 else f"变更为 v{row.number}",
        ),
        Column(key="items", title="数据项", kind="number", value="item_count"),
        Column(key="level", title="级别"),
        Column(key="by", title="提交人", value="submitted_by.display_name"),
        Column(key="submitted", title="提交时间", kind="ago", value="submitted_at", sort="submitted_at"),
    )  # fmt: skip
    search_fields = ("title", "resource__provider__short")
    search_hint = "搜名称或单位"
    default_sort = "submitted"
    empty = EmptyState(
        title="没有等待审核的目录", text="有单位提交时会出现在这里。", icon="circle-check"
    )

    def get_queryset(self) -> QuerySet[ResourceVersion]:
        return selectors.reviews(actor=self.request.actor)  # type: ignore[attr-defined]


def _drill(key: str) -> Any:
    return lambda row: f"{reverse('catalog:resources')}?{urlencode({key: row.code})}"


class WarehouseList(TableView[Warehouse]):
    """The warehouses with their entries."""

    title = "数据仓"
    subtitle = "按主题划分的归集去向，每个数据资源属于一个数据仓"
    key = "catalog-warehouses"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="name",
            title="名称",
            kind="main",
            sort="name",
            locked=True,
            url=lambda row: reverse("catalog:warehouse", args=[row.pk]),
        ),
        Column(key="code", title="代码", kind="code", sort="code"),
        Column(key="description", title="说明"),
        Column(
            key="entries",
            title="已发布资源",
            kind="number",
            sort="entries",
            url=_drill("warehouse"),
        ),
    )
    default_sort = "code"
    empty = EmptyState(title="还没有数据仓", icon="building-warehouse")

    def get_queryset(self) -> QuerySet[Warehouse]:
        return selectors.warehouses()

    def get_crumbs(self) -> Sequence[Crumb]:
        return (Crumb("数据资源", reverse("catalog:resources")), Crumb("数据仓"))


class LibraryList(TableView[ThematicLibrary]):
    """The thematic libraries with their entries."""

    title = "专题库"
    subtitle = "为一个主题把多个单位的数据放在一起"
    key = "catalog-libraries"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="name", title="名称", kind="main", sort="name", locked=True, url=_drill("library")
        ),
        Column(key="code", title="代码", kind="code", sort="code"),
        Column(key="description", title="说明"),
        Column(key="entries", title="数据资源", kind="number", sort="entries"),
    )
    default_sort = "code"
    empty = EmptyState(title="还没有专题库", icon="books")

    def get_queryset(self) -> QuerySet[ThematicLibrary]:
        return selectors.libraries()

    def get_crumbs(self) -> Sequence[Crumb]:
        return (Crumb("数据资源", reverse("catalog:resources")), Crumb("专题库"))


class CodeTableList(TableView[CodeTable]):
    """The code tables."""

    title = "代码表"
    subtitle = "数据项可以取哪些值：国家、行业和本市的代码"
    key = "catalog-code-tables"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="name", title="名称", kind="main", sort="name", locked=True,
            url=lambda row: reverse("catalog:code-table", args=[row.pk]),
        ),
        Column(key="key", title="标识", kind="code", sort="key"),
        Column(key="standard", title="依据标准"),
        Column(key="size", title="代码数", kind="number", sort="size"),
    )  # fmt: skip
    search_fields = ("name", "key", "standard")
    search_hint = "搜名称、标识、标准"
    default_sort = "key"
    empty = EmptyState(title="还没有代码表", icon="list")

    def get_queryset(self) -> QuerySet[CodeTable]:
        return selectors.code_tables()
