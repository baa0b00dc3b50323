"""What a version says, as plain values: the one form that pages, API, Excel, services and diff exchange.

References to other records are their codes, so that content can be compared, imported and copied without a database.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from chengshu.data.catalog import choices
from chengshu.data.catalog.models import DataItem, ResourceVersion
from chengshu.data.catalog.models.resources import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemContent:
    """One data item. ``code_table`` is the table's key, ``element`` the data element's identifier; empty: not set."""

    name: str = ""
    title: str = ""
    type: str = choices.ItemType.TEXT
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    nullable: bool = True
    is_key: bool = False
    code_table: str = ""
    format: str = ""
    minimum: str = ""
    maximum: str = ""
    pattern: str = ""
    sensitivity: str = choices.Level.L1
    definition: str = ""
    element: str = ""
    english: str = ""
    unit: str = ""

    @property
    def type_word(self) -> str:
        """Type with its size as a person writes it: 文本(18)."""
        word = display("type", self.type)
        if self.precision:
            return f"{word}({self.precision},{self.scale or 0})"
        return f"{word}({self.length})" if self.length else word


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionContent:
    """A version's metadata and items. ``system``, ``warehouse``, ``related`` and ``business_codes`` are codes.

    ``spatial`` is a region code or words; ``source_name`` and ``source_table`` name the real table (data source and
    ``schema.table``) it is collected from. The ``access_`` fields say how an interface, a file or a stream is reached;
    :mod:`chengshu.data.catalog.kinds` says what each kind calls them.
    """

    title: str
    summary: str = ""
    system: str = ""
    warehouse: str = ""
    sharing_type: str = ""
    sharing_condition: str = ""
    sharing_basis: str = ""
    sharing_method: str = choices.SharingMethod.INTERFACE
    open_type: str = ""
    open_condition: str = ""
    update_cycle: str = ""
    level_floor: str = ""
    national_class: str = choices.NationalClass.GENERAL
    formats: tuple[str, ...] = ()
    change_note: str = ""
    kind: str = choices.ResourceKind.TABLE
    keywords: tuple[str, ...] = ()
    theme: str = ""
    spatial: str = ""
    temporal_start: date | None = None
    temporal_end: date | None = None
    related: tuple[str, ...] = ()
    is_lead: bool = False
    source_name: str = ""
    source_table: str = ""
    access_protocol: str = ""
    access_method: str = ""
    access_address: str = ""
    business_codes: tuple[str, ...] = ()
    open_basis: str = ""
    level_basis: str = ""
    items: tuple[ItemContent, ...] = ()

    @property
    def level(self) -> str:
        """The highest level of the items and the floor: 就高从严 (GB/T 43697-2024, DB33/T 2351-2021)."""
        levels = [item.sensitivity for item in self.items if item.sensitivity]
        return max([*levels, self.level_floor or choices.Level.L1])


ITEM_FIELDS: tuple[str, ...] = tuple(f.name for f in fields(ItemContent))
VERSION_FIELDS: tuple[str, ...] = tuple(f.name for f in fields(VersionContent) if f.name != "items")
LIST_VERSION_FIELDS = ("formats", "keywords", "related", "business_codes")
_REFERENCES = {"system", "warehouse", *LIST_VERSION_FIELDS}
PLAIN_VERSION_FIELDS: tuple[str, ...] = tuple(f for f in VERSION_FIELDS if f not in _REFERENCES)
_ITEM_REFERENCES = {"code_table", "element"}
PLAIN_ITEM_FIELDS: tuple[str, ...] = tuple(f for f in ITEM_FIELDS if f not in _ITEM_REFERENCES)
# What has to be loaded with an item so that its content costs no query of its own.
ITEM_RELATIONS = ("code_table", "element")

CHOICES: dict[str, type] = {
    "kind": choices.ResourceKind,
    "theme": choices.Theme,
    "sharing_type": choices.SharingType,
    "sharing_method": choices.SharingMethod,
    "open_type": choices.OpenType,
    "update_cycle": choices.UpdateCycle,
    "level_floor": choices.Level,
    "level": choices.Level,
    "national_class": choices.NationalClass,
    "formats": choices.DataFormat,
    "type": choices.ItemType,
    "format": choices.ItemFormat,
    "sensitivity": choices.Level,
}


def label(field: str) -> str:
    """The Chinese name of a field of a version or an item."""
    model: Any = ResourceVersion if field in _VERSION_NAMES else DataItem
    return str(model._meta.get_field(field).verbose_name)


_VERSION_NAMES = {*VERSION_FIELDS, "level"}


def display(field: str, value: Any) -> str:
    """A value as people read it; empty values become a dash."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, tuple | list):
        return "、".join(display(field, v) for v in value) or "—"
    if field in CHOICES and value:
        known: dict[str, str] = dict(getattr(CHOICES[field], "choices", []))
        return known.get(str(value), str(value))
    return "—" if value in (None, "") else str(value)


def item_content(item: DataItem) -> ItemContent:
    """The content of a stored item (load ``ITEM_RELATIONS`` with it to avoid queries per item)."""
    return ItemContent(
        **{name: getattr(item, name) for name in PLAIN_ITEM_FIELDS},
        code_table=item.code_table.key if item.code_table else "",
        element=item.element.identifier if item.element else "",
    )


def version_content(
    version: ResourceVersion, items: Iterable[DataItem] | None = None
) -> VersionContent:
    """The content of a stored version; loads the items unless they are given."""
    if items is None:
        items = version.items.select_related(*ITEM_RELATIONS).order_by("order")
    lists: dict[str, Any] = {name: tuple(getattr(version, name)) for name in LIST_VERSION_FIELDS}
    return VersionContent(
        **{name: getattr(version, name) for name in PLAIN_VERSION_FIELDS},
        system=version.system.code if version.system else "",
        warehouse=version.warehouse.code if version.warehouse else "",
        **lists,
        items=tuple(item_content(item) for item in items),
    )


def shown_title(resource: Resource) -> str:
    """The title people see for a resource."""
    return resource.shown.title if resource.shown else resource.title
