from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.util import isdigits

from chengshu_gateway.bundle import Bundle, BundleError, Column, Grant, validate
from chengshu_gateway.bundle_store import publish_bundle
from chengshu_gateway.mask_columns import mask_array
from chengshu_gateway.masks import KEYED, KINDS, MaskError, parse
from chengshu_gateway.tests import sample_city

KEY, OTHER = b"k" * 32, b"o" * 32
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
DAYS = st.dates(date(1930, 1, 1), date(2026, 11, 23))
NUMBERS = st.builds(
    lambda region, born, order: f"{region:06}{born:%Y%m%d}{order:03}0",
    st.integers(110000, 659999), DAYS, st.integers(0, 999),
)  # fmt: skip


def show(declaration, value, key=KEY):
    return parse(declaration).compile(hash_key=key)(value)


@given(NUMBERS)
def test_a_pseudonymous_identity_number_is_sound_and_nobodys(number):
    made = show("pseudo_id", number)
    assert len(made) == 18
    assert made.startswith("39"), "a province that was never assigned"
    total = sum(int(d) * w for d, w in zip(made[:17], WEIGHTS, strict=True))
    assert made[17] == "10X98765432"[total % 11]
    date.fromisoformat(f"{made[6:10]}-{made[10:12]}-{made[12:14]}")
    kept = show("pseudo_id_kept", number)
    assert (kept[6:10], int(kept[16]) % 2) == (number[6:10], int(number[16]) % 2)


@given(st.text(min_size=1, max_size=30))
@settings(deadline=None)
def test_pseudonyms_are_stable_for_a_key_and_unrelated_for_another(text):
    for kind in sorted(KEYED - {"shift"}):
        assert show(kind, text) == show(kind, text)
    assert show("hash", text) != show("hash", text, OTHER)
    assert show("hash_sm3", text) != show("hash", text)


@given(st.from_regex(r"[A-Z0-9]{1,40}", fullmatch=True))
def test_a_code_keeps_its_length_and_kinds_of_characters(text):
    made = show("pseudo_code", text)
    assert [isdigits(c) for c in made] == [isdigits(c) for c in text]
    assert made.isupper() == text.isupper()


def test_codes_and_numbers_do_not_meet_among_a_hundred_thousand():
    numbers = [f"3303831990{n // 1000 % 12 + 1:02}01{n % 1000:03}{n % 10}" for n in range(100_000)]
    distinct = len(set(numbers))
    made = mask_array(pa.array(numbers), parse("pseudo_id"), hash_key=KEY)
    assert len(set(made.to_pylist())) == distinct


@pytest.mark.parametrize(
    ("value", "length"), [("13812341234", 11), ("0577-64221234", 13), ("057764221234", 12)]
)
def test_a_pseudonymous_telephone_keeps_its_length_and_rings_nowhere(value, length):
    made = show("pseudo_phone", value)
    assert len(made) == length
    assert made != value
    assert made.startswith("12") or made.removeprefix("0577").lstrip("-").startswith("0")


@pytest.mark.parametrize("kind", ["pseudo_id", "pseudo_phone"])
def test_what_has_another_shape_is_hidden_whole(kind):
    assert show(kind, "护照 E123") == "******"


def test_a_name_becomes_another_name_of_the_same_length():
    assert len(show("pseudo_name", "张伟")) == 2
    assert len(show("pseudo_name", "欧阳锦程")) == 3
    assert show("pseudo_name", "张伟") == show("pseudo_name", " 张伟 ")


@given(DAYS, DAYS, st.integers(1, 400), st.text(min_size=1, max_size=10))
def test_shifted_dates_keep_the_intervals_of_one_subject(first, second, days, subject):
    shift = parse(f"shift:{days},id_number").compile_pair(hash_key=KEY)
    one, two = (date.fromisoformat(shift(day.isoformat(), subject)) for day in (first, second))
    assert two - one == second - first
    assert timedelta(0) < abs(one - first) <= timedelta(days)


def test_a_shifted_date_without_its_subject_or_key_shows_nothing():
    assert parse("shift:30,id_number").compile()("1990-01-01") == "******"
    assert parse("shift:30,id").compile_pair(hash_key=KEY)("1990-01-01", None) == "******"
    with pytest.raises(MaskError):
        parse("shift:30,id").compile_pair(hash_key=b"")
    for kind in KINDS:
        if kind.name in KEYED - {"shift"}:
            with pytest.raises(MaskError):
                parse(kind.example).compile()


def test_columns_are_shifted_by_the_subject_of_their_row():
    days = pa.array(["1990-01-01", "1990-01-11", None, "1990-01-01"])
    people = pa.array(["a", "a", "a", None])
    shown = mask_array(days, parse("shift:30,who"), hash_key=KEY, subjects=people).to_pylist()
    gap = date.fromisoformat(shown[1]) - date.fromisoformat(shown[0])
    assert gap == timedelta(days=10)
    assert shown[2:] == [None, "******"]


@pytest.mark.parametrize(
    ("declaration", "value", "shown"),
    [
        ("region:6", "330383001000", "330383"),
        ("region:9", "330383001000", "330383001"),
        ("region:6", "330383", "******"),
        (
            "address_street",
            "浙江省温州市龙港市新城街道城东社区龙翔路1号",
            "浙江省温州市龙港市新城街道****",
        ),
        ("null", "任何", None),
    ],
)
def test_generalised_values(declaration, value, shown):
    assert show(declaration, value) == shown


@pytest.mark.parametrize(
    "text", ["region:5", "shift:0,a", "shift:30", "shift:30,1a", "pseudo_id:x"]
)
def test_declarations_that_make_no_sense_are_refused(text):
    with pytest.raises(MaskError):
        parse(text)


def _bundle(masks, fields=("code", "born")):
    interface = replace(
        sample_city.INTERFACE, columns=(*sample_city.COLUMNS, Column("born"), Column("left"))
    )
    grant = Grant("app-1", "residents", fields, masks=masks)
    return Bundle((sample_city.APP,), (interface,), (grant,))


def test_the_gateway_shifts_dates_by_a_field_it_does_not_show(tmp_path):
    table = sample_city.RESIDENTS
    table = table.append_column("born", pa.array(["1990-01-01"] * 4))
    table = table.append_column("left", pa.array(["1990-01-31"] * 4))
    sample_city.publish_rows(tmp_path, table)
    masks = {"born": "shift:60,id_number", "left": "shift:60,id_number"}
    publish_bundle(
        tmp_path / "bundles", _bundle(masks, ("code", "left", "born")), sample_city.KEYS.bundle
    )
    with sample_city.local(tmp_path) as gateway:
        path = "/share/v1/residents/R1"
        seen = gateway.ask(path, headers=sample_city.signed(path)).json["data"]
    assert seen.keys() == {"code", "left", "born"}
    born, left = date.fromisoformat(seen["born"]), date.fromisoformat(seen["left"])
    assert left - born == timedelta(days=30)
    assert born != date(1990, 1, 1)


def test_a_bundle_whose_shift_goes_by_an_unknown_field_is_refused():
    with pytest.raises(BundleError, match="nobody"):
        validate(_bundle({"born": "shift:30,nobody"}))
