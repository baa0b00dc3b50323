import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengshu_gateway import masks
from chengshu_gateway.encoding import RowEncoder, encoder_of
from chengshu_gateway.keys import hash_record_key, hash_record_keys

KEY = b"k" * 32
FIELDS = {
    "text": ("text", "none"),
    "number": ("integer", "none"),
    "share": ("real", "none"),
    "flag": ("boolean", "none"),
    "name": ("text", "name"),
    "id%s": ("text", "id_number"),
    "hidden": ("boolean", "full"),
    "gone": ("text", "null"),
    "moved": ("date", "shift:30,text"),
}
_some = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_identity = st.from_regex(r"[0-9]{17}[0-9X]", fullmatch=True)
_rows = st.lists(
    st.tuples(
        _some,
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(),
        st.none() | st.integers(0, 1),
        _some,
        _some | _identity,
        st.none() | st.integers(0, 1),
        _some,
        st.tuples(st.none() | st.dates().map(str), _some),
        st.just("read by the row filter only"),
    ),
    max_size=6,
)


@pytest.fixture(scope="module")
def encoder() -> RowEncoder:
    encoders = [encoder_of(kind, masks.parse(mask), KEY) for kind, mask in FIELDS.values()]
    return RowEncoder(list(FIELDS), encoders)


@given(rows=_rows)
def test_a_page_holds_what_its_rows_answered_singly_hold(encoder, rows):
    page = encoder.many(rows)
    assert page == [encoder.one(row) for row in rows]
    for text, row in zip(page, rows, strict=True):
        answered = json.loads(text)
        assert list(answered) == list(FIELDS)
        assert answered["text"] == row[0]
        assert answered["number"] == row[1]
        assert answered["flag"] is (None if row[3] is None else bool(row[3]))
        assert answered["gone"] is None


@given(key=st.binary(min_size=1, max_size=90), values=st.lists(st.text(max_size=80), max_size=4))
def test_keys_of_records_are_hashed_as_the_standard_says(key, values):
    def plain(value: str) -> str:
        octets = value.encode("utf-8", "surrogateescape")
        return hmac.digest(key, octets, "sha256")[:16].hex()

    values = [value.encode("utf-8", "replace").decode() for value in values]
    assert hash_record_keys(key, values) == list(map(plain, values))
    assert [hash_record_key(key, value) for value in values] == list(map(plain, values))
