"""What is guessed from a sample: types, keys, formats, codes, levels, names."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu.data.discovery.inference import (
    Habit,
    Knowledge,
    KnownCodes,
    KnownElement,
    SourceColumn,
    SourceTable,
    TableProposal,
    propose,
)
from chengshu.data.discovery.inference.declared import logical
from chengshu.data.discovery.inference.words import likeness, snake, stem
from chengshu.data.discovery.tests.cast import id_number

GENDER = KnownCodes(key="gender", name="性别代码", codes={"1": "男", "2": "女"})
ROWS = 60


def guess(
    columns: dict[str, list[str | None]], known: Knowledge | None = None, **extra: SourceColumn
) -> TableProposal:
    table = SourceTable(
        name="t_ry", columns=tuple(extra.get(n, SourceColumn(name=n)) for n in columns)
    )
    sample = pa.table({n: pa.array(v, pa.string()) for n, v in columns.items()})
    return propose(table, sample, known or Knowledge(code_tables=(GENDER,)))


def field(found: TableProposal, column: str, name: str) -> object:
    return next(i for i in found.items if i.column == column).value(name)


def people() -> dict[str, list[str | None]]:
    return {
        "sfzh": [id_number(i) for i in range(ROWS)],
        "xm": ["张三李四王五"[i % 3 * 2 : i % 3 * 2 + 2] for i in range(ROWS)],
        "xb": ["12"[i % 2] for i in range(ROWS)],
        "csrq": [f"19{50 + i % 40}-0{1 + i % 9}-1{i % 9}" for i in range(ROWS)],
        "lxdh": [f"1540000{i:04d}" for i in range(ROWS)],
        "jtzz": [f"龙港市通港路{i}号3幢{i}02室" for i in range(ROWS)],
        "bh": [f"{i:06d}" for i in range(ROWS)],
        "je": [f"{i * 7}.5{i % 10}" for i in range(ROWS)],
        "rs": [str(i) for i in range(ROWS)],
        "gxsj": [f"2026-11-{1 + i % 23:02d} 10:00:00" for i in range(ROWS)],
    }


def test_a_table_of_abbreviations_becomes_a_described_entry() -> None:
    found = guess(people())
    assert field(found, "sfzh", "title") == "公民身份号码"
    assert field(found, "xm", "title") == "姓名"
    assert (field(found, "sfzh", "format"), field(found, "sfzh", "length")) == ("id_number", 18)
    assert field(found, "xb", "code_table") == "gender"
    assert field(found, "csrq", "type") == "date"
    assert field(found, "gxsj", "type") == "datetime"
    assert (field(found, "je", "type"), field(found, "je", "scale")) == ("decimal", 2)
    assert field(found, "rs", "type") == "integer"
    assert found.update_cycle.value == "daily"


def test_codes_and_identifiers_never_become_numbers() -> None:
    found = guess(
        {"bh": [f"{i:06d}" for i in range(ROWS)], "lxdh": [f"1540000{i:04d}" for i in range(ROWS)],
         "zhbm": [f"62998305{i:08d}" for i in range(ROWS)]}
    )  # fmt: skip
    assert {field(found, c, "type") for c in ("bh", "lxdh", "zhbm")} == {"text"}


def test_personal_data_is_never_declared_harmless() -> None:
    found = guess(people())
    levels = {c: field(found, c, "sensitivity") for c in people()}
    assert {levels[c] for c in ("sfzh", "lxdh", "jtzz")} == {"L3"}
    assert levels["xm"] >= "L2"
    # Beside a citizen's number even a harmless figure can be joined to a person.
    assert levels["je"] == "L2"


def test_the_declared_key_wins_over_what_happens_to_be_unique() -> None:
    columns = {"a": [str(i) for i in range(ROWS)], "b": [f"B{i}" for i in range(ROWS)]}
    assert guess(columns, b=SourceColumn(name="b", key=True, nullable=False)).key == ("b",)


def test_two_columns_together_are_the_key_where_none_is_alone() -> None:
    found = guess(
        {"grid_code": [f"G{i // 6}" for i in range(ROWS)], "seq_no": [str(i % 6) for i in range(ROWS)],
         "remark": ["同样的话"] * ROWS}
    )  # fmt: skip
    assert set(found.key) == {"grid_code", "seq_no"}


def test_a_row_delivered_twice_does_not_spoil_the_key() -> None:
    numbers = [f"A{i:03d}" for i in range(ROWS)]
    found = guess({"case_no": [*numbers, *numbers[:5]], "xm": ["张三"] * (ROWS + 5)})
    assert found.key == ("case_no",)


def test_short_codes_that_any_table_covers_need_a_name_that_fits() -> None:
    values: list[str | None] = ["12"[i % 2] for i in range(ROWS)]
    assert field(guess({"xingbie": values}), "xingbie", "code_table") == "gender"
    assert field(guess({"hazard_grade": values}), "hazard_grade", "code_table") == ""


def test_the_comment_of_a_column_is_its_name() -> None:
    column = SourceColumn(name="c1", comment="法定代表人：自然人姓名，必填")
    assert field(guess({"c1": ["张三"] * ROWS}, c1=column), "c1", "title") == "法定代表人"


def test_required_is_proposed_only_with_evidence() -> None:
    habits = {"xm": Habit(count=10, required=9, titles={"姓名": 10})}
    columns: dict[str, list[str | None]] = {"xm": ["张三"] * ROWS, "hobby": ["阅读"] * ROWS}
    found = guess(columns, Knowledge(habits=habits))
    assert field(found, "xm", "nullable") is False
    assert field(found, "hobby", "nullable") is True


def test_a_bound_element_is_proposed_by_synonym() -> None:
    known = Knowledge(
        elements=(KnownElement(identifier="DE0001", title="公民身份号码", format="id_number"),)
    )
    found = guess({"身份证号": [id_number(i) for i in range(ROWS)]}, known)
    assert field(found, "身份证号", "element") == "DE0001"


def test_an_empty_table_gets_a_proposal_all_the_same() -> None:
    found = guess({"xm": [], "je": []})
    assert field(found, "xm", "title") == "姓名"
    assert found.key == ()


@pytest.mark.parametrize(
    ("word", "scale", "kind"),
    [("character varying(18)", None, "text"), ("NUMBER", 0, "integer"), ("numeric(12,2)", 2, "decimal"),
     ("timestamp with time zone", None, "datetime"), ("tinyint(1)", None, "boolean"), ("bigint", None, "integer"),
     ("date", None, "date")],
)  # fmt: skip
def test_the_source_s_types_are_understood(word: str, scale: int | None, kind: str) -> None:
    assert logical(word, scale=scale) == kind


@given(st.lists(st.one_of(st.none(), st.text(max_size=20)), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_any_column_gets_a_length_that_holds_nearly_all_of_it(values: list[str | None]) -> None:
    found = guess({"c": values})
    item = found.items[0]
    assert item.value("type") in {"text", "integer", "decimal", "date", "datetime", "boolean"}
    if item.value("type") == "text" and not item.value("format"):
        length = item.value("length")
        # Nothing seen: no size rather than one that refuses what will come.
        assert length >= 1 if any(value and value.strip() for value in values) else length is None


@given(st.text(alphabet="abcXYZ_- 0中文", max_size=30))
def test_cleaned_names_are_names(name: str) -> None:
    clean = snake(name)
    assert clean == snake(clean)
    assert not clean.startswith("_")


def test_synonyms_are_one_and_units_do_not_count() -> None:
    assert likeness("身份证号", "公民身份号码") == 1.0
    assert stem("建筑面积(平方米)") == "建筑面积"
    assert likeness("姓名", "单位名称") < 0.5
