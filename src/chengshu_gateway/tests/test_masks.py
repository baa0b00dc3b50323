from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu_gateway import masks
from chengshu_gateway.mask_columns import mask_array
from chengshu_gateway.masks import MaskError, keep_first_last, parse

KEY = b"k" * 32
TODAY = date(2026, 11, 23)
HIDING = ("name", "id_number", "phone", "bank_card", "email", "address", "full", "year")


def show(declaration: str, value: object) -> str | None:
    return parse(declaration).compile(hash_key=KEY, today=lambda: TODAY)(value)


@pytest.mark.parametrize(
    ("declaration", "value", "shown"),
    [
        ("none", "张三", "张三"),
        ("keep:3,4", "abcdefghij", "abc***ghij"),
        ("keep:3,4", "abcdefg", "*******"),
        ("name", "张三丰", "张**"),
        ("name", "欧阳锋", "欧**"),
        ("name", "张", "*"),
        ("id_number", "330383199001011234", "330383********1234"),
        ("id_number", "33038319900101123X", "330383********123X"),
        ("id_number", "330383900101123", "330383******123"),
        ("id_number", "护照E12345", "********"),
        ("phone", "13812341234", "138****1234"),
        ("phone", "+86 13812341234", "138****1234"),
        ("phone", "0577-64221234", "0577-****34"),
        ("phone", "12345", "*****"),
        ("address", "浙江省温州市龙港市城东社区龙翔路195号", "浙江省温州市龙港市城东社区****"),
        ("address", "龙港市新城街道3幢201室", "龙港市新城街道****"),
        ("address", "龙港市阳光小区3幢", "龙港市****"),
        ("address", "老王家", "******"),
        ("email", "zhangsan@example.com", "z***@example.com"),
        ("email", "z@example.com", "****@example.com"),
        ("email", "not an address", "**************"),
        ("bank_card", "6222 0212 3456 7890 123", "***************0123"),
        ("year", date(1987, 6, 5), "1987"),
        ("month", "1987-06-05", "1987-06"),
        ("year", "八七年", "******"),
        ("age_band:10", "1987-11-24", "30-39岁"),
        ("age_band:10", "1986-11-23", "40-49岁"),
        ("age_band:10", "soon", "******"),
        ("band:10", 37, "30-39"),
        ("band:10", "-0.5", "(-10)-(-1)"),
        ("full", "x", "******"),
    ],
)
def test_each_mask_shows_what_practice_expects(declaration, value, shown):
    assert show(declaration, value) == shown


@pytest.mark.parametrize(
    "declaration", ["", "keep", "keep:1", "keep:99,99", "name:2", "band:0", "rot13"]
)
def test_an_unknown_declaration_is_refused_with_the_choices(declaration):
    with pytest.raises(MaskError, match="keep:3,4"):
        parse(declaration)


@pytest.mark.parametrize("kind", masks.KINDS, ids=lambda kind: kind.name)
def test_every_offered_kind_parses_back_to_itself_and_keeps_null(kind):
    mask = parse(kind.example)
    assert str(mask) == kind.example
    assert mask.compile(hash_key=KEY)(None) is None


@given(st.text(max_size=40), st.integers(0, 10), st.integers(0, 10))
@settings(deadline=None)
def test_keep_never_shows_more_than_declared(text, first, last):
    masked = keep_first_last(text, first, last)
    assert len(masked) == len(text)
    if len(text) <= first + last:
        assert set(masked) <= {"*"}
    else:
        middle = masked[first : len(text) - last]
        assert middle
        assert set(middle) == {"*"}


@given(st.text(min_size=1, max_size=60))
@settings(deadline=None)
def test_no_customary_mask_shows_a_whole_value(text):
    for declaration in HIDING:
        shown = show(declaration, text)
        assert shown is not None
        # Only a value that already carries its mask may come back as it is.
        assert shown != text or "*" in text


@given(
    st.from_regex(r"\d{4}", fullmatch=True) | st.text(alphabet="0123456789Xx路号社区", max_size=25)
)
@settings(deadline=None)
def test_the_id_mask_shows_at_most_ten_characters(text):
    shown = show("id_number", text)
    assert shown is not None
    assert len(shown.replace("*", "")) <= 10


@given(st.text(alphabet="浙江省龙港市城东社区街道村镇路号0123456789小", max_size=30))
@settings(deadline=None)
def test_an_address_never_shows_a_digit_or_anything_after_it(text):
    shown = show("address", text)
    assert shown is not None
    assert not any(character.isdigit() for character in shown)


def test_hashes_are_stable_and_differ_between_keys():
    mask = parse("hash")
    assert mask.compile(hash_key=KEY)("330383") == mask.compile(hash_key=KEY)("330383")
    assert mask.compile(hash_key=KEY)("330383") != mask.compile(hash_key=b"other")("330383")
    with pytest.raises(MaskError):
        mask.compile()


VALUES = {
    "text": pa.array(["张三", None, "13812341234", "330383199001011234", ""]),
    "chunked": pa.chunked_array([["张三", None], ["张三"]]),
    "dictionary": pa.array(["张三", "张三", None]).dictionary_encode(),
    "date": pa.array([date(1987, 6, 5), None]),
    "integer": pa.array([37, None, -5]),
    "boolean": pa.array([True, None]),
    "empty": pa.array([], pa.string()),
}


@pytest.mark.parametrize("kind", masks.KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("name", VALUES)
def test_a_masked_column_equals_its_values_masked_one_by_one(kind, name):
    mask = parse(kind.example)
    column = VALUES[name]
    masked = mask_array(column, mask, hash_key=KEY, today=lambda: TODAY)
    if not mask.hides:
        assert masked is column
        return
    function = mask.compile(hash_key=KEY, today=lambda: TODAY)
    assert masked.to_pylist() == [function(value) for value in column.to_pylist()]


@given(
    st.lists(
        st.none()
        | st.text(alphabet="浙江省龙港市城东社区街道村镇路号一二0123456789小\n弄苑 *", max_size=24)
        | st.text(alphabet="0123456789Xx@.-1a张", max_size=20),
        max_size=20,
    ),
    st.sampled_from([k.example for k in masks.KINDS if k.name != "none"]),
)
@settings(deadline=None)
def test_any_text_column_is_masked_as_its_values_are(values, declaration):
    mask = parse(declaration)
    function = mask.compile(hash_key=KEY, today=lambda: TODAY)
    shown = mask_array(pa.array(values, pa.string()), mask, hash_key=KEY, today=lambda: TODAY)
    assert shown.to_pylist() == [function(value) for value in values]
