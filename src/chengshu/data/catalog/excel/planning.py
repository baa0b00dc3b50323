"""What an import would do: every rule checked against the file and the catalogue, nothing written."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from chengshu.data.catalog import systems
from chengshu.data.catalog.choices import EDITABLE_STATES, ResourceState
from chengshu.data.catalog.content import (
    ITEM_FIELDS,
    ITEM_RELATIONS,
    VERSION_FIELDS,
    ItemContent,
    VersionContent,
    version_content,
)
from chengshu.data.catalog.contract import code_values, column_spec
from chengshu.data.catalog.diff import VersionDiff, compare
from chengshu.data.catalog.excel.layout import ITEMS, RESOURCES, SYSTEMS
from chengshu.data.catalog.excel.reading import CellError, Contents, Record
from chengshu.data.catalog.models import (
    BusinessItem,
    Category,
    CodeTable,
    DataElement,
    DataItem,
    InformationSystem,
    Resource,
    ResourceVersion,
    Warehouse,
)
from chengshu.data.catalog.models.standards import LEAF_LEVEL
from chengshu.data.catalog.systems import SYSTEM_FIELDS, SystemContent
from chengshu.data.catalog.validation import SNAKE_ADVICE, SNAKE_CASE, draft_problems
from chengshu.data.contract.facade import ContractError
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows
from chengshu.kernel.identity.models import Organization

Act = Literal["create", "change", "unchanged"]


@dataclass(frozen=True, slots=True)
class SystemChange:
    """What happens to one system."""

    act: Act
    row: int
    code: str
    owner: Organization
    content: SystemContent
    existing: InformationSystem | None


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """What happens to one entry; ``base`` is the version a change is compared with."""

    act: Act
    row: int
    physical_name: str
    provider: Organization
    category: Category
    content: VersionContent
    existing: Resource | None
    base: ResourceVersion | None
    difference: VersionDiff | None


@dataclass(slots=True)
class Plan:
    """The whole import. With ``errors`` it must not be applied."""

    systems: list[SystemChange] = field(default_factory=list)
    resources: list[ResourceChange] = field(default_factory=list)
    errors: list[CellError] = field(default_factory=list)
    examples_skipped: int = 0

    def count(self, act: Act) -> int:
        """How many systems and entries are created, changed or left as they are."""
        changes: list[SystemChange | ResourceChange] = [*self.systems, *self.resources]
        return sum(change.act == act for change in changes)

    @property
    def digest(self) -> str:
        """Fingerprint of what would be done: confirming checks that nothing changed since the preview."""
        parts = [
            f"{s.act}|{s.code}|{s.existing.revision if s.existing else 0}" for s in self.systems
        ]
        parts += [
            f"{r.act}|{r.physical_name}|{r.base.pk if r.base else 0}|{r.base.revision if r.base else 0}"
            for r in self.resources
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def plan(*, actor: Actor, contents: Contents) -> Plan:
    """Check everything the file says (a constant number of queries)."""
    return _Planner(actor, contents).run()


class _Planner:
    """Holds the look-ups of one import."""

    def __init__(self, actor: Actor, contents: Contents) -> None:
        self.actor, self.contents = actor, contents
        records = contents.records
        codes = {r.values.get("owner") for r in records[SYSTEMS.title]}
        codes |= {r.values.get("provider") for r in records[RESOURCES.title]}
        self.organizations = {
            o.code: o for o in Organization.objects.filter(code__in=codes - {None})
        }
        self.categories = {c.code: c for c in Category.objects.filter(level=LEAF_LEVEL)}
        stored = InformationSystem.objects.select_related("owner")
        self.systems = {s.code: s for s in stored.prefetch_related("business_items")}
        self.warehouses = set(Warehouse.objects.values_list("code", flat=True))
        self.tables = set(CodeTable.objects.values_list("key", flat=True))
        self.codes = code_values(self.tables)
        self.elements = set(DataElement.objects.values_list("identifier", flat=True))
        self.business = set(BusinessItem.objects.values_list("code", flat=True))
        related = {c for r in records[RESOURCES.title] for c in r.values.get("related", ())}
        self.related = set(Resource.objects.filter(code__in=related).values_list("code", flat=True))
        names = {r.values.get("physical_name") for r in records[RESOURCES.title]}
        self.resources = {
            r.physical_name: r
            for r in Resource.objects.filter(physical_name__in=names - {None}).select_related(
                "provider", "category", "published__system", "published__warehouse",
                "working__system", "working__warehouse",
            )
        }  # fmt: skip
        self.stored = _stored_items(self.resources.values())
        self.plan = Plan(errors=contents.errors, examples_skipped=contents.examples_skipped)

    def run(self) -> Plan:
        seen: dict[str, int] = {}
        for record in self.contents.records[SYSTEMS.title]:
            self._system(record, seen)
        items = self._items()
        known: dict[str, int] = {}
        for record in self.contents.records[RESOURCES.title]:
            self._resource(record, known, items)
        for name, records in items.items():
            if name not in known:
                self._refuse(ITEMS, records[0], "physical_name", "“数据资源”表里没有这个物理表名")
        if not (self.plan.systems or self.plan.resources or self.plan.errors):
            self.contents.refuse(RESOURCES, 2, "physical_name", "文件里没有可导入的内容")
        self.plan.errors.sort(key=lambda e: (_SHEET_ORDER.get(e.sheet, 9), e.row))
        return self.plan

    def _refuse(self, sheet: Any, record: Record, name: str, reason: str) -> None:
        self.contents.refuse(sheet, record.row, name, reason, record.values.get(name, ""))

    def _unit(self, sheet: Any, record: Record, name: str, permission: str) -> Organization | None:
        code = record.values.get(name, "")
        unit = self.organizations.get(code)
        if unit is None:
            if code:
                self._refuse(sheet, record, name, "没有这个机构代码")
            return None
        if not allows(self.actor, permission, unit):
            self._refuse(sheet, record, name, "您没有为这个单位登记的权限")
            return None
        return unit

    def _system(self, record: Record, seen: dict[str, int]) -> None:
        values, before = record.values, len(self.plan.errors)
        code = values.get("code", "")
        if code and seen.setdefault(code, record.row) != record.row:
            self._refuse(SYSTEMS, record, "code", f"与第 {seen[code]} 行重复")
        owner = self._unit(SYSTEMS, record, "owner", "catalog.system.edit")
        existing = self.systems.get(code)
        absent = set(SYSTEM_FIELDS) - self.contents.fields.get(SYSTEMS.title, frozenset())
        base = systems.content_of(existing) if existing else None
        kept = {name: getattr(base, name) for name in absent} if base else {}
        given = {name: values[name] for name in SYSTEM_FIELDS if name in values}
        content = SystemContent(
            **{"name": "", "purpose": "", "security_level": "", **kept, **given}
        )
        self._check_business(SYSTEMS, record)
        for name, text in systems.problems(code, content).items():
            if name in values:
                self._refuse(SYSTEMS, record, name, text)
        if existing and owner and existing.owner_id != owner.pk:
            self._refuse(
                SYSTEMS, record, "owner", f"这个系统登记在{existing.owner}名下，导入不能改归属"
            )
        if len(self.plan.errors) > before or owner is None:
            return
        act: Act = "create"
        if existing:
            act = "unchanged" if base == content else "change"
        self.plan.systems.append(SystemChange(act, record.row, code, owner, content, existing))

    def _items(self) -> dict[str, list[Record]]:
        found: dict[str, list[Record]] = {}
        for record in self.contents.records[ITEMS.title]:
            found.setdefault(record.values.get("physical_name", ""), []).append(record)
        found.pop("", None)
        return found

    def _resource(
        self, record: Record, known: dict[str, int], items: Mapping[str, list[Record]]
    ) -> None:
        values, before = record.values, len(self.plan.errors)
        name = values.get("physical_name", "")
        if not name:
            return
        if known.setdefault(name, record.row) != record.row:
            self._refuse(RESOURCES, record, "physical_name", f"与第 {known[name]} 行重复")
        elif not SNAKE_CASE.fullmatch(name):
            self._refuse(RESOURCES, record, "physical_name", SNAKE_ADVICE)
        provider = self._unit(RESOURCES, record, "provider", "catalog.resource.edit")
        category = self.categories.get(values.get("category", ""))
        if category is None and "category" in values:
            self._refuse(RESOURCES, record, "category", "没有这个细目分类代码")
        self._check_references(record)
        existing = self.resources.get(name)
        base = (existing.working or existing.published) if existing else None
        stored = self._stored(base) if base else None
        content = self._content(record, items.get(name, []), stored)
        self._check_existing(record, existing, provider, category)
        if len(self.plan.errors) > before or provider is None or category is None:
            return
        difference = compare(stored, content) if stored else None
        act: Act = "create" if difference is None else "change"
        if difference is not None and (difference.is_empty or self._published(existing, content)):
            act = "unchanged"
        if existing is not None and act == "change":
            self._check_open(record, existing)
        self.plan.resources.append(
            ResourceChange(
                act, record.row, name, provider, category, content, existing, base, difference
            )
        )

    def _check_references(self, record: Record) -> None:
        code = record.values.get("system", "")
        in_file = {r.values.get("code") for r in self.contents.records[SYSTEMS.title]}
        if code and code not in self.systems and code not in in_file:
            self._refuse(
                RESOURCES, record, "system", "没有登记过这个系统，本文件“信息系统”表里也没有"
            )
        code = record.values.get("warehouse", "")
        if code and code not in self.warehouses:
            self._refuse(RESOURCES, record, "warehouse", "没有这个数据仓代码")
        self._check_business(RESOURCES, record)
        for code in record.values.get("related", ()):
            if code not in self.related:
                self._refuse(RESOURCES, record, "related", f"没有资源代码为“{code}”的目录")

    def _check_business(self, sheet: Any, record: Record) -> None:
        for code in record.values.get("business_codes", ()):
            if code not in self.business:
                self._refuse(sheet, record, "business_codes", f"没有事项编码为“{code}”的业务事项")

    def _check_existing(
        self,
        record: Record,
        existing: Resource | None,
        provider: Organization | None,
        category: Category | None,
    ) -> None:
        code = record.values.get("code", "")
        if existing is None:
            if code:
                self._refuse(
                    RESOURCES,
                    record,
                    "code",
                    "新资源的代码由平台赋予，请留空；如要修改已有资源，请核对物理表名",
                )
            return
        if code and code != existing.code:
            self._refuse(RESOURCES, record, "code", f"这张物理表的资源代码是 {existing.code}")
        if provider and provider.pk != existing.provider_id:
            self._refuse(
                RESOURCES, record, "provider", f"这个资源由{existing.provider}提供，导入不能改归属"
            )
        if category and category.pk != existing.category_id:
            self._refuse(
                RESOURCES,
                record,
                "category",
                f"资源分类登记后不能改，现在是 {existing.category.code}",
            )

    def _stored(self, version: ResourceVersion) -> VersionContent:
        return version_content(version, self.stored.get(version.pk, []))

    def _published(self, existing: Resource | None, content: VersionContent) -> bool:
        """Whether the file only repeats what is published; an open draft must not be undone by that."""
        published = existing.published if existing else None
        return published is not None and compare(self._stored(published), content).is_empty

    def _check_open(self, record: Record, existing: Resource) -> None:
        """An entry that would change must be open for writing; unchanged ones may be in any state."""
        if existing.working and existing.working.state not in EDITABLE_STATES:
            self._refuse(RESOURCES, record, "title", "这个资源正在审核，请先撤回或等审核结束")
        if existing.state == ResourceState.RETIRED:
            self._refuse(RESOURCES, record, "title", "这个资源已撤销，不能再修改")

    def _content(
        self, record: Record, rows: list[Record], base: VersionContent | None
    ) -> VersionContent:
        """What the file says; columns an older template does not have keep what is stored."""
        values = {k: v for k, v in record.values.items() if k in VERSION_FIELDS}
        for name in self._absent(RESOURCES, VERSION_FIELDS) if base else ():
            values[name] = getattr(base, name)
        known = {item.name: item for item in base.items} if base else {}
        absent = self._absent(ITEMS, ITEM_FIELDS)
        items = tuple(_item(row, known.get(row.values.get("name", "")), absent) for row in rows)
        # A key is always required, as when it is stored.
        items = tuple(_key_required(item) for item in items)
        content = VersionContent(**{"title": "", **values}, items=items)
        if not rows:
            self._refuse(RESOURCES, record, "physical_name", "“数据项”表里没有它的数据项")
        for key, text in draft_problems(content).items():
            if key.startswith("items."):
                _, index, name = key.split(".")
                self._refuse(ITEMS, rows[int(index)], name, text)
            elif key in record.values or key == "items":
                self._refuse(RESOURCES, record, key, text)
        for row, item in zip(rows, items, strict=True):
            self._check_item(row, item)
        return content

    def _absent(self, sheet: Any, names: tuple[str, ...]) -> list[str]:
        present = self.contents.fields.get(sheet.title, frozenset())
        return [name for name in names if name not in present]

    def _check_item(self, row: Record, item: ItemContent) -> None:
        if item.code_table and item.code_table not in self.tables:
            self._refuse(ITEMS, row, "code_table", "没有这个代码表")
        if item.element and item.element not in self.elements:
            self._refuse(ITEMS, row, "element", "没有这个数据元")
        if item.name and item.title and (not item.code_table or item.code_table in self.tables):
            try:
                column_spec(item, self.codes)
            except ContractError as error:
                self._refuse(ITEMS, row, "type", str(error))


def _stored_items(resources: Iterable[Resource]) -> dict[int, list[DataItem]]:
    """The items of all versions the file is compared with, by version (one query)."""
    versions = {v for r in resources for v in (r.published_id, r.working_id) if v}
    found: dict[int, list[DataItem]] = {}
    rows = DataItem.objects.filter(version__in=versions).select_related(*ITEM_RELATIONS)
    for item in rows.order_by("version", "order"):
        found.setdefault(item.version_id, []).append(item)
    return found


def _item(row: Record, stored: ItemContent | None, absent: list[str]) -> ItemContent:
    kept = {name: getattr(stored, name) for name in absent} if stored else {}
    return ItemContent(**kept, **{k: v for k, v in row.values.items() if k in ITEM_FIELDS})


def _key_required(item: ItemContent) -> ItemContent:
    return replace(item, nullable=False) if item.is_key else item


_SHEET_ORDER = {SYSTEMS.title: 0, RESOURCES.title: 1, ITEMS.title: 2}
