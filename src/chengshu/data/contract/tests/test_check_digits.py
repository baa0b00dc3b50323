"""Our column-wise check digits against python-stdnum, one value at a time."""

import datetime as dt
from collections.abc import Callable

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric, uscc
from stdnum.exceptions import InvalidComponent, ValidationError

from chengshu.data.contract.check_digits import verify
from chengshu.data.contract.model import ColumnFormat, ColumnSpec
from chengshu.data.contract.normalise import normalise

unhurried = settings(deadline=None)
DIGITS = "0123456789"
USCC_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def accepts(kind: ColumnFormat, value: str) -> bool:
    verdict = verify(pa.array([value]), kind)
    return bool(verdict.shape[0] and verdict.check[0])


def stdnum_accepts(validate: Callable[[str], str], value: str) -> bool:
    try:
        validate(value)
    except InvalidComponent:
        # python-stdnum also asks whether the county existed; we deliberately do not.
        return validate is ric.validate and _real_birth_date(value)
    except ValidationError:
        return False
    return True


def _real_birth_date(value: str) -> bool:
    try:
        dt.date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        return False
    return True


born = st.dates(dt.date(1900, 1, 1), dt.date(2026, 11, 23))


@st.composite
def identity_numbers(draw: st.DrawFn) -> str:
    body = draw(st.sampled_from(["330383", "330327", "110105", "999999"]))
    body += draw(
        st.one_of(born.map(lambda d: d.strftime("%Y%m%d")), st.text(DIGITS, min_size=8, max_size=8))
    )
    body += draw(st.text(DIGITS, min_size=3, max_size=3))
    good = ric.calc_check_digit(body + "0")
    return body + draw(st.one_of(st.just(good), st.sampled_from(DIGITS + "XA")))


@st.composite
def credit_codes(draw: st.DrawFn) -> str:
    body = draw(st.text(DIGITS, min_size=8, max_size=8))
    body += draw(st.text(USCC_LETTERS, min_size=9, max_size=9))
    good = uscc.calc_check_digit(body + "0")
    return body + draw(st.one_of(st.just(good), st.sampled_from(USCC_LETTERS + "IOSVZ")))


@st.composite
def bank_cards(draw: st.DrawFn) -> str:
    body = draw(st.text(DIGITS, min_size=11, max_size=18))
    return body + draw(st.one_of(st.just(luhn.calc_check_digit(body)), st.sampled_from(DIGITS)))


@unhurried
@given(identity_numbers())
def test_identity_numbers_agree_with_stdnum(value: str) -> None:
    assert accepts(ColumnFormat.ID_NUMBER, value) == stdnum_accepts(ric.validate, value)


@unhurried
@given(credit_codes())
def test_credit_codes_agree_with_stdnum(value: str) -> None:
    assert accepts(ColumnFormat.USCC, value) == stdnum_accepts(uscc.validate, value)


@unhurried
@given(bank_cards())
def test_bank_cards_agree_with_stdnum(value: str) -> None:
    assert accepts(ColumnFormat.BANK_CARD, value) == stdnum_accepts(luhn.validate, value)


@unhurried
@given(
    st.sampled_from([ColumnFormat.ID_NUMBER, ColumnFormat.USCC, ColumnFormat.BANK_CARD]), st.text()
)
def test_arbitrary_text_never_passes_unless_stdnum_passes_it(
    kind: ColumnFormat, value: str
) -> None:
    oracle = {"id_number": ric.validate, "uscc": uscc.validate, "bank_card": luhn.validate}[kind]
    if accepts(kind, value):
        assert stdnum_accepts(oracle, value)


@unhurried
@given(
    st.lists(st.one_of(st.none(), identity_numbers(), st.text(max_size=20)), max_size=40),
    st.integers(0, 5),
)
def test_a_value_is_judged_alike_alone_and_within_a_sliced_column(
    values: list[str | None], skip: int
) -> None:
    verdict = verify(pa.array(values, pa.string()).slice(skip), ColumnFormat.ID_NUMBER)
    together = [bool(s and c) for s, c in zip(verdict.shape, verdict.check, strict=True)]
    alone = [value is None or accepts(ColumnFormat.ID_NUMBER, value) for value in values[skip:]]
    assert together == alone


@unhurried
@given(
    st.sampled_from(["330383", "110105"]),
    st.dates(dt.date(1900, 1, 1), dt.date(1999, 12, 31)),
    st.text(DIGITS, min_size=3, max_size=3),
)
def test_fifteen_digit_numbers_are_upgraded_to_valid_eighteen(
    place: str, day: dt.date, order: str
) -> None:
    spec = ColumnSpec(name="id", title="身份证号", format=ColumnFormat.ID_NUMBER)
    old = place + day.strftime("%y%m%d") + order
    [new] = normalise(pa.array([old]), spec).to_pylist()
    assert new == place + day.strftime("%Y%m%d") + order + new[17]
    assert accepts(ColumnFormat.ID_NUMBER, new)
    assert ric.calc_check_digit(new) == new[17]


def test_rural_collectives_with_letters_in_front_are_accepted() -> None:
    body = "N2330383MF1234567"
    assert accepts(ColumnFormat.USCC, body + uscc.calc_check_digit(body + "0"))
