"""What other data packages may use of the catalogue.

How the data can be had: :func:`register_offers` (files and services of the DCAT-AP form).
Who uses an entry: packages above answer through :func:`register_consumers`; :func:`consumers_of` asks them all.

Kinds: :func:`collectable` and :func:`ways_of` tell in which ways entries of a kind can be collected.

Reading: :func:`published`, :func:`list_published`, :func:`contract_of`. Pages: :func:`register_tab`,
:func:`register_panel`, :func:`register_mark`, :func:`resource_page`. Counters: :func:`counters`.
Finding in own lists: :func:`search_resources`, :class:`Facet`, :func:`classes`, :func:`freshness_case`.

Data elements: :func:`element_index` and :func:`suggest_elements`, :func:`element_of_item`, :func:`items_of_element`,
:func:`element_infos`. Update cycle: :func:`register_freshness`, :func:`renew_due`, ``Resource.due_at``. Writing drafts
(reverse cataloguing, drift): :func:`create_resource`, :func:`start_change`, :func:`edit_draft` with
:class:`VersionContent` and :class:`ItemContent`; :func:`version_content` reads one back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet

from chengshu.data.catalog import selectors, standards
from chengshu.data.catalog.change.consumers import Consumer, consumers_of, register_consumers
from chengshu.data.catalog.choices import (
    Level,
    OpenType,
    ResourceState,
    SharingType,
    UpdateCycle,
)
from chengshu.data.catalog.content import (
    ITEM_RELATIONS,
    ItemContent,
    VersionContent,
    item_content,
    version_content,
)
from chengshu.data.catalog.contract import Codes, code_values, column_spec, contract_of
from chengshu.data.catalog.due import next_due, working_days_late
from chengshu.data.catalog.facets import Facet
from chengshu.data.catalog.forms import category_choices, unit_choices
from chengshu.data.catalog.freshness import Freshness, freshness_case, freshness_of
from chengshu.data.catalog.kinds import Way, kind_of, require_way
from chengshu.data.catalog.marks import register_mark
from chengshu.data.catalog.models import (
    Category,
    DataItem,
    InformationSystem,
    Resource,
    ThematicLibrary,
    Warehouse,
)
from chengshu.data.catalog.offers import DatasetOffer, FileOffer, ServiceOffer, register_offers
from chengshu.data.catalog.reference import code_tables, leaf_category
from chengshu.data.catalog.selectors import search_resources
from chengshu.data.catalog.services.drafts import create_resource, edit_draft, start_change
from chengshu.data.catalog.services.due import register_freshness, renew_due
from chengshu.data.catalog.standards import BoundItem, ElementInfo, element_index, element_infos
from chengshu.data.catalog.suggestions import ElementIndex, Suggestion, suggest_elements
from chengshu.data.catalog.tabs import register_panel, register_tab, register_warehouse_panel
from chengshu.data.catalog.views.pages import resource_page
from chengshu.data.contract.facade import ColumnSpec, TableContract
from chengshu.kernel.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedResource:
    """A published entry as other packages see it; never changes for a given ``version``.

    ``lake_table`` is ``std/<physical_name>``; ``columns`` carry types, code tables and sensitivity.
    """

    id: int
    version_id: int
    code: str
    title: str
    summary: str
    provider_id: int
    provider_name: str
    provider_path: str
    system_id: int | None
    warehouse_id: int | None
    version: int
    level: str
    national_class: str
    sharing_type: str
    sharing_condition: str
    open_type: str
    open_condition: str
    update_cycle: str
    lake_table: str
    physical_name: str
    columns: tuple[ColumnSpec, ...]
    kind: str = "table"
    keywords: tuple[str, ...] = ()
    theme: str = ""
    is_lead: bool = False
    source_name: str = ""
    source_table: str = ""
    sharing_basis: str = ""
    open_basis: str = ""
    published_at: datetime | None = None
    fresh_at: datetime | None = None
    due_at: datetime | None = None
    elements: Mapping[str, str] = field(default_factory=dict)
    """Identifier of the data element by column name, for the columns that are bound to one."""

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the key columns."""
        return tuple(c.name for c in self.columns if c.key)

    @property
    def contract(self) -> TableContract:
        """The load contract."""
        return TableContract(columns=self.columns)

    def column(self, name: str) -> ColumnSpec:
        """The column called ``name``; KeyError when there is none."""
        return {c.name: c for c in self.columns}[name]


def published(code: str) -> PublishedResource:
    """The published entry with the catalogue code ``code`` (three queries).

    Raises:
        NotFound: no such entry. Conflict: not published, suspended or retired; says which and why.
    """
    entry = Resource.objects.select_related("provider", "published").filter(code=code).first()
    return _one(entry, code)


def published_by_id(resource_id: int) -> PublishedResource:
    """As :func:`published`, by the entry's primary key."""
    entry = Resource.objects.select_related("provider", "published").filter(pk=resource_id).first()
    return _one(entry, str(resource_id))


def _one(entry: Resource | None, wanted: str) -> PublishedResource:
    if entry is None:
        raise NotFound(f"目录中没有“{wanted}”这个数据资源。")
    if entry.state != ResourceState.PUBLISHED:
        reason = f"（{entry.state_reason}）" if entry.state_reason else ""
        raise Conflict(
            f"数据资源“{entry.title}”{entry.get_state_display()}{reason}，现在不能使用。",
            advice="请联系提供单位或智慧城市建设中心。",
        )
    return _compile([entry])[0]


def list_published(
    *,
    codes: Iterable[str] | None = None,
    warehouse: str = "",
    library: str = "",
    max_level: str = "",
    search: str = "",
) -> list[PublishedResource]:
    """Published entries by code (three queries, whatever their number).

    Args:
        codes: only these.
        warehouse: code of a 数据仓.
        library: code of a 专题库.
        max_level: at most this level, e.g. ``"L1"`` for what may be opened.
        search: words as in the catalogue's own list.
    """
    found = published_queryset()
    if codes is not None:
        found = found.filter(code__in=list(codes))
    if warehouse:
        found = found.filter(warehouse__code=warehouse)
    if library:
        found = found.filter(libraries__code=library)
    if max_level:
        found = found.filter(published__level__lte=max_level)
    if search:
        found = selectors.search_resources(found, search)
    return _compile(list(found.order_by("code")))


def published_queryset() -> QuerySet[Resource]:
    """Published entries as a queryset, for list pages of other packages."""
    return Resource.objects.filter(state=ResourceState.PUBLISHED).select_related(
        "provider", "published"
    )


def _compile(entries: list[Resource]) -> list[PublishedResource]:
    version_ids = [entry.published_id for entry in entries]
    items: dict[int, list[DataItem]] = {}
    rows = DataItem.objects.filter(version__in=version_ids).select_related(*ITEM_RELATIONS)
    for item in rows.order_by("version", "order"):
        items.setdefault(item.version_id, []).append(item)
    codes = code_values(i.code_table.key for group in items.values() for i in group if i.code_table)
    return [
        _published(entry, [item_content(i) for i in items.get(entry.published_id or 0, [])], codes)
        for entry in entries
    ]


def _published(entry: Resource, items: list[ItemContent], codes: Codes) -> PublishedResource:
    version = entry.published
    assert version is not None
    return PublishedResource(
        id=entry.pk, version_id=version.pk, code=entry.code, title=version.title,
        summary=version.summary, provider_id=entry.provider_id, provider_name=entry.provider.name,
        provider_path=entry.provider.path, system_id=entry.system_id,
        warehouse_id=entry.warehouse_id, version=version.number, level=version.level,
        national_class=version.national_class, sharing_type=version.sharing_type,
        sharing_condition=version.sharing_condition, open_type=version.open_type,
        open_condition=version.open_condition, update_cycle=version.update_cycle,
        lake_table=entry.lake_table, physical_name=entry.physical_name,
        columns=tuple(column_spec(item, codes) for item in items), kind=version.kind,
        keywords=tuple(version.keywords), theme=version.theme, is_lead=version.is_lead,
        source_name=version.source_name, source_table=version.source_table,
        sharing_basis=version.sharing_basis, open_basis=version.open_basis,
        published_at=version.published_at, fresh_at=entry.fresh_at, due_at=entry.due_at,
        elements={item.name: item.element for item in items if item.element},
    )  # fmt: skip


def collectable(resource: PublishedResource, way: str | None = None) -> None:
    """Raise Conflict, saying the next step, unless an entry of this kind can be collected in a way (None: in any)."""
    require_way(title=resource.title, kind=resource.kind, way=way, items=len(resource.columns))


def ways_of(kind: str) -> frozenset[Way]:
    """In which ways entries of a kind can be collected."""
    return kind_of(kind).ways


def element_of_item(resource_id: int, column: str) -> str:
    """Identifier of the data element the column of a published entry is bound to; "" for none (one query)."""
    return standards.element_of(resource_id, column)


def items_of_element(identifier: str = "") -> list[BoundItem]:
    """Published data items of all departments bound to the element; to any element without ``identifier``."""
    return standards.bound_items(identifier)


def classes() -> list[tuple[str, str]]:
    """The top of the classification (类), code and name, for filters and facets (one query)."""
    return list(Category.objects.filter(level=1).values_list("code", "name"))


def counters() -> dict[str, int]:
    """The catalogue's counters, computed from records."""
    return {
        "systems": selectors.count_systems(),
        "entries": selectors.count_entries(),
        "items": selectors.count_items(),
        "warehouses": selectors.count_warehouses(),
        "libraries": selectors.count_libraries(),
    }


__all__ = [
    "BoundItem",
    "Consumer",
    "DatasetOffer",
    "ElementIndex",
    "ElementInfo",
    "Facet",
    "FileOffer",
    "Freshness",
    "InformationSystem",
    "ItemContent",
    "Level",
    "OpenType",
    "PublishedResource",
    "Resource",
    "ServiceOffer",
    "SharingType",
    "Suggestion",
    "ThematicLibrary",
    "UpdateCycle",
    "VersionContent",
    "Warehouse",
    "Way",
    "category_choices",
    "classes",
    "code_tables",
    "collectable",
    "consumers_of",
    "contract_of",
    "counters",
    "create_resource",
    "edit_draft",
    "element_index",
    "element_infos",
    "element_of_item",
    "freshness_case",
    "freshness_of",
    "items_of_element",
    "leaf_category",
    "list_published",
    "next_due",
    "published",
    "published_by_id",
    "published_queryset",
    "register_consumers",
    "register_freshness",
    "register_mark",
    "register_offers",
    "register_panel",
    "register_tab",
    "register_warehouse_panel",
    "renew_due",
    "resource_page",
    "search_resources",
    "start_change",
    "suggest_elements",
    "unit_choices",
    "version_content",
    "ways_of",
    "working_days_late",
]
