"""Values about people: who they are, where they live, what they learned."""

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np

from chengshu_demo import encoding
from chengshu_demo.dating import date_style
from chengshu_demo.encoding import Ints, Texts, join, pick, texts
from chengshu_demo.frame import Frame
from chengshu_demo.population import ETHNIC_CODES, FEMALE, MALE
from chengshu_demo.specification import vocabularies

_EDUCATION_AGES: Final = (12, 15, 18, 45)
"""Below the first age primary school, then middle, then high school; then younger and older
grown-ups, who differ."""
_EDUCATION_SHARES: Final = {
    "young": ((4, 30, 55, 75, 100), (10, 20, 30, 60, 70)),
    "old": ((3, 8, 20, 55, 100), (20, 30, 60, 70, 80)),
}
_ALONE_SHARES: Final = ((55, 80, 100), (10, 40, 30))
"""Unmarried, divorced, widowed among grown-ups without a spouse in the household."""
_POLITICAL_SHARES: Final = ((9, 10, 22, 24, 100), (1, 2, 3, 5, 13))
_YOUTH_LEAGUE, _MASSES = 3, 13
_LEAGUE_AGES: Final = (14, 28)
_PARTY_AGE: Final = 18
_GROWN_UP: Final = 30
_PERCENT: Final = 100
_GRADES: Final = (
    "一年级", "二年级", "三年级", "四年级", "五年级", "六年级", "七年级", "八年级", "九年级",
    "高一", "高二", "高三", "高三",
)  # fmt: skip
_SCHOOL_AGE: Final = 6
_STAGE_AGES: Final = (_SCHOOL_AGE, 12, 15)
_WHO: Final[dict[str, Callable[[Frame], Ints]]] = {
    "p": lambda frame: frame.person,
    "q": lambda frame: frame.second,
    "g": lambda frame: frame.head,
    "f": lambda frame: frame.parent(MALE),
    "m": lambda frame: frame.parent(FEMALE),
}


def _by_share(lot: Ints, table: tuple[tuple[int, ...], tuple[int, ...]]) -> Ints:
    """Codes by cumulative percentages; ``lot`` is 0-99 and fixed for a person."""
    limits, codes = table
    return np.array(codes)[np.searchsorted(np.array(limits), lot, side="right")]


def _education(frame: Frame, who: Ints) -> Texts:
    age = frame.world.people.age[who]
    lot = who * 2_654_435_761 % _PERCENT
    levels = [
        np.full(len(who), 80),
        np.full(len(who), 70),
        np.full(len(who), 60),
        _by_share(lot, _EDUCATION_SHARES["young"]),
        _by_share(lot, _EDUCATION_SHARES["old"]),
    ]
    stage = np.digitize(age, _EDUCATION_AGES)
    return encoding.integers(np.choose(stage, levels))


def _marital(frame: Frame, who: Ints) -> Texts:
    people = frame.world.people
    alone = _by_share(who * 40_503 % _PERCENT, _ALONE_SHARES)
    alone = np.where(people.age[who] < _GROWN_UP, 10, alone)
    return encoding.integers(np.where(people.spouse[who] >= 0, 20, alone))


def _relation(frame: Frame, who: Ints) -> Texts:
    people = frame.world.people
    head = people.head[who]
    child = np.where(people.sex[who] == MALE, 20, 30)
    code = np.where(people.birth[who] < people.birth[head], 50, child)
    code = np.where(people.spouse[who] == head, 10, code)
    return encoding.fixed_width(encoding.digits(np.where(who == head, 2, code), 2))


def _political(frame: Frame, who: Ints) -> Texts:
    code = _by_share(who * 7_919 % _PERCENT, _POLITICAL_SHARES)
    age = frame.world.people.age[who]
    code = np.where((code == _YOUTH_LEAGUE) & (age > _LEAGUE_AGES[1]), _MASSES, code)
    code = np.where((age < _PARTY_AGE) & (code != _YOUTH_LEAGUE), _MASSES, code)
    code = np.where(age < _LEAGUE_AGES[0], _MASSES, code)
    return encoding.fixed_width(encoding.digits(code, 2))


def _grade(frame: Frame, who: Ints) -> Texts:
    age = frame.world.people.age[who]
    return pick(texts(_GRADES), np.clip(age - _SCHOOL_AGE, 0, len(_GRADES) - 1))


@cache
def _stages() -> tuple[tuple[int, ...], ...]:
    """School numbers by stage: kindergarten, primary, middle and high school."""
    named = list(enumerate(vocabularies()["schools"]))
    high = tuple(n for n, s in named if "高级" in s or "职业" in s or s == "龙港中学")
    return (
        tuple(n for n, s in named if s.endswith("幼儿园")),
        tuple(n for n, s in named if s.endswith(("小学", "学校")) and n not in high),
        tuple(n for n, s in named if s.endswith("中学") and n not in high),
        high,
    )


def _school_index(frame: Frame, who: Ints) -> Ints:
    """The school of the home's district for the person's age."""
    stage = np.digitize(frame.world.people.age[who], _STAGE_AGES)
    local = frame.world.people.home_division[who]
    return np.choose(stage, [np.array(found)[local % len(found)] for found in _stages()])


def _school(frame: Frame, who: Ints) -> Texts:
    return pick(texts(vocabularies()["schools"]), _school_index(frame, who))


_PARTS: Final[dict[str, Callable[[Frame, Ints], Texts]]] = {
    "id": lambda frame, who: pick(frame.world.people.id_number, who),
    "name": lambda frame, who: pick(frame.world.people.name, who),
    "phone": lambda frame, who: pick(frame.world.people.phone, who),
    "addr": lambda frame, who: pick(frame.world.people.address, who),
    "card": lambda frame, who: pick(frame.world.people.card, who),
    "sex": lambda frame, who: encoding.integers(frame.world.people.sex[who]),
    "age": lambda frame, who: encoding.integers(frame.world.people.age[who]),
    "eth": lambda frame, who: pick(texts(ETHNIC_CODES), frame.world.people.ethnic[who]),
    "birth": lambda frame, who: encoding.dates(
        frame.world.people.birth[who], date_style(frame.entry.key)
    ),
    "hh": lambda frame, who: encoding.serial("H330383", frame.world.people.household[who], 9),
    "email": lambda _, who: join(encoding.serial("lg", who, 7), "@longgang.example"),
    "schoolcode": lambda frame, who: encoding.serial("3303SC", _school_index(frame, who), 4),
    "school": _school,
    "edu": _education,
    "mar": _marital,
    "rel": _relation,
    "pol": _political,
    "grade": _grade,
}


def person_value(frame: Frame, generator: str, _column: str) -> Texts:
    """Values of ``p.`` (the person), ``q.`` (spouse), ``g.`` (head), ``f.``, ``m.`` (parents)."""
    who, _, part = generator.partition(".")
    return _PARTS[part](frame, _WHO[who](frame))
