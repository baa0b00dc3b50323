"""Planted quality defects: what can go wrong with a column, and what it then looks like.

Hard defects make a record unacceptable; each rejected record has exactly one. Soft defects
leave a record acceptable by the catalogue's contract, but wrong; accepted records may have
several, in different columns. Every planted defect is listed in the ground truth together
with the original value, and every cell that is empty though it should not be is a planted one.

A soft defect is planted only where the data hold what gives it away (``evidence``): a wrong gender
beside an identity number or a telephone, another character in a name where number, telephone or home
are known too. A name that stands alone only gets a gap, which shows by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from chengshu_demo import encoding
from chengshu_demo.columns import value
from chengshu_demo.dating import date_style, days_of, may_lie_ahead
from chengshu_demo.encoding import Ints
from chengshu_demo.evidence import shows, tells_the_name
from chengshu_demo.frame import Frame
from chengshu_demo.model import DataItem, Entry
from chengshu_demo.randomness import fraction
from chengshu_demo.semantics import split
from chengshu_demo.timeframe import year_start

HardKind = Literal[
    "missing_required",
    "wrong_check_digit",
    "identifier_as_float",
    "invalid_date",
    "over_long",
    "not_in_code_table",
    "not_a_number",
]
SoftKind = Literal[
    "stale",
    "missing_identifier",
    "name_variant",
    "gender_mismatch",
    "address_mismatch",
    "date_order",
    "repeat_registration",
]
HARD_RATES: Final = (0.0, 0.002, 0.004, 0.006, 0.010, 0.015)
DUPLICATE_RATES: Final = (0.0, 0.0, 0.001, 0.002, 0.004, 0.008)
SOFT_RATES: Final[dict[SoftKind, tuple[float, float]]] = {
    "stale": (0.002, 0.03),
    "missing_identifier": (0.004, 0.02),
    "name_variant": (0.002, 0.012),
    "gender_mismatch": (0.0005, 0.004),
    "address_mismatch": (0.003, 0.02),
    "date_order": (0.001, 0.006),
    "repeat_registration": (0.001, 0.005),
}
"""Lowest and highest share of records per kind; each entry has its own rate in between."""
INVALID_DATES: Final = ("2023-02-30", "2024-13-05", "2021-04-31", "1987-00-12", "20-1-1", "不详")
NOT_NUMBERS: Final = ("不详", "约50", "见附件", "十二")
_OVERLONG_MAX: Final = 200
_CHECKED: Final = frozenset({"id_number", "uscc"})
_SIMILAR: Final = dict(
    zip(
        "伟国华芳敏静丽强军杰涛明平辉鹏飞波斌浩凯健佳文志永春晓荣德思正祥林玲英红梅珍洁琴莹瑶怡欣雅涵晨宇",
        "玮囯桦方闵婧莉墙君洁焘铭萍晖朋菲泼彬皓恺建嘉纹智咏椿小蓉得斯政翔琳铃瑛虹玫贞杰芹滢谣宜昕亚函辰雨",
        strict=True,
    )
)
_VARIANTS: Final = 4
_STALE_YEARS: Final = (2014, 2019)
_MALE_CODE, _FEMALE_CODE = "1", "2"


Words: TypeAlias = Any
"""A list of str or None out of Arrow."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One changed cell; ``position`` counts rows of the frame."""

    position: int
    column: str
    kind: HardKind | SoftKind
    value: str | None
    original: str | None


def _can_be_over_long(item: DataItem) -> bool:
    plain = item.type == "text" and item.format is None and not item.key
    return plain and item.length is not None and item.length <= _OVERLONG_MAX


def hard_options(entry: Entry) -> tuple[tuple[str, HardKind], ...]:
    """Every (column, kind) of hard defect an entry can have."""
    found: list[tuple[str, HardKind]] = []
    for item in entry.items:
        if not item.nullable:
            found.append((item.column, "missing_required"))
        if item.format in _CHECKED:
            found.append((item.column, "wrong_check_digit"))
        if item.format == "id_number":
            found.append((item.column, "identifier_as_float"))
        if item.type in ("date", "datetime"):
            found.append((item.column, "invalid_date"))
        if item.type in ("integer", "decimal"):
            found.append((item.column, "not_a_number"))
        if item.code_table is not None:
            found.append((item.column, "not_in_code_table"))
        elif _can_be_over_long(item):
            found.append((item.column, "over_long"))
    return tuple(found)


def _wrong_digit(number: str) -> str:
    last = number[-1]
    return number[:-1] + ("7" if last != "7" else "3")


def _as_float(number: str) -> str:
    return f"{number[0]}.{number[1:6]}E+17"


def broken(kind: HardKind, item: DataItem, original: str, lot: int) -> str | None:
    """What a value becomes through a hard defect; ``lot`` chooses among variants."""
    match kind:
        case "missing_required":
            return None
        case "wrong_check_digit":
            return _wrong_digit(original)
        case "identifier_as_float":
            return _as_float(original)
        case "invalid_date":
            return INVALID_DATES[lot % len(INVALID_DATES)]
        case "not_a_number":
            return NOT_NUMBERS[lot % len(NOT_NUMBERS)]
        case "not_in_code_table":
            return "Z" * (item.length or 1)
        case "over_long":
            filler = (original or item.title) + "(原系统导出时与备注合并)"
            return (filler * (_OVERLONG_MAX // len(filler) + 2))[: (item.length or 0) + 6]


def hard_patches(frame: Frame, positions: Ints) -> list[Patch]:
    """One hard defect for each of the given rows."""
    options = hard_options(frame.entry)
    generator = frame.stream("hard defects")
    chosen = generator.integers(0, len(options), size=len(positions))
    lots = generator.integers(0, 1 << 20, size=len(positions))
    patches = []
    for option in np.unique(chosen):
        column, kind = options[option]
        rows = np.flatnonzero(chosen == option)
        item = frame.item(column)
        originals = value(frame, column).take(pa.array(positions[rows])).to_pylist()
        for row, original in zip(rows, originals, strict=True):
            effective = kind
            if original is None and kind in ("wrong_check_digit", "identifier_as_float"):
                # Nothing to corrupt in a blank cell: the key goes missing instead.
                patches.append(_missing_key(frame, int(positions[row])))
                continue
            changed = broken(effective, item, original or "", int(lots[row]))
            patches.append(Patch(int(positions[row]), column, effective, changed, original))
    return patches


def _missing_key(frame: Frame, position: int) -> Patch:
    column = frame.entry.key_columns[0]
    original = value(frame, column)[position].as_py()
    return Patch(position, column, "missing_required", None, original)


# --- soft defects --------------------------------------------------------------------------


def soft_rate(entry: Entry, kind: SoftKind) -> float:
    """The share of accepted records of an entry that get a soft defect of a kind."""
    low, high = SOFT_RATES[kind]
    return low + (high - low) * fraction("soft rate", entry.key, kind) ** 2


def _first(entry: Entry, wanted: Callable[[DataItem], bool]) -> str | None:
    return next((item.column for item in entry.items if wanted(item)), None)


def soft_columns(entry: Entry) -> dict[SoftKind, str]:
    """Which column of an entry shows which kind of soft defect; only where the entry holds the evidence."""
    places = soft_places(entry)
    return {kind: column for kind, column in places.items() if shows(entry, kind, column)}


def soft_places(entry: Entry) -> dict[SoftKind, str]:
    """Which column of an entry could have which kind of soft defect, whether or not anything would show it."""
    natural = any(i.key and i.generator.startswith(("p.", "o.", "v.")) for i in entry.items)
    wanted: dict[SoftKind, str | None] = {
        "stale": _first(entry, lambda i: i.column == "update_time"),
        "missing_identifier": _first(
            entry, lambda i: i.generator == "p.id" and i.nullable and not i.key
        ),
        "name_variant": _first(entry, lambda i: i.generator in ("p.name", "o.name")),
        "gender_mismatch": _first(entry, lambda i: i.generator == "p.sex"),
        "address_mismatch": _first(entry, lambda i: i.generator in ("p.addr", "o.addr")),
        "date_order": _first(
            entry,
            lambda i: i.generator.startswith("end:") and (not may_lie_ahead(i.title) or i.nullable),
        ),
        "repeat_registration": entry.key_columns[0]
        if entry.subject[0] == "p" and not natural
        else None,
    }
    return {kind: column for kind, column in wanted.items() if column is not None}


def name_variant(name: str, lot: int) -> str:
    """Another way a name gets written: a look-alike character, a gap, an organisation's
    other style.
    """
    if name.startswith("龙港市"):
        styles = (
            name.removeprefix("龙港市"),
            "浙江" + name,
            name.replace("有限公司", "有限责任公司") if "有限公司" in name else name + "(个体)",
            name.replace("龙港市", "龙港市 "),
        )
        return styles[lot % len(styles)]
    swapped = "".join(_SIMILAR.get(char, char) if n else char for n, char in enumerate(name))
    if swapped != name and lot % _VARIANTS:
        return swapped
    return f"{name[0]} {name[1:]}"


def _stale(rows: Ints, generator: np.random.Generator) -> Words:
    first, last = (year_start(year) for year in _STALE_YEARS)
    days = generator.integers(first, last, size=len(rows))
    seconds = generator.integers(8 * 3600, 18 * 3600, size=len(rows))
    return encoding.datetimes(days, seconds).to_pylist()


def _order(frame: Frame, rows: Ints, column: str, generator: np.random.Generator) -> Words:
    base = split(frame.item(column).generator)[1].partition("+")[0]
    days = days_of(frame, base)[rows] - generator.integers(1, 200, size=len(rows))
    return encoding.dates(days, date_style(frame.entry.key)).to_pylist()


def _addresses(frame: Frame, column: str, count: int, generator: np.random.Generator) -> Words:
    world = frame.world
    if frame.item(column).generator == "p.addr":
        pool, limit = world.people.address, world.people.residents
    else:
        pool, limit = world.entities.address, world.entities.registered
    return pool.take(pa.array(generator.integers(0, limit, size=count))).to_pylist()


def _changed(
    frame: Frame,
    kind: SoftKind,
    column: str,
    *,
    rows: Ints,
    originals: list[str | None],
    generator: np.random.Generator,
) -> Words:
    match kind:
        case "stale":
            return _stale(rows, generator)
        case "missing_identifier":
            return [None] * len(rows)
        case "name_variant":
            lots = generator.integers(0, 1 << 16, size=len(rows))
            if not tells_the_name(frame.entry, frame.item(column)):
                lots -= lots % _VARIANTS  # a gap shows by itself
            return [
                name_variant(o or "", int(n)) if o else o
                for o, n in zip(originals, lots, strict=True)
            ]
        case "gender_mismatch":
            return [_FEMALE_CODE if o == _MALE_CODE else _MALE_CODE for o in originals]
        case "address_mismatch":
            return _addresses(frame, column, len(rows), generator)
        case _:
            return _order(frame, rows, column, generator)


def soft_patches(frame: Frame, accepted: int) -> list[Patch]:
    """Soft defects among the first ``accepted`` rows of a frame (all but repeats)."""
    patches: list[Patch] = []
    for kind, column in soft_columns(frame.entry).items():
        count = round(accepted * soft_rate(frame.entry, kind))
        if not count or kind == "repeat_registration":
            continue
        generator = frame.stream(f"soft {kind}")
        rows = np.sort(generator.choice(accepted, size=count, replace=False))
        originals = value(frame, column).take(pa.array(rows)).to_pylist()
        changed = _changed(frame, kind, column, rows=rows, originals=originals, generator=generator)
        patches.extend(
            Patch(int(row), column, kind, new, old)
            for row, new, old in zip(rows, changed, originals, strict=True)
            if old is not None and new != old
        )
    return patches


def repeats(frame: Frame, accepted: int) -> tuple[Ints, Ints]:
    """Rows that register a person again under a new number: (row, row it repeats)."""
    none = np.empty(0, dtype=np.int64)
    if "repeat_registration" not in soft_columns(frame.entry):
        return none, none
    count = round(accepted * soft_rate(frame.entry, "repeat_registration"))
    if not count or accepted < 2 * count:
        return none, none
    rows = frame.stream("repeats").choice(accepted, size=2 * count, replace=False)
    rows = np.sort(rows)
    return rows[1::2], rows[::2]
