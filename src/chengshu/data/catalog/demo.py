"""The demo city's catalogue: systems, code tables, warehouses, entries with items, thematic libraries.

The city's organisations must be there already (the identity package loads them first).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.utils import timezone

from chengshu.data.catalog.choices import (
    DataFormat,
    ResourceState,
    SharingMethod,
    StandardState,
    StandardVersionState,
    VersionState,
)
from chengshu.data.catalog.demo_standards import (
    THEMES,
    DemoElement,
    Shape,
    demo_business,
    demo_elements,
    element_index,
    keywords,
    shapes,
)
from chengshu.data.catalog.item_rows import CERTAIN
from chengshu.data.catalog.models import (
    BusinessItem,
    Category,
    CodeTable,
    CodeTableVersion,
    CodeValue,
    DataElement,
    DataItem,
    ElementVersion,
    InformationSystem,
    Resource,
    ResourceVersion,
    ThematicLibrary,
    Warehouse,
)
from chengshu.data.catalog.services.drafts import LAKE_ZONE
from chengshu.data.catalog.suggestions import unit_of
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import NotFound
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_demo.model import City, Entry

_BATCH = 500
# The city names a cloud zone where the system runs on the cloud, else the network.
_NETWORKS = {
    "政务云公共服务区": "政务外网", "政务云行政服务区": "政务外网", "互联网区": "互联网",
}  # fmt: skip
_PLACE = "330383 龙港市"
_OPEN_CONDITION = "依申请审核，涉及个人信息、商业秘密的须经主体授权，只提供脱敏数据。"


class DemoContext(Protocol):
    """What a demo loader is given."""

    scale: str
    actor: Actor

    def say(self, text: str) -> None:
        """Tell the person at the terminal."""


def load(context: DemoContext) -> None:
    """Load the catalogue of the demo city; the same for every scale, and harmless to repeat."""
    from chengshu_demo import city

    loaded = load_city(city(), actor=context.actor)
    context.say(
        f"目录：{loaded.systems} 个信息系统，{loaded.entries} 个数据目录，{loaded.items} 个数据项，"
        f"{loaded.warehouses} 个数据仓，{loaded.libraries} 个专题库"
    )


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load added; all zero when everything was there."""

    systems: int
    entries: int
    items: int
    warehouses: int
    libraries: int


def load_city(source: City, *, actor: Actor) -> Loaded:
    """Add what is missing of ``source`` in one transaction, published as version 1, audited as one act.

    Raises:
        NotFound: an organisation of the city has not been loaded.
    """
    units = {o.code: o for o in Organization.objects.all()}
    _require(units, [*(s.owner for s in source.systems), *(e.provider for e in source.entries)])
    with unit_of_work():
        systems = _systems(source, units)
        tables = _code_tables(source)
        warehouses = _warehouses(source)
        elements = _elements(source, units, tables)
        business = _business()
        entries, items = _entries(source, units, _Standards(tables, elements, business))
        libraries = _libraries(source)
        loaded = Loaded(systems, entries, items, warehouses, libraries)
        if any((systems, entries, warehouses, libraries)):
            counts = {name: getattr(loaded, name) for name in Loaded.__slots__}
            record(
                actor=actor, action="catalog.demo_loaded", object_type="catalog.resource",
                object_name="演示城市的数据目录", after=counts,
            )  # fmt: skip
            emit(type="city.catalog.loaded", source="catalog", data=counts)
    return loaded


def _require(units: dict[str, Organization], codes: Iterable[str]) -> None:
    absent = sorted(set(codes) - set(units))
    if absent:
        raise NotFound(
            f"还没有这些机构：{'、'.join(absent[:5])}。", kept="没有载入目录。",
            advice="请先载入演示城市的组织机构。",
        )  # fmt: skip


def _add(model: Any, rows: list[Any], field: str) -> int:
    """Create the rows whose ``field`` is not there yet; return how many."""
    known = set(model.objects.values_list(field, flat=True))
    new = [row for row in rows if getattr(row, field) not in known]
    model.objects.bulk_create(new, batch_size=_BATCH)
    return len(new)


def _systems(source: City, units: dict[str, Organization]) -> int:
    rows = [
        InformationSystem(
            code=s.code, name=s.name, owner=units[s.owner], purpose=s.purpose,
            security_level=str(s.protection_level), network=_NETWORKS.get(s.zone, s.zone),
            cloud_zone=s.zone.removeprefix("政务云") if s.zone.startswith("政务云") else "",
            cloud=s.location, status=s.status, online_since=s.online_since,
        )
        for s in source.systems
    ]  # fmt: skip
    return _add(InformationSystem, rows, "code")


def _code_tables(source: City) -> dict[str, CodeTable]:
    known = set(CodeTable.objects.values_list("key", flat=True))
    rows = [CodeTable(key=t.key, name=t.title, standard=t.standard) for t in source.code_tables]
    _add(CodeTable, rows, "key")
    tables = {t.key: t for t in CodeTable.objects.all()}
    CodeValue.objects.bulk_create(
        [
            CodeValue(table=tables[t.key], code=code, name=name, order=order)
            for t in source.code_tables
            if t.key not in known
            for order, (code, name) in enumerate(t.codes, 1)
        ],
        batch_size=_BATCH,
    )
    CodeTableVersion.objects.bulk_create(
        [
            CodeTableVersion(
                table=tables[t.key], number=1, state=StandardVersionState.PUBLISHED,
                codes=[list(pair) for pair in t.codes], change_note="首次发布",
            )
            for t in source.code_tables
            if t.key not in known
        ]
    )  # fmt: skip
    return tables


def _elements(
    source: City, units: dict[str, Organization], tables: dict[str, CodeTable]
) -> dict[str, DataElement]:
    """Data elements by identifier; new ones are published as version 1 in the shape the city's items have."""
    known = set(DataElement.objects.values_list("identifier", flat=True))
    forms = shapes(item for entry in source.entries for item in entry.items)
    wanted = [e for e in demo_elements() if e.identifier not in known and e.title in forms]
    bureau = next((u for c, u in units.items() if c.endswith("-ZHCS")), None)
    rows = []
    for element in wanted:
        owner = units.get(f"330383-{element.owner}") or bureau or next(iter(units.values()))
        rows.append(DataElement(identifier=element.identifier, title=element.title, owner=owner))
    DataElement.objects.bulk_create(rows, batch_size=_BATCH)
    now = timezone.now()
    versions = [
        _element_version(row, element, forms[element.title], tables, now)
        for row, element in zip(rows, wanted, strict=True)
    ]
    ElementVersion.objects.bulk_create(versions, batch_size=_BATCH)
    for row, version in zip(rows, versions, strict=True):
        row.published, row.state = version, StandardState.PUBLISHED
    DataElement.objects.bulk_update(rows, ["published", "state"], batch_size=_BATCH)
    return {e.identifier: e for e in DataElement.objects.all()}


def _element_version(
    row: DataElement, element: DemoElement, shape: Shape, tables: dict[str, CodeTable], now: datetime
) -> ElementVersion:  # fmt: skip
    return ElementVersion(
        element=row, number=1, state=StandardVersionState.PUBLISHED, title=element.title,
        english=element.english, name=shape.column, definition=element.definition,
        object_class=element.object_class, property_word=element.property_word,
        representation=element.representation, type=shape.type, length=shape.length,
        precision=shape.precision, scale=shape.scale, format=shape.format,
        code_table=tables.get(shape.code_table), unit=shape.unit, sensitivity=shape.level,
        synonyms=list(element.synonyms), source=element.source, change_note="首次发布",
        published_at=now,
    )  # fmt: skip


def _business() -> dict[str, BusinessItem]:
    """Business items by code, served by their system."""
    known = set(BusinessItem.objects.values_list("code", flat=True))
    systems = {
        s.code.rpartition("-")[2]: s for s in InformationSystem.objects.select_related("owner")
    }
    new = [b for b in demo_business() if b.code not in known and b.system in systems]
    rows = BusinessItem.objects.bulk_create(
        [
            BusinessItem(code=b.code, name=b.name, kind=b.kind, department=systems[b.system].owner)
            for b in new
        ],
        batch_size=_BATCH,
    )
    served = BusinessItem.systems.through
    served.objects.bulk_create(
        [
            served(businessitem=row, informationsystem=systems[b.system])
            for row, b in zip(rows, new, strict=True)
        ]
    )
    return {b.code: b for b in BusinessItem.objects.all()}


def _warehouses(source: City) -> int:
    rows = [Warehouse(code=w.code, name=w.name, description=w.purpose) for w in source.warehouses]
    return _add(Warehouse, rows, "code")


def _categories(entries: Iterable[Entry]) -> dict[str, Category]:
    """Leaf categories by code; missing nodes are added level by level, sequences moved past the entries'."""
    wanted: dict[str, tuple[int, str]] = {}
    last: dict[str, int] = {}
    for entry in entries:
        codes, names = entry.category.codes, entry.category.names
        for depth in range(1, len(codes) + 1):
            wanted["/".join(codes[:depth])] = (depth, names[depth - 1])
        leaf, _, sequence = entry.code.rpartition("/")
        last[leaf] = max(last.get(leaf, 0), int(sequence))
    known = {c.code: c for c in Category.objects.all()}
    for level in range(1, 5):
        new = [
            Category(
                code=code, name=name, level=level, parent=known.get(code.rpartition("/")[0]),
                last_sequence=last.get(code, 0),
            )
            for code, (depth, name) in wanted.items()
            if depth == level and code not in known
        ]  # fmt: skip
        known |= {c.code: c for c in Category.objects.bulk_create(new, batch_size=_BATCH)}
    behind = [known[code] for code, top in last.items() if known[code].last_sequence < top]
    for category in behind:
        category.last_sequence = last[category.code]
    Category.objects.bulk_update(behind, ["last_sequence"], batch_size=_BATCH)
    return known


@dataclass(frozen=True, slots=True)
class _Standards:
    """What entries refer to, by key."""

    tables: dict[str, CodeTable]
    elements: dict[str, DataElement]
    business: dict[str, BusinessItem]


def _entries(
    source: City, units: dict[str, Organization], standards: _Standards
) -> tuple[int, int]:
    known = set(Resource.objects.values_list("physical_name", flat=True))
    new = [entry for entry in source.entries if entry.key not in known]
    if not new:
        return 0, 0
    categories = _categories(new)
    systems = {s.code: s for s in InformationSystem.objects.all()}
    warehouses = {w.code: w for w in Warehouse.objects.all()}
    now = timezone.now()
    resources = Resource.objects.bulk_create(
        [
            Resource(
                code=e.code, title=e.title, provider=units[e.provider], system=systems.get(e.system),
                warehouse=warehouses.get(e.warehouse),
                category=categories["/".join(e.category.codes)], physical_name=e.key,
                lake_table=f"{LAKE_ZONE}/{e.key}", updated_at=now,
            )
            for e in new
        ],
        batch_size=_BATCH,
    )  # fmt: skip
    versions = ResourceVersion.objects.bulk_create(
        [_version(entry, row) for entry, row in zip(new, resources, strict=True)], batch_size=_BATCH
    )
    for row, version in zip(resources, versions, strict=True):
        row.published, row.state = version, ResourceState.PUBLISHED
    Resource.objects.bulk_update(resources, ["published", "state"], batch_size=_BATCH)
    index, bound = element_index(demo_elements()), {}
    for title in {item.title for entry in new for item in entry.items}:
        likely = index.suggest(title, limit=1)
        if likely and likely[0].score >= CERTAIN:
            bound[title] = standards.elements.get(likely[0].identifier)
    items = [
        _item(item, order, version, standards.tables, bound.get(item.title))
        for entry, version in zip(new, versions, strict=True)
        for order, item in enumerate(entry.items, 1)
    ]
    DataItem.objects.bulk_create(items, batch_size=_BATCH)
    _bind_business(resources, standards.business)
    return len(resources), len(items)


def _bind_business(resources: list[Resource], business: dict[str, BusinessItem]) -> None:
    through = Resource.business_items.through
    through.objects.bulk_create(
        [
            through(resource=row, businessitem=business[code])
            for row in resources
            if row.published is not None
            for code in row.published.business_codes
            if code in business
        ],
        batch_size=_BATCH,
    )


def _served_by(entry: Entry) -> list[str]:
    """Codes of the business items of the entry's system whose words are in its title."""
    return [
        b.code
        for b in demo_business()
        if entry.system.endswith(b.system) and any(word in entry.title for word in b.words)
    ]


def _version(entry: Entry, resource: Resource) -> ResourceVersion:
    now = timezone.now()
    return ResourceVersion(
        resource=resource, number=1, state=VersionState.PUBLISHED, title=entry.title,
        summary=entry.summary, system=resource.system, warehouse=resource.warehouse,
        sharing_type=entry.sharing, sharing_condition=entry.sharing_condition,
        sharing_basis=entry.legal_basis, sharing_method=SharingMethod.INTERFACE,
        open_type=entry.opening,
        open_condition=_OPEN_CONDITION if entry.opening == "restricted" else "",
        update_cycle=entry.cycle, level=entry.level,
        level_floor=entry.level if entry.level > max(i.level for i in entry.items) else "",
        formats=[DataFormat.TABLE], change_note="首次发布", item_count=len(entry.items),
        submitted_at=now, reviewed_at=now, published_at=now, spatial=_PLACE,
        keywords=keywords(entry.title, entry.category.names[2:]),
        theme=THEMES.get(entry.warehouse.rpartition("-")[2], ""),
        business_codes=_served_by(entry),
    )  # fmt: skip


def _item(
    item: Any, order: int, version: ResourceVersion, tables: dict[str, CodeTable],
    element: DataElement | None,
) -> DataItem:  # fmt: skip
    return DataItem(
        version=version, order=order, name=item.column, title=item.title, type=item.type,
        length=item.length, precision=item.precision, scale=item.scale,
        nullable=item.nullable and not item.key, is_key=item.key,
        code_table=tables[item.code_table] if item.code_table else None, format=item.format or "",
        sensitivity=item.level, definition=item.definition, element=element,
        unit=unit_of(item.title),
    )  # fmt: skip


def _libraries(source: City) -> int:
    known = set(ThematicLibrary.objects.values_list("code", flat=True))
    by_key = dict(Resource.objects.values_list("physical_name", "pk"))
    added = 0
    for library in source.libraries:
        if library.code in known:
            continue
        row = ThematicLibrary.objects.create(
            code=library.code, name=library.name, description=library.purpose
        )
        row.resources.set([by_key[key] for key in library.entries])
        added += 1
    return added
