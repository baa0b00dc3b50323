"""The generated residents and households of the demo city.

Nobody here exists: names are drawn from name parts, identity numbers carry a division that
was never assigned. Everything about a person is held in arrays indexed by the person's
number, so that every department's table speaks about the same people.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chengshu_demo import encoding
from chengshu_demo.encoding import Ints, Texts
from chengshu_demo.places import ROADS, divisions, road_names
from chengshu_demo.randomness import stream
from chengshu_demo.timeframe import REFERENCE_DAY

SURNAMES: Final = (
    "陈林黄李王郑杨吴张周叶金徐朱缪方卢章蔡谢董潘温余苏项夏曾许洪倪薛赵胡梁孙池庄柯施季汤邓"
    "范江高何彭孔白尤魏包冯宋沈鲍戴邱肖曹侯钱姜涂易谷华傅"
)
GIVEN_MALE: Final = (
    "伟强磊军勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林欢佳文成建国志海永春东晓亮庆"
    "光荣德忠良善思正权瑞祥楠翔诚信安邦博达立业子轩睿泽晨航铭乐宸景行远山川道孝义仁"
)
GIVEN_FEMALE: Final = (
    "芳娜敏静丽艳娟霞燕玲桂英秀兰萍红梅玉珍雪莉洁琴云蕾倩婷月露珊慧颖莹琳瑶怡佩雅欣妍彤"
    "菲蓓思诗涵梓萱雨桐若溪可馨依诺晴悦彩香春素爱菊凤仙银花翠碧莲银珠"
)
ETHNIC_CODES: Final = ("01", "22", "02", "15", "11", "06", "05", "03", "08", "17")
ETHNIC_SHARES: Final = (0.972, 0.006, 0.001, 0.006, 0.003, 0.004, 0.002, 0.002, 0.003, 0.001)
"""GB/T 3304 codes in order of frequency; 22 (She) is Zhejiang's own minority."""
EXTRA_SHARE: Final = 0.10
"""People beyond the residents: moved away, deceased, or known to one department only."""
MALE, FEMALE = 1, 2
CHILD_GAP: Final = (22, 35)
HEAD, SPOUSE = 0, 1
"""Places in a household; further members follow."""
_MALE_SHARE: Final = 0.515
_MALE_HEADS: Final = 0.6
_PARENT_SHARE: Final = 0.28
_PARENT_LIMIT: Final = 62
"""Heads younger than this may have a parent at home."""
_NEWBORN: Final = 0.02
_DAYS_PER_YEAR: Final = 365.2425
_SINGLE_NAME_SHARE: Final = 0.18


def _household_of(people: int, generator: np.random.Generator) -> tuple[Ints, Ints]:
    """Household number and place inside it (0 head, 1 spouse, ...) for every person."""
    sizes = generator.choice(
        np.arange(1, 8), size=people // 2, p=[0.19, 0.23, 0.23, 0.19, 0.1, 0.045, 0.015]
    )
    ends = np.cumsum(sizes)
    last = int(np.searchsorted(ends, people))
    household = np.repeat(np.arange(last + 1), sizes[: last + 1])[:people]
    starts = np.concatenate([[0], ends[:last]])
    return household, np.arange(people) - starts[household]


@dataclass(frozen=True)
class Population:
    """Residents first, then the extra people; all arrays have one element per person.

    ``sex`` uses GB/T 2261.1 (1 male, 2 female); ``birth`` counts days since 1900-01-01;
    ``spouse`` is a person number or -1; ``head`` the head of the household.
    """

    residents: int
    household: Ints
    place: Ints
    head: Ints
    spouse: Ints
    sex: Ints
    birth: Ints
    ethnic: Ints
    home_division: Ints
    home_road: Ints
    home_number: Ints
    surname: Ints
    given: tuple[Ints, Ints]

    def __len__(self) -> int:
        return len(self.household)

    @cached_property
    def age(self) -> Ints:
        """Completed years on the reference day."""
        return ((REFERENCE_DAY - self.birth) / _DAYS_PER_YEAR).astype(np.int64)

    @cached_property
    def name(self) -> Texts:
        """Full names: surname and one or two given characters."""
        first, second = self.given
        return encoding.join(
            encoding.pick(pa.array(list(SURNAMES)), self.surname),
            encoding.pick(_given_vocabulary(), first),
            encoding.pick(_given_vocabulary(), second),
        )

    @cached_property
    def id_number(self) -> Texts:
        """18-digit identity numbers; odd sequence male, even female, unique."""
        order = np.lexsort((self.sex, self.birth))
        group = self.birth[order] * 4 + self.sex[order]
        first = np.concatenate([[True], group[1:] != group[:-1]])
        run_start = np.maximum.accumulate(np.where(first, np.arange(len(group)), 0))
        rank = np.empty(len(group), dtype=np.int64)
        rank[order] = np.arange(len(group)) - run_start
        # 37 has no factor in common with 498, so ranks of one day stay distinct.
        sequence = ((rank * 37 + self.birth * 17) % 498 + 1) * 2 + (self.sex == MALE)
        return encoding.identity_numbers(self.birth, sequence)

    @cached_property
    def phone(self) -> Texts:
        """Mobile numbers."""
        return encoding.mobile_numbers(np.arange(1, len(self) + 1))

    @cached_property
    def card(self) -> Texts:
        """Social-security bank card numbers."""
        return encoding.card_numbers(np.arange(1, len(self) + 1))

    @cached_property
    def address(self) -> Texts:
        """Home addresses as the population register writes them."""
        return street_addresses(
            self.home_division, self.home_road, self.home_number, rooms=self.household
        )

    @cached_property
    def adults(self) -> Ints:
        """Person numbers of adult residents of working age."""
        low, high = 20, 60
        everyone = np.flatnonzero((self.age >= low) & (self.age < high))
        return everyone[everyone < self.residents]


def street_addresses(
    division: Ints, road: Ints, number: Ints, *, rooms: Ints | None = None
) -> Texts:
    """Addresses such as 龙港市龙城社区人民路12号3幢502室; ``rooms`` adds the flat."""
    names = pa.array([f"龙港市{d.name}" for d in divisions()], pa.string())
    parts: list[Texts | str] = [
        encoding.pick(names, division),
        encoding.pick(road_names(), road),
        encoding.integers(number),
        "号",
    ]
    if rooms is not None:
        flats = pa.array(
            [""] * 40
            + [f"{b}幢{f}0{r}室" for b in range(1, 7) for f in range(1, 9) for r in range(1, 5)],
            pa.string(),
        )
        parts.append(encoding.pick(flats, rooms * 31 % len(flats)))
    return encoding.join(*parts)


def _given_vocabulary() -> Texts:
    return pa.array([*GIVEN_MALE, *GIVEN_FEMALE, ""], pa.string())


def _birth_days(place: Ints, head: Ints, generator: np.random.Generator) -> Ints:
    people = len(place)
    head_age = np.clip(generator.normal(50, 15, size=people), 23, 95)[head]
    spouse_age = np.clip(head_age + generator.normal(-1.5, 3, size=people), 22, 98)
    gap = generator.uniform(*CHILD_GAP, size=people)
    child_age = np.where(head_age > gap, head_age - gap, generator.uniform(0, 16, size=people))
    parent_age = np.clip(head_age + gap, 45, 102)
    is_parent = (
        (place > SPOUSE) & (generator.random(people) < _PARENT_SHARE) & (head_age < _PARENT_LIMIT)
    )
    age = np.select(
        [place == HEAD, place == SPOUSE, is_parent],
        [head_age, spouse_age, parent_age],
        default=child_age,
    )
    # A year of spread, or the clipped ages would all be born on one day.
    age = age - generator.random(people)
    age = np.where(age < _NEWBORN, generator.uniform(_NEWBORN, 2.0, size=people), age)
    return REFERENCE_DAY - 1 - (age * _DAYS_PER_YEAR).astype(np.int64)


def _given_names(sex: Ints, birth: Ints, generator: np.random.Generator) -> tuple[Ints, Ints]:
    people = len(sex)
    male, female = len(GIVEN_MALE), len(GIVEN_FEMALE)

    def draw() -> Ints:
        skew = generator.beta(1.0, 1.4, size=people)
        return np.where(
            sex == MALE, (skew * male).astype(np.int64), male + (skew * female).astype(np.int64)
        )

    single = generator.random(people) < np.where(birth > 80 * 365, _SINGLE_NAME_SHARE, 0.08)
    return draw(), np.where(single, male + female, draw())


def _spouses(place: Ints) -> Ints:
    spouse = np.full(len(place), -1, dtype=np.int64)
    second = np.flatnonzero(place == SPOUSE)
    spouse[second] = second - 1
    spouse[second - 1] = second
    return spouse


def _sexes(place: Ints, head: Ints, generator: np.random.Generator) -> Ints:
    sex = np.where(generator.random(len(place)) < _MALE_SHARE, MALE, FEMALE)
    sex = np.where((place == HEAD) & (generator.random(len(place)) < _MALE_HEADS), MALE, sex)
    return np.where(place == SPOUSE, MALE + FEMALE - sex[head], sex)


def _surnames(place: Ints, head: Ints, generator: np.random.Generator) -> Ints:
    weights = 1 / np.arange(3, len(SURNAMES) + 3)
    own = generator.choice(len(SURNAMES), size=len(place), p=weights / weights.sum())
    return np.where(place > SPOUSE, own[head], own)


def populate(residents: int) -> Population:
    """Generate a city of ``residents`` people (plus :data:`EXTRA_SHARE` beyond them)."""
    generator = stream("population", residents)
    people = int(residents * (1 + EXTRA_SHARE))
    household, place = _household_of(people, generator)
    head = np.arange(people) - place
    sex = _sexes(place, head, generator)
    birth = _birth_days(place, head, generator)
    households = int(household[-1]) + 1
    sizes = generator.gamma(3.0, size=len(divisions()))
    homes: npt.NDArray[np.int64] = generator.choice(
        len(divisions()), size=households, p=sizes / sizes.sum()
    )
    return Population(
        residents=residents,
        household=household,
        place=place,
        head=head,
        spouse=_spouses(place),
        sex=sex,
        birth=birth,
        ethnic=generator.choice(len(ETHNIC_CODES), size=people, p=ETHNIC_SHARES),
        home_division=homes[household],
        home_road=generator.integers(0, len(ROADS), size=households)[household],
        home_number=generator.integers(1, 600, size=households)[household],
        surname=_surnames(place, head, generator),
        given=_given_names(sex, birth, generator),
    )
