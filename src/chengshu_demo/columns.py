"""The values behind every generator of ``semantics``, a whole batch at a time."""

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chengshu_demo import dating, encoding
from chengshu_demo.catalogue import code_tables
from chengshu_demo.encoding import Mask, Texts, join, pick, texts
from chengshu_demo.evidence import name_beside
from chengshu_demo.frame import Frame
from chengshu_demo.model import DataItem
from chengshu_demo.organisations import departments
from chengshu_demo.person_values import person_value
from chengshu_demo.places import division_names, divisions, road_names
from chengshu_demo.randomness import fraction
from chengshu_demo.semantics import bounds, split
from chengshu_demo.specification import vocabularies
from chengshu_demo.thing_values import (
    entity_value,
    household_value,
    place_value,
    vehicle_value,
)

Maker = Callable[[Frame, str, str], Texts]

_SHORT_NAMES: Final = frozenset({"河", "桥", "陡门", "花园", "路口", "股份经济合作社", "商会"})
_NORMAL_WORDS: Final = frozenset(
    {
        "有效", "正常", "成功", "合格", "通过", "在线", "在读", "启用", "已归档", "现势", "核验通过",
        "已缴", "已收", "完好", "在用", "一致", "无", "已签章", "存续", "正常缴费", "正常缴存", "已办结",
    }
)  # fmt: skip
"""States in which nearly all records are."""
_NORMAL_SHARE: Final = 0.93
_WORKING_AGE: Final = (18, 65)
_STAFF: Final = 400
_ENFORCING: Final = frozenset({"330383-GA", "330383-SJ", "330383-YJ", "330383-ZH", "330383-ZG"})
_MOSTLY_BLANK: Final = frozenset({"remark", "return_reason"})
_MOSTLY_BLANK_RATE: Final = 0.6


def _skewed(count: int) -> npt.NDArray[np.float64]:
    weights: npt.NDArray[np.float64] = 1 / np.arange(1, count + 1) ** 1.1
    shares: npt.NDArray[np.float64] = weights / weights.sum()
    return shares


def _steady(count: int) -> npt.NDArray[np.float64]:
    """Shares of states of which the first is the normal one."""
    shares = _skewed(count)
    if count > 1:
        shares[1:] *= (1 - _NORMAL_SHARE) / shares[1:].sum()
        shares[0] = _NORMAL_SHARE
    return shares


def _choose(frame: Frame, purpose: str, vocabulary: Texts) -> Texts:
    count = len(vocabulary)
    normal = vocabulary[0].as_py() in _NORMAL_WORDS
    shares = _steady(count) if normal else _skewed(count)
    index = frame.stream(purpose).choice(count, size=len(frame), p=shares)
    return pick(vocabulary, index)


@cache
def _words(topic: str) -> Texts:
    return pa.array(list(vocabularies()[topic]), pa.string())


@cache
def _codes(table: str) -> Texts:
    found = next(t for t in code_tables() if t.key == table)
    return pa.array([code for code, _ in found.codes], pa.string())


def _make_integer(frame: Frame, argument: str, column: str) -> Texts:
    low, high = bounds(argument)
    return encoding.integers(frame.stream(column).integers(low, high + 1, size=len(frame)))


def _make_product(frame: Frame, argument: str, _column: str) -> Texts:
    """Quantity of another integer column times a price in fen, as yuan."""
    quantity, _, fen = argument.partition("*")
    low, high = bounds(split(frame.item(quantity).generator)[1])
    amounts = frame.stream(quantity).integers(low, high + 1, size=len(frame))
    return encoding.decimals(amounts * int(fen), 2)


def _amount(frame: Frame, column: str, low: int, high: int, scale: int) -> Texts:
    share = frame.stream(column).random(len(frame)) ** 2.2
    unit = 10**scale
    values = low * unit + (share * (high - low) * unit).astype(np.int64)
    return encoding.decimals(values, scale)


def _make_decimal(frame: Frame, argument: str, column: str) -> Texts:
    span, _, scale = argument.partition("/")
    return _amount(frame, column, *bounds(span), int(scale or 2))


def _make_money(frame: Frame, argument: str, column: str) -> Texts:
    return _amount(frame, column, *bounds(argument), 2)


def _make_pick(frame: Frame, argument: str, column: str) -> Texts:
    return _choose(frame, column, pa.array(argument.split(","), pa.string()))


def _make_code(frame: Frame, argument: str, column: str) -> Texts:
    table, _, chosen = argument.partition("=")
    codes = pa.array(chosen.split("+"), pa.string()) if chosen else _codes(table)
    return _choose(frame, column, codes)


def _make_text(frame: Frame, argument: str, column: str) -> Texts:
    phrases = vocabularies()[argument]
    index = frame.stream(column).integers(0, len(phrases), size=len(frame))
    plain = pick(pa.array([p.removeprefix("~") for p in phrases], pa.string()), index)
    placed = np.array([p.startswith("~") for p in phrases])
    if not placed.any():
        return plain
    division, road, _ = frame.place
    where = join(pick(division_names(), division), pick(road_names(), road))
    prefix = pc.if_else(pa.array(placed[index]), where, pa.scalar(""))
    return join(prefix, plain)


def _make_reference(frame: Frame, argument: str, _column: str) -> Texts:
    topic, _, part = argument.partition(".")
    words = _words(topic)
    index = frame.stream(f"reference {topic}").integers(0, len(words), size=len(frame))
    if part == "code":
        return encoding.serial(f"3303{topic[:2].upper()}", index, 4)
    return pick(words, index)


def _make_name(frame: Frame, argument: str, _column: str) -> Texts:
    division, road, _ = frame.place
    if argument in _SHORT_NAMES:
        short = pa.array([d.name.removesuffix("社区") for d in divisions()], pa.string())
        return join(pick(short, division), argument)
    ending: Texts | str = argument
    if argument.startswith("@"):
        ending = value(frame, argument.removeprefix("@"))
    return join(pick(division_names(), division), pick(road_names(), road), ending)


def _make_serial(frame: Frame, argument: str, _column: str) -> Texts:
    return encoding.serial(argument, frame.numbers + 1)


def _make_number(frame: Frame, argument: str, column: str) -> Texts:
    return encoding.serial(argument, frame.stream(column).integers(0, 10**10, size=len(frame)))


def _make_staff(frame: Frame, _argument: str, column: str) -> Texts:
    names = pick(frame.world.people.name, frame.world.people.adults[:_STAFF])
    return pick(names, frame.stream(column).integers(0, _STAFF, size=len(frame)))


def _make_department(frame: Frame, _argument: str, column: str) -> Texts:
    department = departments()[frame.entry.provider]
    generator = frame.item(column).generator
    if generator == "unit":
        enforces = department.code in _ENFORCING
        words = [u for u in vocabularies()["units"] if enforces or not u.startswith("执法")]
        return _choose(frame, column, pa.array([department.short + u for u in words], pa.string()))
    text = department.code if generator == "deptcode" else department.name
    return pick(texts([text]), np.zeros(len(frame), dtype=np.int64))


def _make_telephone(frame: Frame, _argument: str, column: str) -> Texts:
    return encoding.serial("0577-099", frame.stream(column).integers(0, 10**5, size=len(frame)), 5)


def _make_flag(frame: Frame, _argument: str, column: str) -> Texts:
    share = 0.1 + 0.8 * fraction("flag", frame.entry.key, column)
    return pick(texts(("0", "1")), (frame.stream(column).random(len(frame)) < share).astype(int))


def _make_url(frame: Frame, _argument: str, column: str) -> Texts:
    number = frame.stream(column).integers(0, 10**9, size=len(frame))
    return encoding.serial("https://data.longgang.example/f/", number, 9)


def _make_address(frame: Frame, _argument: str, column: str) -> Texts:
    octets = frame.stream(column).integers(0, 256, size=(2, len(frame)))
    return join("10.83.", encoding.integers(octets[0]), ".", encoding.integers(octets[1]))


def _make_hex(frame: Frame, _argument: str, column: str) -> Texts:
    alphabet = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    nibbles = frame.stream(column).integers(0, 16, size=(len(frame), 32), dtype=np.uint8)
    return encoding.fixed_width(alphabet[nibbles])


_MAKERS: Final[dict[str, Maker]] = {
    **dating.MAKERS,
    "int": _make_integer, "dec": _make_decimal, "money": _make_money, "prod": _make_product,
    "pick": _make_pick, "code": _make_code, "text": _make_text, "ref": _make_reference,
    "name": _make_name, "key": _make_serial, "no": _make_number, "staff": _make_staff,
    "dept": _make_department, "deptcode": _make_department, "unit": _make_department,
    "tel": _make_telephone, "flag": _make_flag, "url": _make_url, "ip": _make_address,
    "hex": _make_hex,
}  # fmt: skip
_FAMILIES: Final[dict[str, Maker]] = {
    "p": person_value, "q": person_value, "g": person_value, "f": person_value, "m": person_value,
    "o": entity_value, "e": entity_value, "w": place_value, "v": vehicle_value,
    "h": household_value,
}  # fmt: skip


def _null_rate(frame: Frame, column: str) -> float:
    if column in _MOSTLY_BLANK:
        return _MOSTLY_BLANK_RATE
    return 0.14 * fraction("null rate", frame.entry.key, column) ** 3


def value(frame: Frame, column: str) -> Texts:
    """The clean values of a column (nullable ones with their share of blanks)."""
    item = frame.item(column)
    family, dot, _ = item.generator.partition(".")
    if dot and family in _FAMILIES:
        made = _FAMILIES[family](frame, item.generator, column)
    else:
        name, argument = split(item.generator)
        made = _MAKERS[name](frame, argument, column)
    blank = _blank(frame, item)
    return made if blank is None else pc.if_else(pa.array(blank), encoding.BLANK, made)


def _blank(frame: Frame, item: DataItem) -> Mask | None:
    """Which cells of a column are left empty; None: none.

    Whoever writes down a person's name asks for the identity number too: beside a name it is empty only where the
    ground truth says so, and without a name there is no number.
    """
    named = name_beside(frame.entry, item)
    if named is not None:
        return _blank(frame, named)
    if not item.nullable:
        return None
    column = item.column
    blank: Mask = frame.stream(f"blank {column}").random(len(frame)) < _null_rate(frame, column)
    if frame.kind == "p" and item.generator.startswith("o."):
        youngest, oldest = _WORKING_AGE
        age = frame.world.people.age[frame.person]
        blank |= (age < youngest) | (age > oldest)
    return blank
