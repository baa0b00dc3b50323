"""The vocabulary of column generators and the data item each of them implies.

A generator is written ``name`` or ``name:argument`` in the specification files, e.g.
``p.id`` (the person's identity number), ``code:ethnic``, ``money:50-900``. One line there
settles both sides: what the catalogue says about the item, and how its values are made.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from chengshu_demo.model import DataType, Format, Level


@dataclass(frozen=True, slots=True)
class Semantic:
    """Catalogue attributes that follow from a generator."""

    type: DataType = "text"
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    format: Format | None = None
    code_table: str | None = None
    level: Level | None = None
    """None: the entry's own default."""


def _text(length: int, level: Level | None = None, form: Format | None = None) -> Semantic:
    return Semantic(length=length, level=level, format=form)


def _code(table: str, length: int, level: Level | None = None) -> Semantic:
    return Semantic(length=length, code_table=table, level=level)


_ID = _text(18, "L3", "id_number")
_NAME = _text(50, "L2")
_MOBILE = _text(11, "L3", "mobile")
_DATE = Semantic("date")

PLAIN: Final[dict[str, Semantic]] = {
    "p.id": _ID,
    "p.name": _NAME,
    "p.sex": _code("gender", 1, "L2"),
    "p.eth": _code("ethnic", 2, "L2"),
    "p.birth": replace(_DATE, level="L2"),
    "p.age": Semantic("integer", level="L2"),
    "p.phone": _MOBILE,
    "p.addr": _text(200, "L3"),
    "p.edu": _code("education", 2, "L2"),
    "p.mar": _code("marital", 2, "L2"),
    "p.pol": _code("political", 2, "L2"),
    "p.rel": _code("relation", 2, "L2"),
    "p.hh": _text(16, "L2"),
    "p.card": _text(19, "L3", "bank_card"),
    "p.email": _text(60, "L3", "email"),
    "p.grade": _text(20),
    "p.school": _text(100),
    "p.schoolcode": _text(20),
    "m.id": _ID,
    "m.name": _NAME,
    "f.id": _ID,
    "f.name": _NAME,
    "e.name": _text(100, "L1"),
    "e.uscc": _text(18, "L1", "uscc"),
    "q.id": _ID,
    "q.name": _NAME,
    "q.birth": replace(_DATE, level="L2"),
    "q.phone": _MOBILE,
    "g.id": _ID,
    "g.name": _NAME,
    "g.phone": _MOBILE,
    "o.uscc": _text(18, "L1", "uscc"),
    "o.name": _text(100, "L1"),
    "o.legal": _text(50, "L2"),
    "o.legalid": _ID,
    "o.addr": _text(200, "L1"),
    "o.ind": _code("industry", 1, "L1"),
    "o.kind": _text(30, "L1"),
    "o.cap": Semantic("decimal", precision=16, scale=2, level="L1"),
    "o.est": replace(_DATE, level="L1"),
    "o.state": _code("entity_state", 1, "L1"),
    "o.phone": _text(20, "L1"),
    "w.code": _text(12, "L1", "region12"),
    "w.comm": _text(60, "L1"),
    "w.road": _text(60, "L1"),
    "w.no": _text(20, None),
    "w.addr": _text(200, None),
    "w.lon": Semantic("decimal", precision=10, scale=6),
    "w.lat": Semantic("decimal", precision=9, scale=6),
    "w.grid": _text(15, "L1"),
    "w.post": _text(6, "L1", "postcode"),
    "v.plate": _text(10, "L2", "plate"),
    "v.kind": _code("vehicle_kind", 2, "L1"),
    "v.vin": _text(17, "L2"),
    "v.brand": _text(40, "L1"),
    "h.elec": _text(12, "L2"),
    "h.water": _text(12, "L2"),
    "h.gas": _text(12, "L2"),
    "h.unit": _text(28, "L2"),
    "staff": _text(50, "L1"),
    "dept": _text(100, "L1"),
    "deptcode": _text(20, "L1"),
    "unit": _text(100, "L1"),
    "tel": _text(20, "L1"),
    "flag": Semantic("boolean"),
    "url": _text(200, "L1"),
    "ip": _text(15, "L2"),
    "hex": _text(32, "L1"),
    "time": _text(5, None),
}
_LONG_TOPICS: Final = frozenset({"opinion", "fact", "content", "measure"})
_CODE_WIDTHS: Final = {
    "ethnic": 2, "marital": 2, "education": 2, "political": 2, "relation": 2, "id_type": 3,
    "vehicle_kind": 2, "land_use": 2, "matter_type": 2, "event_class": 2,
}  # fmt: skip


def split(generator: str) -> tuple[str, str]:
    """``name:argument`` as a pair; the argument may be empty."""
    name, _, argument = generator.partition(":")
    return name, argument


def bounds(argument: str) -> tuple[int, int]:
    """``3-17`` as a pair of integers, the second inclusive."""
    low, _, high = argument.partition("-")
    return int(low), int(high)


def _code_of(argument: str) -> Semantic:
    table = argument.partition("=")[0]
    return _code(table, _CODE_WIDTHS.get(table, 1))


def _words_of(argument: str) -> Semantic:
    longest = max(len(word) for word in argument.split(","))
    return _text(max(10, 10 * -(-longest // 10)))


def _decimal_of(argument: str) -> Semantic:
    _, _, scale = argument.partition("/")
    return Semantic("decimal", precision=12, scale=int(scale or 2))


_MONEY: Final = Semantic("decimal", precision=14, scale=2)
_WITH_ARGUMENT: Final[dict[str, Callable[[str], Semantic]]] = {
    "pick": _words_of,
    "code": _code_of,
    "dec": _decimal_of,
    "int": lambda _: Semantic("integer"),
    "money": lambda _: _MONEY,
    "prod": lambda _: _MONEY,
    "date": lambda _: _DATE,
    "end": lambda _: _DATE,
    "born": lambda _: _DATE,
    "dt": lambda _: Semantic("datetime"),
    "year": lambda _: _text(4),
    "ym": lambda _: _text(7),
    "key": lambda prefix: _text(len(prefix) + 14),
    "no": lambda prefix: _text(len(prefix) + 14),
    "text": lambda topic: _text(500 if topic in _LONG_TOPICS else 200),
    "name": lambda _: _text(100),
    "ref": lambda topic: _text(20 if topic.endswith(".code") else 100),
}


def semantic(generator: str) -> Semantic:
    """The catalogue attributes of a generator; ValueError for an unknown one."""
    if generator in PLAIN:
        return PLAIN[generator]
    name, argument = split(generator)
    if name not in _WITH_ARGUMENT:
        raise ValueError(
            f"规格文件里有不认识的取值方式 {generator}。请改为 semantics 中已有的写法。"
        )
    return _WITH_ARGUMENT[name](argument)
