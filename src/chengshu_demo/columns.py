"""The values behind every generator of ``semantics``, a whole batch at a time."""

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chengshu_demo import encoding
from chengshu_demo.catalogue import code_tables
from chengshu_demo.encoding import Ints, join, pick
from chengshu_demo.frame import Frame
from chengshu_demo.organisations import departments
from chengshu_demo.places import division_codes, division_names, divisions, positions, road_names
from chengshu_demo.population import ETHNIC_CODES, FEMALE, MALE, street_addresses
from chengshu_demo.randomness import fraction
from chengshu_demo.semantics import bounds, split
from chengshu_demo.specification import vocabularies
from chengshu_demo.timeframe import REFERENCE_DAY, last_day, year_start

Maker = Callable[[Frame, str, str], pa.StringArray]

DATE_STYLES: Final = (
    (encoding.ISO_DATE, 0.76),
    ("{0.year:04}/{0.month:02}/{0.day:02}", 0.09),
    ("{0.year:04}{0.month:02}{0.day:02}", 0.08),
    ("{0.year:04}年{0.month:02}月{0.day:02}日", 0.07),
)
"""How departments write dates, with the share of entries that do."""
_FUTURE_WORDS: Final = (
    "有效期", "到期", "期限", "期满", "届满", "结束", "终止", "下次", "计划", "承诺", "预产", "报废",
    "期止", "期至", "流转止", "务止", "终保", "拟离", "移出",
)  # fmt: skip
_SHORT_NAMES: Final = frozenset({"河", "桥", "陡门", "花园", "路口", "股份经济合作社", "商会"})
_STAFF: Final = 400
_ENFORCING: Final = frozenset({"330383-GA", "330383-SJ", "330383-YJ", "330383-ZH", "330383-ZG"})
_POST_CODE: Final = 325_802
_HOURS: Final = np.array([0.2, 0.1, 0.1, 0.1, 0.1, 0.3, 1, 2, 6, 9, 9, 7, 3, 4, 8, 9, 8, 6, 3, 2,
                          2, 1.5, 1, 0.5])  # fmt: skip
_MEANING_OF_FLAG: Final = pa.array(["0", "1"], pa.string())


def date_style(entry_key: str) -> str:
    """The date style of an entry's department."""
    position = fraction("date style", entry_key)
    for style, share in DATE_STYLES:
        position -= share
        if position < 0:
            return style
    return encoding.ISO_DATE


def _skewed(count: int) -> np.ndarray:
    weights = 1 / np.arange(1, count + 1) ** 1.1
    return weights / weights.sum()


def _choose(frame: Frame, purpose: str, vocabulary: pa.StringArray) -> pa.StringArray:
    index = frame.stream(purpose).choice(
        len(vocabulary), size=len(frame), p=_skewed(len(vocabulary))
    )
    return pick(vocabulary, index)


@cache
def _words(topic: str) -> pa.StringArray:
    return pa.array(list(vocabularies()[topic]), pa.string())


@cache
def _codes(table: str) -> pa.StringArray:
    found = next(t for t in code_tables() if t.key == table)
    return pa.array([code for code, _ in found.codes], pa.string())


# --- people -----------------------------------------------------------------------------


def _education(frame: Frame) -> pa.StringArray:
    who = frame.person
    age = frame.world.people.age[who]
    lot = who * 2_654_435_761 % 100
    young = np.select([lot < 4, lot < 30, lot < 55, lot < 75], [10, 20, 30, 60], default=70)
    old = np.select([lot < 3, lot < 8, lot < 20, lot < 55], [20, 30, 60, 70], default=80)
    level = np.where(age >= 45, old, young)
    level = np.select([age < 12, age < 15, age < 18], [80, 70, 60], default=level)
    return encoding.integers(level)


def _marital(frame: Frame) -> pa.StringArray:
    people, who = frame.world.people, frame.person
    lot = who * 40_503 % 100
    alone = np.where(lot < 55, 10, np.where(lot < 80, 40, 30))
    alone = np.where(people.age[who] < 30, 10, alone)
    return encoding.integers(np.where(people.spouse[who] >= 0, 20, alone))


def _relation(frame: Frame) -> pa.StringArray:
    people, who = frame.world.people, frame.person
    child = np.where(people.sex[who] == MALE, 20, 30)
    elder = people.birth[who] < people.birth[frame.head]
    code = np.where(elder, 50, child)
    code = np.where(people.spouse[who] == frame.head, 10, code)
    code = np.where(who == frame.head, 2, code)
    return encoding.fixed_width(encoding.digits(code, 2))


def _political(frame: Frame) -> pa.StringArray:
    lot = frame.person * 7_919 % 100
    code = np.select([lot < 9, lot < 10, lot < 22, lot < 24], [1, 2, 3, 5], default=13)
    return encoding.fixed_width(encoding.digits(code, 2))


def _email(frame: Frame) -> pa.StringArray:
    return join(encoding.serial("lg", frame.person, 7), "@longgang.example")


_WHO: Final[dict[str, Callable[[Frame], Ints]]] = {
    "p": lambda frame: frame.person,
    "q": lambda frame: frame.second,
    "g": lambda frame: frame.head,
    "f": lambda frame: frame.parent(MALE),
    "m": lambda frame: frame.parent(FEMALE),
}
_GRADES: Final = (
    "一年级", "二年级", "三年级", "四年级", "五年级", "六年级", "七年级", "八年级", "九年级",
    "高一", "高二", "高三", "高三",
)  # fmt: skip
_SCHOOL_AGE: Final = 6


def _grade(frame: Frame) -> pa.StringArray:
    age = frame.world.people.age[frame.person]
    return pick(pa.array(_GRADES), np.clip(age - _SCHOOL_AGE, 0, len(_GRADES) - 1))


def _school_index(frame: Frame) -> Ints:
    """The school of the district for the age: kindergarten, primary, middle or high school."""
    names = vocabularies()["schools"]
    stages = [
        [n for n, name in enumerate(names) if name.endswith("幼儿园")],
        [n for n, name in enumerate(names) if name.endswith(("小学", "学校")) and "职业" not in name],
        [n for n, name in enumerate(names) if name.endswith("中学") and name[3:4] != "中"],
        [n for n, name in enumerate(names) if "高级" in name or "职业" in name or name == "龙港中学"],
    ]
    age = frame.world.people.age[frame.person]
    stage = np.digitize(age, [_SCHOOL_AGE, 12, 15])
    local = frame.world.people.home_division[frame.person]
    options = [np.array(found)[local % len(found)] for found in stages]
    return np.select([stage == n for n in range(len(stages))], options)


def _school(frame: Frame) -> pa.StringArray:
    return pick(_words("schools"), _school_index(frame))


def _school_code(frame: Frame) -> pa.StringArray:
    return encoding.serial("3303SC", _school_index(frame), 4)


def _person(frame: Frame, name: str) -> pa.StringArray | None:
    people = frame.world.people
    who = _WHO[name[0]](frame)
    match name[2:]:
        case "id":
            return pick(people.id_number, who)
        case "name":
            return pick(people.name, who)
        case "phone":
            return pick(people.phone, who)
        case "birth":
            return encoding.dates(people.birth[who], date_style(frame.entry.key))
        case "sex":
            return encoding.integers(people.sex[who])
        case "eth":
            return pick(pa.array(ETHNIC_CODES, pa.string()), people.ethnic[who])
        case "age":
            return encoding.integers(people.age[who])
        case "addr":
            return pick(people.address, who)
        case "card":
            return pick(people.card, who)
        case "hh":
            return encoding.serial("H330383", people.household[who], 9)
        case _:
            return None


_PERSON_EXTRA: Final[dict[str, Callable[[Frame], pa.StringArray]]] = {
    "p.edu": _education,
    "p.mar": _marital,
    "p.rel": _relation,
    "p.pol": _political,
    "p.email": _email,
    "p.grade": _grade,
    "p.school": _school,
    "p.schoolcode": _school_code,
}


def _make_person(frame: Frame, generator: str, _column: str) -> pa.StringArray:
    made = _person(frame, generator)
    return _PERSON_EXTRA[generator](frame) if made is None else made


# --- enterprises, places, vehicles, households ----------------------------------------------


def _make_entity(frame: Frame, generator: str, _column: str) -> pa.StringArray:
    entities, who = frame.world.entities, frame.entity
    people = frame.world.people
    if generator.startswith("e."):
        who, generator = frame.other_entity, generator.replace("e.", "o.", 1)
    match generator:
        case "o.uscc":
            return pick(entities.uscc, who)
        case "o.name":
            return pick(entities.name, who)
        case "o.legal":
            return pick(people.name, entities.legal[who])
        case "o.legalid":
            return pick(people.id_number, entities.legal[who])
        case "o.addr":
            return pick(entities.address, who)
        case "o.ind":
            return pick(entities.industry, who)
        case "o.kind":
            return pick(entities.kind_name, who)
        case "o.cap":
            return encoding.decimals(entities.capital[who], 2)
        case "o.est":
            return encoding.dates(entities.founded[who], date_style(frame.entry.key))
        case "o.state":
            return encoding.integers(entities.state[who] + 1)
        case _:
            return pick(entities.phone, who)


def _make_place(frame: Frame, generator: str, column: str) -> pa.StringArray:
    division, road, number = frame.place
    match generator:
        case "w.code":
            return pick(division_codes(), division)
        case "w.comm":
            return pick(division_names(), division)
        case "w.road":
            return pick(road_names(), road)
        case "w.no":
            return join(encoding.integers(number), "号")
        case "w.addr":
            return street_addresses(division, road, number)
        case "w.lon":
            return positions(division, frame.stream("longitude"), axis="x")
        case "w.lat":
            return positions(division, frame.stream("latitude"), axis="y")
        case "w.grid":
            cell = encoding.fixed_width(encoding.digits(road % 5 + 1, 3))
            return join(pick(division_codes(), division), cell)
        case _:
            return encoding.integers(np.full(len(frame), _POST_CODE))


def _make_vehicle(frame: Frame, generator: str, _column: str) -> pa.StringArray:
    number = frame.vehicle
    match generator:
        case "v.plate":
            return pick(frame.world.plates, number)
        case "v.kind":
            lot = number * 31 % 100
            code = np.select([lot < 6, lot < 74, lot < 80], [1, 2, 7], default=52)
            return encoding.fixed_width(encoding.digits(code, 2))
        case "v.brand":
            return pick(_words("brand"), number * 13 % len(_words("brand")))
        case _:
            return encoding.serial("LG9DEM0", number, 10)


def _make_household(frame: Frame, generator: str, _column: str) -> pa.StringArray:
    household = frame.world.people.household[frame.person]
    match generator:
        case "h.elec":
            return encoding.serial("3303", household, 8)
        case "h.water":
            return encoding.serial("LGSW", household, 8)
        case "h.gas":
            return encoding.serial("LGRQ", household, 8)
        case _:
            plot = encoding.serial("330383001001GB", household // 60, 5)
            return join(plot, "F", encoding.fixed_width(encoding.digits(household % 60 + 1, 8)))


# --- dates -------------------------------------------------------------------------------


def days_of(frame: Frame, column: str) -> Ints:
    """Day numbers behind a ``date:`` or ``end:`` column, before any defect."""
    name, argument = split(frame.item(column).generator)
    if name == "end":
        base, _, span = argument.partition("+")
        low, high = bounds(span)
        return days_of(frame, base) + frame.stream(column).integers(low, high + 1, size=len(frame))
    first, last = bounds(argument)
    if name == "born":
        birth = frame.world.people.birth[frame.person]
        after = frame.stream(column).integers(first, last + 1, size=len(frame))
        return np.minimum(birth + after, REFERENCE_DAY)
    return frame.stream(column).integers(year_start(first), last_day(last), size=len(frame))


def may_lie_ahead(title: str) -> bool:
    """Whether a date of this title can be in the future (an expiry, a deadline)."""
    return any(word in title for word in _FUTURE_WORDS)


def _make_date(frame: Frame, argument: str, column: str) -> pa.StringArray:
    return encoding.dates(days_of(frame, column), date_style(frame.entry.key))


def _make_end(frame: Frame, argument: str, column: str) -> pa.StringArray:
    item = frame.item(column)
    days = days_of(frame, column)
    made = encoding.dates(days, date_style(frame.entry.key))
    if item.nullable and not may_lie_ahead(item.title):
        return pc.if_else(pa.array(days <= REFERENCE_DAY), made, pa.scalar(None, pa.string()))
    return made


def _make_datetime(frame: Frame, argument: str, column: str) -> pa.StringArray:
    first, last = bounds(argument)
    generator = frame.stream(column)
    days = generator.integers(year_start(first), last_day(last), size=len(frame))
    hours = generator.choice(len(_HOURS), size=len(frame), p=_HOURS / _HOURS.sum())
    return encoding.datetimes(days, hours * 3600 + generator.integers(0, 3600, size=len(frame)))


def _make_year(frame: Frame, argument: str, column: str) -> pa.StringArray:
    low, high = bounds(argument)
    return encoding.integers(frame.stream(column).integers(low, high + 1, size=len(frame)))


def _make_month(frame: Frame, argument: str, column: str) -> pa.StringArray:
    low, high = bounds(argument)
    months = [f"{y}-{m:02}" for y in range(low, high + 1) for m in range(1, 13)]
    vocabulary = pa.array([m for m in months if m <= "2026-10"], pa.string())
    index = frame.stream(column).integers(0, len(vocabulary), size=len(frame))
    return pick(vocabulary, index)


def _make_time(frame: Frame, _argument: str, column: str) -> pa.StringArray:
    times = pa.array([f"{h:02}:{m:02}" for h in range(5, 23) for m in (0, 15, 30, 45)], pa.string())
    return pick(times, frame.stream(column).integers(0, len(times), size=len(frame)))


# --- numbers and words ---------------------------------------------------------------------


def _make_integer(frame: Frame, argument: str, column: str) -> pa.StringArray:
    low, high = bounds(argument)
    return encoding.integers(frame.stream(column).integers(low, high + 1, size=len(frame)))


def _make_product(frame: Frame, argument: str, _column: str) -> pa.StringArray:
    """Quantity of another integer column times a price in fen, as yuan."""
    quantity, _, fen = argument.partition("*")
    low, high = bounds(split(frame.item(quantity).generator)[1])
    amounts = frame.stream(quantity).integers(low, high + 1, size=len(frame))
    return encoding.decimals(amounts * int(fen), 2)


def _amount(frame: Frame, column: str, low: int, high: int, scale: int) -> pa.StringArray:
    share = frame.stream(column).random(len(frame)) ** 2.2
    unit = 10**scale
    values = low * unit + (share * (high - low) * unit).astype(np.int64)
    return encoding.decimals(values, scale)


def _make_decimal(frame: Frame, argument: str, column: str) -> pa.StringArray:
    span, _, scale = argument.partition("/")
    return _amount(frame, column, *bounds(span), int(scale or 2))


def _make_money(frame: Frame, argument: str, column: str) -> pa.StringArray:
    return _amount(frame, column, *bounds(argument), 2)


def _make_pick(frame: Frame, argument: str, column: str) -> pa.StringArray:
    return _choose(frame, column, pa.array(argument.split(","), pa.string()))


def _make_code(frame: Frame, argument: str, column: str) -> pa.StringArray:
    table, _, chosen = argument.partition("=")
    codes = pa.array(chosen.split("+"), pa.string()) if chosen else _codes(table)
    return _choose(frame, column, codes)


def _make_text(frame: Frame, argument: str, column: str) -> pa.StringArray:
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


def _make_reference(frame: Frame, argument: str, _column: str) -> pa.StringArray:
    topic, _, part = argument.partition(".")
    words = _words(topic)
    index = frame.stream(f"reference {topic}").integers(0, len(words), size=len(frame))
    if part == "code":
        return encoding.serial(f"3303{topic[:2].upper()}", index, 4)
    return pick(words, index)


def _make_name(frame: Frame, argument: str, _column: str) -> pa.StringArray:
    division, road, _ = frame.place
    if argument in _SHORT_NAMES:
        short = pa.array([d.name.removesuffix("社区") for d in divisions()], pa.string())
        return join(pick(short, division), argument)
    ending: pa.StringArray | str = argument
    if argument.startswith("@"):
        ending = value(frame, argument.removeprefix("@"))
    return join(pick(division_names(), division), pick(road_names(), road), ending)


def _make_serial(frame: Frame, argument: str, _column: str) -> pa.StringArray:
    return encoding.serial(argument, frame.numbers + 1)


def _make_number(frame: Frame, argument: str, column: str) -> pa.StringArray:
    return encoding.serial(argument, frame.stream(column).integers(0, 10**10, size=len(frame)))


def _make_staff(frame: Frame, _argument: str, column: str) -> pa.StringArray:
    names = pick(frame.world.people.name, frame.world.people.adults[:_STAFF])
    return pick(names, frame.stream(column).integers(0, _STAFF, size=len(frame)))


def _make_department(frame: Frame, argument: str, column: str) -> pa.StringArray:
    department = departments()[frame.entry.provider]
    generator = frame.item(column).generator
    if generator == "unit":
        enforces = department.code in _ENFORCING
        words = [u for u in vocabularies()["units"] if enforces or not u.startswith("执法")]
        return _choose(frame, column, pa.array([department.short + u for u in words], pa.string()))
    text = department.code if generator == "deptcode" else department.name
    return pa.array([text], pa.string()).take(pa.array(np.zeros(len(frame), dtype=np.int64)))


def _make_telephone(frame: Frame, _argument: str, column: str) -> pa.StringArray:
    return encoding.serial("0577-099", frame.stream(column).integers(0, 10**5, size=len(frame)), 5)


def _make_flag(frame: Frame, _argument: str, column: str) -> pa.StringArray:
    share = 0.1 + 0.8 * fraction("flag", frame.entry.key, column)
    return pick(_MEANING_OF_FLAG, (frame.stream(column).random(len(frame)) < share).astype(int))


def _make_url(frame: Frame, _argument: str, column: str) -> pa.StringArray:
    number = frame.stream(column).integers(0, 10**9, size=len(frame))
    return encoding.serial("https://data.longgang.example/f/", number, 9)


def _make_address(frame: Frame, _argument: str, column: str) -> pa.StringArray:
    octets = frame.stream(column).integers(0, 256, size=(2, len(frame)))
    return join("10.83.", encoding.integers(octets[0]), ".", encoding.integers(octets[1]))


def _make_hex(frame: Frame, _argument: str, column: str) -> pa.StringArray:
    alphabet = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    nibbles = frame.stream(column).integers(0, 16, size=(len(frame), 32), dtype=np.uint8)
    return encoding.fixed_width(alphabet[nibbles])


_MAKERS: Final[dict[str, Maker]] = {
    "date": _make_date, "born": _make_date, "prod": _make_product, "end": _make_end, "dt": _make_datetime, "year": _make_year,
    "ym": _make_month, "time": _make_time, "int": _make_integer, "dec": _make_decimal,
    "money": _make_money, "pick": _make_pick, "code": _make_code, "text": _make_text,
    "ref": _make_reference, "name": _make_name, "key": _make_serial, "no": _make_number,
    "staff": _make_staff, "dept": _make_department, "deptcode": _make_department,
    "unit": _make_department, "tel": _make_telephone, "flag": _make_flag, "url": _make_url,
    "ip": _make_address, "hex": _make_hex,
}  # fmt: skip
_FAMILIES: Final[dict[str, Maker]] = {
    "p": _make_person, "q": _make_person, "g": _make_person, "o": _make_entity,
    "e": _make_entity, "f": _make_person, "m": _make_person,
    "w": _make_place, "v": _make_vehicle, "h": _make_household,
}  # fmt: skip


def _null_rate(frame: Frame, column: str) -> float:
    if column in ("remark", "return_reason"):
        return 0.6
    return 0.14 * fraction("null rate", frame.entry.key, column) ** 3


def value(frame: Frame, column: str) -> pa.StringArray:
    """The clean values of a column (nullable ones with their share of blanks)."""
    item = frame.item(column)
    family, dot, _ = item.generator.partition(".")
    if dot and family in _FAMILIES:
        made = _FAMILIES[family](frame, item.generator, column)
    else:
        name, argument = split(item.generator)
        made = _MAKERS[name](frame, argument, column)
    if not item.nullable:
        return made
    blank = frame.stream(f"blank {column}").random(len(frame)) < _null_rate(frame, column)
    return pc.if_else(pa.array(blank), pa.scalar(None, pa.string()), made)
