"""Conditions rewritten for speed mean exactly what their plain forms mean."""

import re
from collections.abc import Callable, Iterator

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu.data.contract.facade import ColumnFormat, ColumnSpec
from chengshu.data.quality.choices import Dimension, RuleOrigin, Severity
from chengshu.data.quality.engine import formats
from chengshu.data.quality.engine.matching import as_glob, longer, matches, none_of
from chengshu.data.quality.engine.model import Check, TableShape
from chengshu.data.quality.engine.scan import scan

QUIET = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Signs that tell matchers apart: digits of other scripts, signs that mean something to GLOB, ends of lines.
SIGNS = "01359aZBxy浙京號 _-./@:,?*[]!^\\\n\t٣９é\u3000"
CLASSES = ("[0-9]", "[1-9]", "[3-9]", "[A-Z]", "[A-HJ-NP-Z0-9]", "[a-z_]", "[a-y.5]", r"\d")
PLAIN = ("1", "浙", "京", r"\.", r"\-", "x", "@", "_", " ")
PARTS = st.tuples(
    st.sampled_from(CLASSES + PLAIN), st.one_of(st.just(""), st.integers(1, 4).map("{{{}}}".format))
).map("".join)
TEXTS = st.lists(st.one_of(st.none(), st.text(SIGNS, max_size=9)), min_size=1, max_size=25)


@pytest.fixture
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    yield connection
    connection.close()


def answers(
    session: duckdb.DuckDBPyConnection,
    condition: Callable[[str], str],
    values: list[str | None],
) -> list[bool | None]:
    """Over a plain and over a dictionary column: the engine answers the two in different ways."""
    plain = pa.array(values, pa.string())
    session.register("t0", pa.table({"v": plain, "d": plain.dictionary_encode()}))
    rows = session.execute(f"SELECT {condition('v')}, {condition('d')} FROM t0").fetchall()
    session.unregister("t0")
    assert all(one == other for one, other in rows)
    return [one for one, _ in rows]


@QUIET
@given(data=st.data(), pattern=st.lists(PARTS, min_size=1, max_size=6).map("".join))
def test_a_plain_row_of_signs_matches_as_the_regular_expression_does(
    session: duckdb.DuckDBPyConnection, data: st.DataObject, pattern: str
) -> None:
    glob = as_glob(pattern)
    assert glob is not None
    near = st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)
    values = data.draw(st.lists(st.one_of(near, st.text(SIGNS, max_size=9)), max_size=25))
    values = [*values, *(value + "\n" for value in values[:3]), "", None]
    assert "GLOB" in matches("v", pattern)
    expected = [
        None if value is None else bool(re.fullmatch(pattern, value, re.ASCII)) for value in values
    ]
    assert answers(session, lambda value: matches(value, pattern), values) == expected


@pytest.mark.parametrize(
    "pattern",
    ["a|b", "a+", "a*", "a?", ".", "(ab)", "^a", "a$", "[^a]", "[!a]", "[a", "a]", r"\w", r"\S+", "a{1,2}",
     "[z-a]", "[]a]", "[a-]", r"[\d]", "a{0}", "a{99}", "", "(?i)a", r"\\", "a{2}{3}", "[浙京]"],
)  # fmt: skip
def test_what_means_more_than_signs_stays_a_regular_expression(pattern: str) -> None:
    assert as_glob(pattern) is None
    assert matches("v", pattern).startswith("regexp_full_match(v, ")


def test_the_patterns_of_the_formats_become_signs() -> None:
    assert as_glob("1[3-9][0-9]{9}") == "1[3-9]" + "[0-9]" * 9
    assert as_glob("浙[A-Z][A-HJ-NP-Z0-9]{5}") == "浙[A-Z]" + "[A-HJ-NP-Z0-9]" * 5
    for kind in (ColumnFormat.REGION12, ColumnFormat.REGION6, ColumnFormat.POSTCODE):
        assert "GLOB" in formats.prepared("c", kind)["_s_c"]


@QUIET
@given(values=TEXTS, codes=st.lists(st.text(SIGNS + "'", max_size=2), max_size=9))
def test_a_code_is_known_or_not_whatever_the_length_of_the_list(
    session: duckdb.DuckDBPyConnection, values: list[str | None], codes: list[str]
) -> None:
    values = [*values, *codes]
    plain = pa.table({"v": pa.array(values, pa.string())})
    session.register("t1", plain)
    found = session.execute(f"SELECT {none_of('v', codes)} FROM t1").fetchall()
    session.unregister("t1")
    assert [one for (one,) in found] == [
        value is not None and value not in codes for value in values
    ]


@QUIET
@given(values=TEXTS, signs=st.integers(0, 9))
def test_a_text_is_longer_by_its_characters_and_not_by_its_bytes(
    session: duckdb.DuckDBPyConnection, values: list[str | None], signs: int
) -> None:
    expected = [value is not None and len(value) > signs for value in values]
    assert answers(session, lambda value: longer(value, signs), values) == expected


def test_wrong_identifiers_are_named_row_by_row_however_often_they_occur(
    session: duckdb.DuckDBPyConnection,
) -> None:
    good, digit, shape = "330381199001010019", "330381199001010018", "12"
    values = [good, digit, None, shape, digit, good, ""]
    keys = [f"{n}" for n in range(len(values))]
    session.register("t2", pa.table({"no": keys, "v": pa.array(values, pa.string())}))
    table = TableShape(
        code="x", title="x", lake_table="std/x",
        columns=(ColumnSpec(name="no", title="号", key=True), ColumnSpec(name="v", title="值")),
    )  # fmt: skip
    checks = [
        Check(
            key=key, title=key, dimension=Dimension.ACCURACY, severity=Severity.NORMAL,
            origin=RuleOrigin.CATALOGUE, fails=fails,
            verdicts=formats.verdicts("v", ColumnFormat.ID_NUMBER),
        )
        for key, fails in (
            ("shape", formats.wrong_shape("v", ColumnFormat.ID_NUMBER)),
            ("digit", formats.wrong_check_digit("v")),
        )
    ]  # fmt: skip
    found = scan(session, table, checks, source="t2")
    bits = dict(zip(found.keys["no"].to_pylist(), found.keys["w0"].to_pylist(), strict=True))
    assert bits == {"1": 2, "3": 1, "4": 2, "6": 1}
    assert found.rows == len(values)
    assert int(found.sizes.sum()) == len(values)
    # Nothing of the scan stays in the session.
    names = session.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert not [name for (name,) in names if name.startswith("_")]
