"""What the demo city consists of: plain immutable records without any framework.

``Entry.key`` is the identity used everywhere (rows, ground truth, interfaces); it is also a
usable table name. ``Entry.code`` is the catalogue code 类/项/目/细目/序号.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

DataType = Literal["text", "integer", "decimal", "date", "datetime", "boolean"]
Format = Literal[
    "id_number", "uscc", "region12", "mobile", "plate", "bank_card", "postcode", "email"
]
Level = Literal["L1", "L2", "L3", "L4"]
SharingType = Literal["unconditional", "conditional", "none"]
OpeningType = Literal["unconditional", "restricted", "forbidden"]
UpdateCycle = Literal["realtime", "daily", "weekly", "monthly", "quarterly", "yearly", "irregular"]
OrganisationKind = Literal["city", "department", "community", "management_area", "enterprise"]
ZoneName = Literal["政务外网", "政务云公共服务区", "政务云行政服务区", "视频专网", "互联网区"]


@dataclass(frozen=True, slots=True)
class Organisation:
    """A node of the organisation tree; ``parent`` is a code, empty at the root.

    ``region`` is a 12-digit code; ``role`` is ``provider`` or ``data_bureau`` for departments.
    """

    code: str
    short: str
    name: str
    kind: OrganisationKind
    parent: str
    region: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Community:
    """A community: 12-digit code, name and a generated (not surveyed) centre in degrees."""

    code: str
    name: str
    longitude: float
    latitude: float


@dataclass(frozen=True, slots=True)
class Account:
    """A demo account; passwords are set by whoever loads it."""

    username: str
    name: str
    role: str
    organisation: str
    region: str
    phone: str
    id_number: str


@dataclass(frozen=True, slots=True)
class InformationSystem:
    """A registered information system with its 等保 level (2 or 3) and where it runs."""

    code: str
    name: str
    owner: str
    purpose: str
    protection_level: int
    zone: ZoneName
    location: str
    status: Literal["running", "trial"]
    online_since: dt.date


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A value domain; ``codes`` are (code, name) pairs."""

    key: str
    title: str
    standard: str
    codes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DataItem:
    """One data item (column) of an entry. ``length`` counts characters of text."""

    column: str
    title: str
    type: DataType
    length: int | None
    precision: int | None
    scale: int | None
    nullable: bool
    key: bool
    code_table: str | None
    format: Format | None
    level: Level
    definition: str
    generator: str
    """How the demo city fills the column (``semantics``); of no interest to a catalogue."""


@dataclass(frozen=True, slots=True)
class Category:
    """Where an entry is filed: 类, 项, 目, 细目, each with code and name."""

    codes: tuple[str, str, str, str]
    names: tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A catalogue entry with its data items; ``level`` is the highest of its items."""

    key: str
    code: str
    title: str
    summary: str
    provider: str
    system: str
    category: Category
    warehouse: str
    sharing: SharingType
    sharing_condition: str
    legal_basis: str
    opening: OpeningType
    cycle: UpdateCycle
    level: Level
    subject: str
    records: int
    """Accepted records at full scale."""
    items: tuple[DataItem, ...]

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that identify a record."""
        return tuple(item.column for item in self.items if item.key)

    def item(self, column: str) -> DataItem:
        """The data item of a column; KeyError if the entry has none."""
        for item in self.items:
            if item.column == column:
                return item
        raise KeyError(f"目录“{self.title}”没有数据项 {column}。")


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A 数据仓 with the keys of its entries."""

    code: str
    name: str
    purpose: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Application:
    """A connected application."""

    code: str
    name: str
    owner: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Interface:
    """A live share interface: one entry looked up by one column; who may call which fields.

    ``kinds`` are the ways of calling by application where it is more than looking up one record, ``queries`` the
    fields that conditional queries may ask for.
    """

    code: str
    title: str
    entry: str
    key_column: str
    fields: tuple[str, ...]
    applications: tuple[str, ...]
    queries: tuple[str, ...] = ()
    kinds: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenInterface:
    """An interface of the open-data portal over an L1 entry."""

    code: str
    title: str
    entry: str


@dataclass(frozen=True, slots=True)
class Library:
    """A thematic library with its member entries."""

    code: str
    name: str
    purpose: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class City:
    """The whole demo city except its records."""

    organisations: tuple[Organisation, ...]
    communities: tuple[Community, ...]
    accounts: tuple[Account, ...]
    systems: tuple[InformationSystem, ...]
    code_tables: tuple[CodeTable, ...]
    entries: tuple[Entry, ...]
    warehouses: tuple[Warehouse, ...]
    applications: tuple[Application, ...]
    interfaces: tuple[Interface, ...]
    open_interfaces: tuple[OpenInterface, ...]
    open_dataset: str
    libraries: tuple[Library, ...]

    def entry(self, key: str) -> Entry:
        """The entry with a key; KeyError if there is none."""
        for entry in self.entries:
            if entry.key == key:
                return entry
        raise KeyError(f"演示城市里没有编号为 {key} 的目录。")


@dataclass(frozen=True, slots=True)
class Balance:
    """What a delivery consists of: ``source = accepted + quarantined + duplicates``."""

    source: int
    accepted: int
    quarantined: int
    duplicates: int
