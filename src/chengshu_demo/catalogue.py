"""Turns the specification files into the 273 catalogue entries with their 11,315 data items.

An entry has the items written for it plus, unless it is marked ``bare``, items from the pools
of what such systems carry (audit, source, handling, address ...). How many it takes is settled
once for the whole city so that the sum is :data:`DATA_ITEMS`; the choice depends only on the
entry's own name and the totals.
"""

import csv
from collections.abc import Iterable
from functools import cache
from typing import Final

from chengshu_demo.model import (
    Category,
    CodeTable,
    DataItem,
    Entry,
    Level,
    OpeningType,
    SharingType,
    UpdateCycle,
)
from chengshu_demo.places import package_text
from chengshu_demo.randomness import fraction
from chengshu_demo.registry import system_code, warehouse_code
from chengshu_demo.semantics import semantic, split
from chengshu_demo.specification import LEVELS, EntrySpec, ItemSpec, blocks, entry_specs

ENTRIES: Final = 273
DATA_ITEMS: Final = 11_315
RECORDS: Final = 6_322_920
BALANCING_ENTRY: Final = "gjt_bus_ride"
"""Carries whatever is left of :data:`RECORDS`; written with 0 records in the files."""
SMALLEST, LARGEST = 8, 90
DEPARTMENT_PREFIX: Final = "330383-"

_POOLS: Final = {
    "p": ("pool_audit", "pool_person", "pool_source", "pool_handling", "pool_address", "pool_tail"),
    "o": ("pool_audit", "pool_org", "pool_source", "pool_handling", "pool_address", "pool_tail"),
    "w": ("pool_audit", "pool_source", "pool_handling", "pool_tail"),
    "site": (
        "pool_audit",
        "pool_site",
        "pool_source",
        "pool_address",
        "pool_handling",
        "pool_tail",
    ),
    "facility": ("pool_audit", "pool_place", "pool_source", "pool_address", "pool_tail"),
    "v": ("pool_audit", "pool_source", "pool_handling", "pool_person", "pool_tail"),
}
_CYCLES: Final[dict[str, UpdateCycle]] = {
    "实": "realtime", "日": "daily", "周": "weekly", "月": "monthly", "季": "quarterly",
    "年": "yearly", "不": "irregular",
}  # fmt: skip
_GROUPS: Final = {
    # 类 1 基础信息资源
    "人口": "1", "法人": "1", "空间地理": "1", "信用": "1", "证照": "1", "电子证照": "1",
    # 类 2 主题信息资源
    "公共服务": "2", "健康": "2", "安全": "2", "治理": "2", "环境": "2", "经济": "2",
}  # fmt: skip
_CLASS_NAMES: Final = {"1": "基础信息资源", "2": "主题信息资源", "3": "部门信息资源"}
_CONDITION: Final = (
    "因履行法定职责或办理本人、本单位申请的事项需要，按最小够用原则申请字段，不得转供。"
)


def rank(level: Level) -> int:
    """Order of sensitivity levels, L1 lowest."""
    return LEVELS.index(level)


@cache
def code_tables() -> tuple[CodeTable, ...]:
    """The value domains used by data items."""
    rows: dict[str, list[dict[str, str]]] = {}
    for row in csv.DictReader(package_text("code_tables.csv").splitlines()):
        rows.setdefault(row["table"], []).append(row)
    return tuple(
        CodeTable(
            key,
            group[0]["title"],
            group[0]["standard"],
            tuple((r["code"], r["name"]) for r in group),
        )
        for key, group in rows.items()
    )


def _default_level(spec: EntrySpec) -> Level:
    return "L2" if spec.subject[0] in "pv" else "L1"


def _level(spec: EntrySpec, item: ItemSpec) -> Level:
    return item.level or semantic(item.generator).level or _default_level(spec)


def _own_items(spec: EntrySpec) -> list[ItemSpec]:
    """The written items; a ``bare`` entry is filled up to SMALLEST from the audit pool."""
    seen: dict[str, ItemSpec] = {}
    for item in spec.items:
        seen.setdefault(item.column, item)
    for item in blocks()["pool_audit"]:
        if len(seen) < SMALLEST and "bare" in spec.options:
            seen.setdefault(item.column, item)
    return list(seen.values())


def _pool_kind(spec: EntrySpec) -> str:
    """Places without an address take no address items; only built things have a structure."""
    generators = [item.generator for item in spec.items]
    if spec.subject != "w" or not any(g.startswith("w.") for g in generators):
        return spec.subject[0]
    named = any(g.startswith(("name:", "ref:schools")) for g in generators)
    return (
        "facility" if named and "w.lon" in generators and "nature" not in spec.options else "site"
    )


def _pool(spec: EntrySpec) -> list[ItemSpec]:
    """What the entry may take beyond its own items, in order, without repeating a meaning."""
    if "bare" in spec.options:
        return []
    own = _own_items(spec)
    columns = {item.column for item in own}
    titles = {item.title for item in own}
    once = {item.generator for item in own if item.generator[:2] in ("p.", "o.", "w.", "g.")}
    found = []
    for item in (item for name in _POOLS[_pool_kind(spec)] for item in blocks()[name]):
        if item.column in columns or item.title in titles or item.generator in once:
            continue
        if "open" in spec.options and _level(spec, item) != "L1":
            continue
        columns.add(item.column)
        titles.add(item.title)
        found.append(item)
    return found


@cache
def _taken() -> dict[str, int]:
    """How many pool items each entry takes, so that the city has exactly DATA_ITEMS."""
    specs = entry_specs()
    own = {spec.slug: len(_own_items(spec)) for spec in specs}
    room = {s.slug: min(len(_pool(s)), LARGEST - own[s.slug]) for s in specs}
    order = sorted(room, key=lambda slug: fraction("size order", slug))
    taken = {slug: round(room[slug] * fraction("size", slug)) for slug in order}
    missing = DATA_ITEMS - sum(own.values()) - sum(taken.values())
    step = 1 if missing > 0 else -1
    while missing:
        before = missing
        for slug in order:
            if missing and 0 <= taken[slug] + step <= room[slug]:
                taken[slug] += step
                missing -= step
        if missing == before:
            raise ValueError(
                f"规格文件凑不齐 {DATA_ITEMS} 个数据项, 还差 {missing} 个。请增减数据项。"
            )
    return taken


def _definition(spec: EntrySpec, item: ItemSpec) -> str:
    name, argument = split(item.generator)
    table = semantic(item.generator).code_table
    suffix = ""
    if name == "pick":
        suffix = "取值: " + "、".join(argument.split(",")) + "。"
    elif table is not None:
        found = next(t for t in code_tables() if t.key == table)
        suffix = f"按{found.title}({found.standard})取值。"
    elif semantic(item.generator).type == "date":
        suffix = "格式 YYYY-MM-DD。"
    elif semantic(item.generator).type == "datetime":
        suffix = "格式 YYYY-MM-DD hh:mm:ss, 北京时间。"
    elif item.key:
        suffix = "在本目录内唯一。"
    subject = spec.title.removesuffix("信息").removesuffix("记录")
    return f"{subject}中登记的{item.title}。{suffix}"


def _data_item(spec: EntrySpec, item: ItemSpec) -> DataItem:
    meaning = semantic(item.generator)
    return DataItem(
        column=item.column,
        title=item.title,
        type=meaning.type,
        length=meaning.length,
        precision=meaning.precision,
        scale=meaning.scale,
        nullable=not item.required,
        key=item.key,
        code_table=meaning.code_table,
        format=meaning.format,
        level=_level(spec, item),
        definition=_definition(spec, item),
        generator=item.generator,
    )


def _entry_level(spec: EntrySpec, items: Iterable[DataItem]) -> Level:
    levels = [item.level for item in items]
    if "L4" in spec.options:
        levels.append("L4")
    return max(levels, key=rank)


def _sharing(spec: EntrySpec, level: Level) -> tuple[SharingType, str, str]:
    """Sharing type, condition and legal basis, as written or following from the level."""
    for option in spec.options:
        if option.startswith("不:"):
            return "none", "", option.removeprefix("不:")
    if "受" in spec.options or rank(level) > 1:
        return "conditional", _CONDITION, ""
    return "unconditional", "", ""


def _opening(sharing: SharingType, level: Level) -> OpeningType:
    if sharing == "none" or level == "L4":
        return "forbidden"
    return "unconditional" if level == "L1" and sharing == "unconditional" else "restricted"


class _Numbering:
    """Category codes by order of first appearance."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, ...], int] = {}
        self._children: dict[tuple[str, ...], int] = {}

    def code(self, path: tuple[str, ...]) -> int:
        if path not in self._codes:
            parent = path[:-1]
            self._children[parent] = self._children.get(parent, 0) + 1
            self._codes[path] = self._children[parent]
        return self._codes[path]


def _category(spec: EntrySpec, numbering: _Numbering) -> Category:
    top = _GROUPS.get(spec.path[0], "3")
    names = (_CLASS_NAMES[top], *spec.path)
    codes = [top]
    for depth, width in ((2, 2), (3, 3), (4, 2)):
        codes.append(f"{numbering.code(names[:depth]):0{width}}")
    return Category(
        codes=(codes[0], codes[1], codes[2], codes[3]),
        names=(names[0], names[1], names[2], names[3]),
    )


def _entry(spec: EntrySpec, numbering: _Numbering, sequence: int, records: int) -> Entry:
    written = [*_own_items(spec), *_pool(spec)[: _taken()[spec.slug]]]
    items = tuple(_data_item(spec, item) for item in written)
    level = _entry_level(spec, items)
    sharing, condition, basis = _sharing(spec, level)
    category = _category(spec, numbering)
    return Entry(
        key=f"{spec.department.lower()}_{spec.slug}",
        code="/".join([*category.codes, f"{sequence:05}"]),
        title=spec.title,
        summary=spec.summary,
        provider=DEPARTMENT_PREFIX + spec.department,
        system=system_code(spec.system),
        category=category,
        warehouse=warehouse_code(spec.warehouse),
        sharing=sharing,
        sharing_condition=condition,
        legal_basis=basis,
        opening=_opening(sharing, level),
        cycle=_CYCLES[spec.cycle],
        level=level,
        subject=spec.subject,
        records=records,
        items=items,
    )


@cache
def entries() -> tuple[Entry, ...]:
    """All catalogue entries in file order."""
    numbering = _Numbering()
    rest = RECORDS - sum(spec.records for spec in entry_specs())
    return tuple(
        _entry(spec, numbering, sequence, spec.records or rest)
        for sequence, spec in enumerate(entry_specs(), start=1)
    )


def marked(option: str) -> tuple[str, ...]:
    """Keys of the entries that carry an option such as ``open`` or ``#zz``."""
    return tuple(
        entry.key
        for entry, spec in zip(entries(), entry_specs(), strict=True)
        if option in spec.options
    )
