"""The demo city's catalogue: systems, code tables, warehouses, entries with items, thematic libraries.

The city's organisations must be there already (the identity package loads them first).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from django.utils import timezone

from chengshu.data.catalog.choices import (
    DataFormat,
    ResourceState,
    SharingMethod,
    VersionState,
)
from chengshu.data.catalog.models import (
    Category,
    CodeTable,
    CodeValue,
    DataItem,
    InformationSystem,
    Resource,
    ResourceVersion,
    ThematicLibrary,
    Warehouse,
)
from chengshu.data.catalog.services.drafts import LAKE_ZONE
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import NotFound
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_demo.model import City, Entry

_BATCH = 500
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
        entries, items = _entries(source, units, tables)
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
            security_level=str(s.protection_level), network=s.zone, cloud=s.location,
            status=s.status, online_since=s.online_since,
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
    return tables


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


def _entries(
    source: City, units: dict[str, Organization], tables: dict[str, CodeTable]
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
    items = [
        _item(item, order, version, tables)
        for entry, version in zip(new, versions, strict=True)
        for order, item in enumerate(entry.items, 1)
    ]
    DataItem.objects.bulk_create(items, batch_size=_BATCH)
    return len(resources), len(items)


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
        submitted_at=now, reviewed_at=now, published_at=now,
    )  # fmt: skip


def _item(
    item: Any, order: int, version: ResourceVersion, tables: dict[str, CodeTable]
) -> DataItem:  # fmt: skip
    return DataItem(
        version=version, order=order, name=item.column, title=item.title, type=item.type,
        length=item.length, precision=item.precision, scale=item.scale,
        nullable=item.nullable and not item.key, is_key=item.key,
        code_table=tables[item.code_table] if item.code_table else None, format=item.format or "",
        sensitivity=item.level, definition=item.definition,
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
