"""Keyed masks over columns give what the function of one value gives, to the letter, and rest on plain HMAC."""

import hmac
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu_gateway.mask_columns import mask_array
from chengshu_gateway.mask_keyed import digests, keyed_bits
from chengshu_gateway.mask_limbs import limbs, take_off
from chengshu_gateway.masks import KEYED, parse

KEY = b"k" * 32
SHAPES = (
    st.from_regex(r"[0-9]{17}[0-9Xx]", fullmatch=True)
    | st.from_regex(r"[1-9][0-9]{5}(19|20)[0-9]{9}[0-9Xx]", fullmatch=True)
    | st.from_regex(r"(\+?86[- ]?)?1[0-9]{10}", fullmatch=True)
    | st.from_regex(r"0[0-9]{2,3}-?[0-9]{7,8}", fullmatch=True)
    | st.text(alphabet="王李欧阳锋伟丽", min_size=1, max_size=5)
    | st.text(alphabet="浙A1z-/ _９ſ\t", max_size=40)
)
EACH = [k for k in sorted(KEYED) if k != "shift"]


@pytest.mark.parametrize("kind", EACH)
@given(values=st.lists(st.none() | SHAPES, max_size=30))
@settings(deadline=None, max_examples=60)
def test_a_column_of_any_shapes_is_masked_as_its_values_are(kind, values):
    mask = parse(kind)
    function = mask.compile(hash_key=KEY)
    shown = mask_array(pa.array(values, pa.string()), mask, hash_key=KEY)
    assert shown.to_pylist() == [function(value) for value in values]


@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.dates() | st.sampled_from([date(1, 1, 1), date(9999, 12, 31)]),
            st.none() | st.sampled_from(["甲", "乙", ""]) | st.integers(0, 9).map(str),
        ),
        max_size=30,
    ),
    as_text=st.booleans(),
)
@settings(deadline=None)
def test_shifted_dates_are_those_of_each_pair(rows, as_text):
    mask = parse("shift:30,who")
    function = mask.compile_pair(hash_key=KEY)
    days = pa.array([day for day, _ in rows], pa.date32())
    column = days.cast(pa.string()) if as_text else days
    whom = pa.array([who for _, who in rows], pa.string())
    shown = mask_array(column, mask, hash_key=KEY, subjects=whom)
    assert shown.to_pylist() == [function(day, who) for day, who in rows]


@given(
    st.binary(min_size=1, max_size=200), st.text(alphabet="甲a", max_size=70), st.text(max_size=200)
)
@settings(deadline=None)
def test_the_bits_are_those_of_plain_hmac(key, purpose, text):
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raw = b""
    wanted = hmac.digest(key, f"{purpose}\0".encode() + raw, "sha256")
    assert digests(key, [raw], purpose=purpose) == [wanted]
    assert keyed_bits(key, purpose)(raw.decode()) == int.from_bytes(wanted)
    assert digests(key, [raw], algorithm="sm3") == [hmac.digest(key, raw, "sm3")]


@given(
    st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=5),
    st.lists(st.sampled_from([10, 26, 365, 1000, 10**9]), max_size=6),
)
@settings(deadline=None)
def test_limbs_divide_as_whole_numbers_do(found, divisors):
    numbers, table = [int.from_bytes(each) for each in found], limbs(found)
    for divisor in divisors:
        assert take_off(table, divisor).tolist() == [n % divisor for n in numbers]
        numbers = [n // divisor for n in numbers]
