"""The quick way through plain values gives the answers of the slow way, value by value."""

from functools import cache
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric, uscc

from chengshu.data.contract import ColumnSpec, TableContract, compile_contract, compiler
from chengshu.data.contract.cells import BLANKS, NULL_WORDS, trim
from chengshu.data.contract.compiler import CheckedBatch
from chengshu.data.contract.plain import Plain, judge_plain

SPECS: list[dict[str, Any]] = [
    {},
    {"length": 3, "nullable": False},
    {"pattern": "[0-9a]+", "length": 4},
    {"codes": {"1": "男", "2": "女", "甲": "1"}},
    {"codes": {"01": "是"}, "length": 1},
    {"type": "integer"},
    {"type": "integer", "minimum": "-3", "maximum": "120", "length": 2},
    {"type": "integer", "minimum": "99999999999999999999"},
    {"type": "decimal"},
    {"type": "decimal", "precision": 5, "scale": 2, "minimum": "-0.005", "maximum": "99.9"},
    {"type": "decimal", "precision": 20, "scale": 0, "maximum": "1e3"},
    {"type": "decimal", "precision": 38, "scale": 20},
    {"type": "date"},
    {"type": "date", "minimum": "1900-01-01", "maximum": "2026-11-23"},
    {"type": "datetime"},
    {"type": "datetime", "minimum": "1986-05-04", "maximum": "2026-11-23T14:05:00"},
    {"type": "boolean", "nullable": False},
    *({"format": name} for name in ("id_number", "uscc", "bank_card", "region12", "region6")),
    *({"format": name, "length": 12} for name in ("mobile", "phone", "plate", "email")),
    {"format": "postcode", "key": True},
]


def _identity(born: str) -> str:
    return f"330383{born}001" + ric.calc_check_digit(f"330383{born}0010")


def _two(value: int) -> st.SearchStrategy[str]:
    return st.integers(0, value).map(lambda n: f"{n:02}") | st.integers(0, value).map(str)


digits = st.text("0123456789", min_size=1, max_size=20)
days = st.builds(
    "{1}{0}{2}{0}{3}".format,
    st.sampled_from(["-", "/", ".", "", "年"]),
    st.integers(900, 2100), _two(13), _two(32),
)  # fmt: skip
hours = st.builds(
    "{1}{0}{2}:{3}".format, st.sampled_from([" ", "T", "  "]), days, _two(24), _two(60)
)
numbers = st.builds(
    "{0}{1}{2}{3}".format,
    st.sampled_from(["", "-", "+", "--", "0x"]),
    st.sampled_from(["", "0", "007", "12", "1,200", "999", "123456789012345678"]),
    st.sampled_from(["", ".", ".0", ".5", ".50", ".500", ".005", ".1.2", "e3"]),
    st.sampled_from(["", "", "", "-", " ", "万", "１"]),
)
identifiers = st.builds(
    lambda text, end: text + end,
    st.sampled_from(
        [_identity("19900101"), _identity("19900229"), "110105491231002", "11010519491231002x",
         "91330383000000001" + uscc.calc_check_digit("913303830000000010"), "N2330383000000001X",
         "621700000000000" + luhn.calc_check_digit("621700000000000"), "330383001001", "330383",
         "13812345678", "+8613812345678", "0577-64221234", "浙C12345", "浙CD1234挂", "325802",
         "a@b.cn", "1E+5@x.cn", "3.30383E+17", "33038319900101", "000000000000"]
    ),
    st.sampled_from(["", "", "", "0", " ", "X", "．"]),
)  # fmt: skip
odd = st.text(st.sampled_from("0159-/.:,+TxXE ＋１二是年月日\u3000\n\x00é" + BLANKS), max_size=12)
words = st.sampled_from(
    ["是", "否", "TRUE", "y", "ｙ", "K", "男", "1", "甲", "01", "１", *NULL_WORDS, " NULL ", "nul"]
)
values = st.one_of(
    st.none(), digits, days, hours, numbers, identifiers, odd, words,
    st.builds("{0}:{1}".format, hours, _two(61)),
    st.builds("{1}{0}{2}".format, words | numbers | days, *[st.sampled_from(["", *BLANKS])] * 2),
    st.text(max_size=4),
)  # fmt: skip


@cache
def engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def all_doubtful(raw: Any, spec: ColumnSpec, meanings: Any) -> Plain:
    """Send every filled cell the slow way."""
    del meanings
    column = trim(raw)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    slow = {"datetime": pa.timestamp("us")}.get(spec.type, spec.arrow_type)
    typed = column if spec.type == "text" else pa.nulls(len(column), slow)
    return Plain(typed, missing, ~missing)


def outcome(checked: CheckedBatch) -> tuple[Any, ...]:
    return (
        checked.accepted.to_pylist(),
        checked.rejected.tolist(),
        sorted(map(repr, checked.violations)),
    )


@pytest.mark.parametrize("spec", SPECS, ids=str)
@settings(deadline=None, max_examples=25)
@given(cells=st.lists(values, max_size=25), cut=st.integers(0, 3))
@example(cells=["2026-11-23", "2026-11-23", None], cut=1)
@example(cells=["-0.5", "5.", ".5", "-", "", "1.00"], cut=0)
def test_plain_values_are_judged_as_the_statement_would(
    spec: dict[str, Any], cells: list[str | None], cut: int
) -> None:
    contract = TableContract(columns=(ColumnSpec(**({"name": "c", "title": "列"} | spec)),))
    batch = pa.RecordBatch.from_pydict(
        {"__row": pa.array(range(len(cells)), pa.int64()), "c": pa.array(cells, pa.string())}
    ).slice(cut)
    quick = compile_contract(contract).check(engine(), batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiler, "judge_plain", all_doubtful)
        slow = compile_contract(contract).check(engine(), batch)
    assert outcome(quick) == outcome(slow)


@settings(deadline=None)
@given(st.lists(values, max_size=20), st.integers(0, 3))
def test_trimming_only_suspects_equals_trimming_everything(
    cells: list[str | None], cut: int
) -> None:
    expected = [
        None if cell is None or (kept := cell.strip(BLANKS)) in NULL_WORDS else kept
        for cell in cells
    ]
    assert trim(pa.array(cells, pa.string())[cut:]).to_pylist() == expected[cut:]


@pytest.mark.parametrize(
    ("spec", "good"),
    [
        ({"type": "date"}, ["2026-11-23", "2026/1/3", "2026.12.31", "20240229"]),
        ({"type": "datetime"}, ["2026-11-23 14:05", "2026/11/23T14:05:30", "2026-11-23"]),
        ({"type": "decimal"}, ["0", "-1.5", "12.50"]),
        ({"type": "integer"}, ["0", "-15", "007"]),
        ({"format": "id_number"}, [_identity("19900101")]),
        ({"format": "mobile"}, ["13812345678"]),
        ({"length": 4}, ["龙港市民", "abc"]),
    ],
)
def test_ordinary_values_need_no_second_look(spec: dict[str, Any], good: list[str]) -> None:
    """Otherwise every delivery would be slow, and nobody would notice."""
    column = ColumnSpec(**({"name": "c", "title": "列"} | spec))
    plain = judge_plain(pa.array([*good, None]), column, None)
    assert not plain.doubtful.any()
    assert np.flatnonzero(plain.missing).tolist() == [len(good)]
