"""The engine: formats as the load judges them, one scan against a row-by-row oracle, kinds, and what is refused."""

from collections.abc import Iterator
from datetime import date

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu.data.contract.facade import ColumnFormat, ColumnSpec, ColumnType, verify_format
from chengshu.data.quality.choices import Dimension, RuleOrigin, Severity
from chengshu.data.quality.engine import formats
from chengshu.data.quality.engine.catalogued import catalogue_checks
from chengshu.data.quality.engine.expert import check_sql
from chengshu.data.quality.engine.expressions import condition
from chengshu.data.quality.engine.kinds import KINDS
from chengshu.data.quality.engine.model import Check, RuleError, TableShape, has_bit
from chengshu.data.quality.engine.scan import scan
from chengshu.data.quality.engine.templates import proposals

ID, OTHER_ID = "330381199001010018", "110101199003074514"
PEOPLE = TableShape(
    code="1/01/001/01/00001", title="人员", lake_table="std/people",
    columns=(
        ColumnSpec(name="no", title="编号", key=True, length=8),
        ColumnSpec(name="id_number", title="公民身份号码", format=ColumnFormat.ID_NUMBER, length=18),
        ColumnSpec(name="full_name", title="姓名", length=4, nullable=False),
        ColumnSpec(name="gender", title="性别代码", codes={"1": "男", "2": "女"}),
        ColumnSpec(name="born", title="出生日期", type=ColumnType.DATE),
        ColumnSpec(name="start", title="开始日期", type=ColumnType.DATE),
        ColumnSpec(name="amount", title="应缴金额(元)", type=ColumnType.INTEGER, minimum="0"),
        ColumnSpec(name="price", title="单价", type=ColumnType.INTEGER),
    ),
)  # fmt: skip
SCHEMA = pa.schema([pa.field(c.name, c.arrow_type) for c in PEOPLE.columns])


@pytest.fixture
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    yield connection
    connection.close()


def table(*rows: dict[str, object]) -> pa.Table:
    named = [{"no": f"N{n}"} | row for n, row in enumerate(rows)]
    return pa.Table.from_pylist(named, schema=SCHEMA)


def unknown(_code: str) -> TableShape:
    raise RuleError("没有")


def check_of(kind: str, definition: dict[str, object], alias: str = "j0") -> Check:
    made = KINDS[kind].compile(definition, PEOPLE, unknown, alias)
    return Check(
        key=kind, title=kind, dimension=Dimension.ACCURACY, severity=Severity.NORMAL,
        origin=RuleOrigin.OFFICER, fails=made.fails, checked=made.checked, columns=made.columns,
        joins=made.joins, prepared=made.prepared, verdicts=made.verdicts,
    )  # fmt: skip


def failing(session: duckdb.DuckDBPyConnection, rows: pa.Table, check: Check) -> set[str]:
    session.register("people", rows)
    found = scan(session, PEOPLE, [check], source="people", places={"std/people": "people"})
    return set(found.keys["no"].to_pylist())


NEARLY = st.one_of(
    st.text("0123456789X", min_size=16, max_size=19),
    st.sampled_from([ID, OTHER_ID, ID[:-1] + "1", "91330383MA2996CQ5A", "6222021234567890128"]),
    st.text("0123456789ABCDEFGHJKLMNPQRTUWXYIOZ", min_size=18, max_size=18),
    st.text(max_size=6),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=st.lists(st.one_of(st.none(), NEARLY), max_size=20),
    kind=st.sampled_from(list(ColumnFormat)),
)
def test_a_format_is_judged_as_the_load_judges_it(
    session: duckdb.DuckDBPyConnection, values: list[str | None], kind: ColumnFormat
) -> None:
    column = pa.array(values, pa.string())
    shape = TableShape(
        code="x", title="x", lake_table="std/x",
        columns=(ColumnSpec(name="no", title="号", key=True), ColumnSpec(name="v", title="值", format=kind)),
    )  # fmt: skip
    session.register("t0", pa.table({"no": [f"{n}" for n in range(len(values))], "v": column}))
    checks = catalogue_checks(shape)
    found = scan(session, shape, checks, source="t0")
    places = {check.key: n for n, check in enumerate(checks)}
    verdict = verify_format(column, kind)
    assert found.failed(places["v:format"]) == int((~verdict.shape).sum())
    if kind in formats.CHECKED:
        assert found.failed(places["v:check_digit"]) == int((~verdict.check).sum())


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "full_name": st.sampled_from(["张三", "李四四四四", None, ""]),
            "gender": st.sampled_from(["1", "2", "3", None]),
            "id_number": st.sampled_from([ID, ID[:-1] + "0", "123", None]),
            "amount": st.one_of(st.none(), st.integers(-3, 9)),
            "price": st.one_of(st.none(), st.integers(-3, 9)),
        }
    ),
    max_size=30,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_one_scan_finds_what_reading_row_by_row_finds(
    session: duckdb.DuckDBPyConnection, rows: list[dict[str, object]]
) -> None:
    checks = [
        *catalogue_checks(PEOPLE),
        check_of("compare", {"left": "amount", "operator": "<=", "right": "price"}),
        check_of("gender", {"identity": "id_number", "gender": "gender"}),
    ]
    data = table(*rows)
    session.register("people", data)
    found = scan(session, PEOPLE, checks, source="people")
    places = {check.key: n for n, check in enumerate(checks)}
    oracle = {
        "full_name:required": lambda r: not (r["full_name"] or "").strip(),
        "full_name:length": lambda r: len(r["full_name"] or "") > 4,
        "gender:code": lambda r: r["gender"] not in (None, "1", "2"),
        "amount:range": lambda r: r["amount"] is not None and r["amount"] < 0,
        "compare": lambda r: None not in (r["amount"], r["price"]) and r["amount"] > r["price"],
        "gender": lambda r: (
            len(r["id_number"] or "") == 18
            and r["gender"] in ("1", "2")
            and (int(r["id_number"][16]) % 2 == 1) != (r["gender"] == "1")
        ),
    }
    for key, broken in oracle.items():
        expected = {row["no"] for row in data.to_pylist() if broken(row)}
        masks = [[int(row["w0"])] for row in found.keys.to_pylist()]
        place = places[key]
        named = {
            row["no"] for row, mask in zip(found.keys.to_pylist(), masks, strict=True)
            if mask[0] >> place & 1
        }  # fmt: skip
        assert named == expected, key
        assert found.failed(place) == len(expected), key
    assert found.rows == len(rows)
    assert int(found.sizes.sum()) == len(rows)


def test_more_checks_than_bits_of_a_word_keep_their_places(
    session: duckdb.DuckDBPyConnection,
) -> None:
    session.register("people", table({"amount": 1}, {"amount": 70}))
    checks = [check_of("expression", {"text": f"amount > {limit}"}) for limit in range(100)]
    found = scan(session, PEOPLE, checks, source="people")
    assert [found.failed(n) for n in (0, 1, 69, 70, 99)] == [0, 1, 1, 2, 2]
    assert has_bit(found.groups, 99).sum() == len(found.groups)


def test_a_condition_asks_only_rows_it_speaks_about(session: duckdb.DuckDBPyConnection) -> None:
    check = check_of(
        "when",
        {"when_column": "gender", "when_operator": "in", "when_value": "1，2",
         "then_column": "id_number", "then_operator": "filled"},
    )  # fmt: skip
    rows = table(
        {"gender": "1"}, {"gender": "2", "id_number": ID}, {"gender": None}, {"gender": "3"}
    )
    assert failing(session, rows, check) == {"N0"}


def test_birth_date_and_identity_number_must_agree(session: duckdb.DuckDBPyConnection) -> None:
    check = check_of("birth", {"identity": "id_number", "birth": "born"})
    rows = table(
        {"id_number": ID, "born": date(1990, 1, 1)}, {"id_number": ID, "born": date(1990, 1, 2)},
        {"id_number": None, "born": date(1990, 1, 2)},
    )  # fmt: skip
    assert failing(session, rows, check) == {"N1"}


def test_repeats_leave_the_first_registration_alone(session: duckdb.DuckDBPyConnection) -> None:
    same = {"id_number": ID, "full_name": "张三", "amount": 5}
    rows = table(same, {"id_number": OTHER_ID}, same, same)
    both = check_of("unique", {"columns": ["id_number"], "which": "all"})
    later = check_of(
        "unique", {"columns": ["id_number", "price"], "which": "repeats", "blanks": "equal"}
    )
    assert failing(session, rows, both) == {"N0", "N2", "N3"}
    assert failing(session, rows, later) == {"N2", "N3"}


def test_an_expression_is_written_with_titles(session: duckdb.DuckDBPyConnection) -> None:
    check = check_of("expression", {"text": "应缴金额(元) = 单价 * 2"})
    rows = table({"amount": 4, "price": 2}, {"amount": 5, "price": 2}, {"amount": None, "price": 2})
    assert failing(session, rows, check) == {"N1"}


@pytest.mark.parametrize(
    "text",
    [
        "read_csv('/etc/passwd')", "amount = (SELECT 1)", "getenv('HOME') = 'x'", "nothing > 1",
        "amount > 1; DROP TABLE t", "amount >", "u.amount > 1", "query('select 1') = 1",
    ],
)  # fmt: skip
def test_an_expression_beyond_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(RuleError):
        condition(text, PEOPLE)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("SELECT no FROM other", "没有声明"),
        ("SELECT no FROM read_csv('/etc/passwd')", "只能用"),
        ("SELECT no FROM t; SELECT 1", "一条"),
        ("DELETE FROM t", "一条"),
        ("SELECT full_name FROM t", "主键"),
        ("SELECT no FROM main.t", "只能用"),
        ("SELECT no FROM t WHERE getenv('HOME') <> ''", "getenv"),
        ("COPY t TO '/tmp/x'", "一条"),
    ],
)
def test_expert_sql_is_one_select_over_declared_tables(query: str, word: str) -> None:
    with pytest.raises(RuleError, match=word):
        check_sql(query, PEOPLE, {})


def test_expert_sql_may_use_a_declared_table_and_its_own_names() -> None:
    query = "WITH a AS (SELECT no FROM t) SELECT a.no FROM a JOIN p ON p.no = a.no"
    check_sql(query, PEOPLE, {"p": "1/01"})


def test_a_rule_whose_column_is_gone_says_so() -> None:
    with pytest.raises(RuleError, match="没有字段"):
        check_of("compare", {"left": "gone", "operator": "<=", "right": "price"})
    with pytest.raises(RuleError, match="类型不同"):
        check_of("compare", {"left": "born", "operator": "<=", "right": "price"})


def test_templates_bind_to_what_the_catalogue_says() -> None:
    found = {proposal.template for proposal in proposals(PEOPLE)}
    assert {"gender", "birth", "born_already", "identifier_missing", "tidy_names"} <= found
    plain = TableShape(code="x", title="x", lake_table="std/x", columns=PEOPLE.columns[:1])
    assert proposals(plain) == []


@pytest.mark.parametrize(
    ("kind", "definition", "words"),
    [
        ("compare", {"left": "start", "operator": ">=", "right": "born"}, "“开始日期”必须不早于“出生日期”"),
        (
            "when",
            {"when_column": "gender", "when_operator": "=", "when_value": "1",
             "then_column": "id_number", "then_operator": "filled"},
            "当“性别代码”等于 1时，“公民身份号码”必须填写。",
        ),
        ("expression", {"text": "amount > price"}, "应缴金额(元) > 单价"),
    ],
)  # fmt: skip
def test_a_rule_reads_as_one_sentence(kind: str, definition: dict[str, str], words: str) -> None:
    assert words in KINDS[kind].sentence(definition, PEOPLE, unknown)
