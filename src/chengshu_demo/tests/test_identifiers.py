"""Generated numbers are valid by the authority (python-stdnum) and cannot be anyone's."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric, uscc
from stdnum.exceptions import InvalidComponent

from chengshu_demo import encoding
from chengshu_demo.encoding import day_number
from chengshu_demo.population import FEMALE, MALE
from chengshu_demo.world import world

DAYS = st.dates(dt.date(1920, 1, 1), dt.date(2026, 10, 31))


@given(DAYS, st.integers(0, 999))
def test_identity_numbers_have_the_right_check_digit_and_birth_date(day, sequence) -> None:
    number = encoding.identity_numbers(np.array([day_number(day)]), np.array([sequence]))[0].as_py()
    assert number[-1] == ric.calc_check_digit(number)
    assert ric.get_birth_date(number) == day


@given(st.integers(1, 31**6 - 1), st.sampled_from([1, 2, 3]))
def test_credit_codes_are_valid(number, kind) -> None:
    code = encoding.credit_codes(np.array([number]), np.array([kind]))[0].as_py()
    assert uscc.validate(code) == code
    assert code[2:8] == encoding.FICTITIOUS_PREFIX


@given(st.integers(1, 10**9))
def test_card_numbers_pass_luhn(number) -> None:
    card = encoding.card_numbers(np.array([number]))[0].as_py()
    assert luhn.validate(card) == card
    assert len(card) == 19


@given(st.integers(0, 10**12), st.integers(1, 4))
def test_fixed_point_numbers_are_written_exactly(value, scale) -> None:
    text = encoding.decimals(np.array([value]), scale)[0].as_py()
    assert int(text.replace(".", "")) == value
    assert len(text.partition(".")[2]) == scale


@given(DAYS)
def test_date_styles_name_the_same_day(day) -> None:
    number = np.array([day_number(day)])
    assert encoding.dates(number)[0].as_py() == day.isoformat()
    compact = encoding.dates(number, "{0.year:04}{0.month:02}{0.day:02}")[0].as_py()
    assert compact == day.strftime("%Y%m%d")


def test_the_whole_population_has_distinct_valid_numbers() -> None:
    people = world("small").people
    numbers = people.id_number.to_pylist()
    assert len(set(numbers)) == len(numbers)
    assert all(n[-1] == ric.calc_check_digit(n) for n in numbers)
    parity = np.array([int(n[16]) % 2 for n in numbers])
    assert ((parity == 1) == (people.sex == MALE)).all()
    assert ((parity == 0) == (people.sex == FEMALE)).all()


def test_full_scale_numbers_are_distinct() -> None:
    people = world("full").people
    assert people.residents == 465_000
    assert people.id_number.value_counts().field("counts").to_numpy().max() == 1
    assert people.phone.value_counts().field("counts").to_numpy().max() == 1
    entities = world("full").entities
    assert entities.uscc.value_counts().field("counts").to_numpy().max() == 1
    assert world("full").plates.value_counts().field("counts").to_numpy().max() == 1


def test_no_number_can_be_a_real_persons() -> None:
    number = world("small").people.id_number[0].as_py()
    assert number.startswith("390383")
    with pytest.raises(InvalidComponent):
        ric.validate(number)
    assert world("small").people.phone[0].as_py().startswith("154")


def test_families_are_plausible() -> None:
    people = world("full").people
    wed = np.flatnonzero(people.spouse >= 0)
    assert (people.sex[wed] != people.sex[people.spouse[wed]]).all()
    assert (people.household[wed] == people.household[people.spouse[wed]]).all()
    assert people.age.min() == 0
    assert people.age.max() < 105
    young = ((people.age >= 0) & (people.age < 18)).mean()
    assert 0.08 < young < 0.25
