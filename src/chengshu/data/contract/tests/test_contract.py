"""What a cell becomes, and which sentence the person reads when it cannot."""

import datetime as dt
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu.data.contract import (
    RULES,
    ColumnSpec,
    ContractError,
    TableContract,
    compile_contract,
    render,
)

DAY = dt.date(2026, 11, 23)
quick = settings(deadline=None, max_examples=60)


@cache
def engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def judge(value: str | None, **spec: Any) -> tuple[Any, list[str], list[str]]:
    """(typed value or None, broken rules, messages) of one cell in source row 17."""
    column = ColumnSpec(**({"name": "c", "title": "列"} | spec))
    contract = compile_contract(TableContract(columns=(column,)))
    batch = pa.RecordBatch.from_pydict(
        {"__row": pa.array([17], pa.int64()), "c": pa.array([value], pa.string())}
    )
    checked = contract.check(engine(), batch)
    messages = [
        render(RULES[v.rule], row=v.row, column=column, value=v.value) for v in checked.violations
    ]
    accepted = checked.accepted.to_pylist()
    return accepted[0]["c"] if accepted else None, [v.rule for v in checked.violations], messages


@pytest.mark.parametrize(
    "text",
    ["2026-11-23", "2026/11/23", "2026.11.23", "20261123", "2026年11月23日", "二〇二六年十一月二十三日",
     " ２０２６－１１－２３　", "２０２６年１１月２３号", "2026-11-23 00:00:00", "23-Nov-2026"],
)  # fmt: skip
def test_dates_are_read_in_the_chinese_habits(text: str) -> None:
    assert judge(text, type="date") == (DAY, [], [])


def test_unpadded_dates_are_read() -> None:
    assert judge("2026/1/3", type="date")[0] == dt.date(2026, 1, 3)
    assert judge("二〇二六年十月一日", type="date")[0] == dt.date(2026, 10, 1)
    assert judge("二〇二六年一月三十一日", type="date")[0] == dt.date(2026, 1, 31)


@pytest.mark.parametrize(
    "text", ["2026-02-30", "26-11-23", "11/23/2026", "46349", "2026年", "epoch", "infinity",
             "0000-01-01", "2026-11-23 14:00", "二〇二六年十三月一日", "2026/11.23"],
)  # fmt: skip
def test_doubtful_dates_are_rejected_not_guessed(text: str) -> None:
    _, rules, messages = judge(text, type="date")
    assert rules == ["type"]
    assert messages[0].startswith(f"第 17 行“列”：“{text}”不是真实存在的日期")


@quick
@given(
    st.dates(dt.date(1000, 1, 1)),
    st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日"]),
)
def test_every_day_reads_back_in_every_habit(day: dt.date, habit: str) -> None:
    assert judge(day.strftime(habit), type="date")[0] == day


@pytest.mark.parametrize(
    "text",
    ["2026-11-23 14:05", "2026/11/23 14:05:00", "2026-11-23T14:05:00", "20261123140500",
     "2026年11月23日 14时05分", "2026-11-23T14:05:00+08:00", "2026-11-23 06:05:00Z"],
)  # fmt: skip
def test_date_times_are_china_time_unless_they_say_otherwise(text: str) -> None:
    value, rules, _ = judge(text, type="datetime")
    assert rules == []
    assert value == dt.datetime(2026, 11, 23, 6, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1200", 1200), ("1,200", 1200), ("１，２００", 1200), ("-5", -5), ("12.0", 12), ("+7", 7)],
)
def test_integers(text: str, value: int) -> None:
    assert judge(text, type="integer") == (value, [], [])


@pytest.mark.parametrize(
    "text", ["1万", "1.5", "1e5", "1,20", "十二", "1_000", "99999999999999999999"]
)
def test_numbers_are_never_guessed(text: str) -> None:
    assert judge(text, type="integer")[1] == ["type"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,200.50", "1200.50"), (".5", "0.50"), ("3.100", "3.10"), ("-0.01", "-0.01")],
)
def test_decimals(text: str, value: str) -> None:
    assert judge(text, type="decimal", precision=8, scale=2) == (Decimal(value), [], [])


@pytest.mark.parametrize("text", ["1.239", "1234567.10"])
def test_decimals_are_not_rounded_or_cut(text: str) -> None:
    assert judge(text, type="decimal", precision=8, scale=2)[1] == ["precision"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("是", True), ("１", True), ("TRUE", True), ("否", False), ("0", False), ("n", False)],
)
def test_booleans(text: str, value: bool) -> None:
    assert judge(text, type="boolean")[0] is value


def test_codes_take_the_code_or_its_unambiguous_name() -> None:
    codes = {"1": "男", "2": "女", "8": "不详", "9": "不详"}
    assert judge("男", codes=codes)[0] == "1"
    assert judge("２ ", codes=codes)[0] == "2"
    assert judge("不详", codes=codes)[1] == ["code"]
    assert "1 男、2 女" in judge("5", codes=codes)[2][0]


@pytest.mark.parametrize("text", [None, "", " 　", "NULL", "\\N"])
def test_empty_cells_break_required_only_where_required(text: str | None) -> None:
    assert judge(text, nullable=False)[1] == ["required"]
    assert judge(text, key=True)[1] == ["required"]
    assert judge(text)[1] == []


@pytest.mark.parametrize(
    "text",
    ["3.30383E+17", "3.30383e+17", "330383199001011000", "330383199001011234.0", "3.30383E17"],
)
def test_identifiers_that_excel_turned_into_numbers_are_explained(text: str) -> None:
    value, rules, messages = judge(text, title="身份证号", format="id_number")
    assert (value, rules) == (None, ["id_as_number"])
    assert messages == [
        f"第 17 行“身份证号”：“{text}” 被 Excel 变成了数字，末位已丢失；请把该列设为文本后重新导出。"
    ]


def test_a_plain_text_key_in_scientific_notation_is_refused_too() -> None:
    assert judge("1.23457E+12", key=True)[1] == ["id_as_number"]


def test_a_wrong_check_digit_is_not_blamed_on_excel() -> None:
    assert judge("11010519491231002X", format="id_number") == ("11010519491231002X", [], [])
    assert judge("110105194912310029", format="id_number")[1] == ["check_digit"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("id_number", "１１０１０５１９４９１２３１００２ｘ", "11010519491231002X"),
        ("id_number", "110105 19491231 002X", "11010519491231002X"),
        ("uscc", "91110000600037341l", "91110000600037341L"),
        ("mobile", "+86 138-1234-5678", "13812345678"),
        ("mobile", "１３８１２３４５６７８", "13812345678"),
        ("plate", "浙C·12345", "浙C12345"),
        ("plate", "浙CD12345", "浙CD12345"),
        ("region12", "330383001001", "330383001001"),
        ("postcode", "３２５８０２", "325802"),
        ("phone", "（0577）64221234", "0577-64221234"),
        ("email", "name@example.cn", "name@example.cn"),
    ],
)
def test_identifiers_are_cleaned_and_stay_text(kind: str, text: str, value: str) -> None:
    assert judge(text, format=kind) == (value, [], [])


@pytest.mark.parametrize(
    ("kind", "text"),
    [("mobile", "12345678901"), ("plate", "浙I12345"), ("region12", "3303830010"), ("region6", "33038A"),
     ("postcode", "3258"), ("email", "name@"), ("uscc", "I1110000600037341L"), ("bank_card", "123")],
)  # fmt: skip
def test_wrong_formats_are_rejected(kind: str, text: str) -> None:
    assert judge(text, format=kind)[1] == ["format"]


def test_every_violation_of_a_cell_is_found() -> None:
    assert judge("abcdef", length=3, pattern="[0-9]+")[1] == ["length", "pattern"]


def test_ranges_are_inclusive_and_exact() -> None:
    assert judge("0", type="decimal", minimum="0")[1] == []
    assert judge("0.00", type="decimal", minimum="0.005")[1] == ["range"]
    assert judge("1899-12-31", type="date", minimum="1900-01-01")[1] == ["range"]
    assert judge("121", type="integer", minimum="0", maximum="120")[2] == [
        "第 17 行“列”：“121”不在允许的范围内（0 至 120）。"
    ]


@quick
@given(
    st.lists(st.one_of(st.none(), st.text()), min_size=1, max_size=30),
    st.sampled_from(["text", "integer", "decimal", "date", "datetime", "boolean"]),
)
def test_any_garbage_is_either_typed_or_explained(values: list[str | None], kind: str) -> None:
    contract = compile_contract(
        TableContract(columns=(ColumnSpec(name="c", title="列", type=kind),))
    )
    batch = pa.RecordBatch.from_pydict(
        {"__row": pa.array(range(len(values)), pa.int64()), "c": pa.array(values, pa.string())}
    )
    checked = contract.check(engine(), batch)
    assert checked.accepted.schema == contract.schema
    stayed = checked.accepted.column("_row").to_pylist()
    assert sorted(stayed + checked.rejected.tolist()) == list(range(len(values)))
    assert {v.position for v in checked.violations} == set(checked.rejected.tolist())


@pytest.mark.parametrize(
    "spec",
    [{"pattern": "["}, {"codes": {}}, {"type": "date", "minimum": "昨天"}, {"type": "integer", "format": "mobile"},
     {"type": "decimal", "precision": 2, "scale": 5}, {"name": "_row"}, {"length": 0}, {"minimum": "1"}],
)  # fmt: skip
def test_contradictions_in_the_catalogue_are_named(spec: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match="列"):
        compile_contract(
            TableContract(columns=(ColumnSpec(**({"name": "c", "title": "列"} | spec)),))
        )


def test_two_items_cannot_share_a_column() -> None:
    with pytest.raises(ContractError, match="同一个字段名"):
        TableContract(columns=(ColumnSpec(name="a", title="甲"), ColumnSpec(name="A", title="乙")))


def test_headers_match_titles_and_names_despite_marks_and_blanks() -> None:
    contract = TableContract(
        columns=(ColumnSpec(name="id", title="身份证号"), ColumnSpec(name="n", title="姓名"))
    )
    assert contract.match_headers(["*身份证 号", "N", "备注", "姓名"]) == {
        "*身份证 号": "id",
        "N": "n",
    }


def test_titles_with_quotes_and_sql_do_not_break_the_statement() -> None:
    nasty = 'a"; DROP TABLE x; --'
    column = ColumnSpec(name=nasty, title="怪名", codes={"o'1": "名"}, nullable=False)
    contract = compile_contract(TableContract(columns=(column,)))
    batch = pa.RecordBatch.from_pydict(
        {"__row": pa.array([1], pa.int64()), nasty: pa.array(["o'1"])}
    )
    assert contract.check(engine(), batch).accepted.to_pylist() == [{"_row": 1, nasty: "o'1"}]
