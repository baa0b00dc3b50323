import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu_gateway.rowfilter import FilterError, compile_filter, fields_of, validate

COLUMNS = {"city": "text", "age": "integer", "alive": "boolean", "fee": "decimal"}
NAMES = ("city", "age")
TEXT = st.sampled_from(["", "3303", "330383", "龙港", "龙港市", "%"])
NUMBER = st.integers(-2, 3)


def leaves():
    compare = st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"])
    return st.one_of(
        st.builds(lambda op, value: {op: ["city", value]}, compare, TEXT),
        st.builds(lambda op, value: {op: ["age", value]}, compare, NUMBER),
        st.builds(lambda values: {"in": ["city", values]}, st.lists(TEXT, min_size=1, max_size=3)),
        st.builds(lambda value: {"prefix": ["city", value]}, TEXT),
        st.builds(lambda name: {"is_null": [name]}, st.sampled_from(NAMES)),
    )


EXPRESSIONS = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.builds(lambda one: {"not": one}, inner),
        st.builds(
            lambda op, many: {op: many},
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
    ),
    max_leaves=6,
)
SQL = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def to_sql(expression, parameters):
    ((name, argument),) = expression.items()
    if name in {"and", "or"}:
        return "(" + f" {name} ".join(to_sql(each, parameters) for each in argument) + ")"
    if name == "not":
        return f"(not {to_sql(argument, parameters)})"
    if name == "is_null":
        return f"({argument[0]} is null)"
    if name == "in":
        parameters += argument[1]
        return f"({argument[0]} in ({','.join('?' * len(argument[1]))}))"
    parameters.append(argument[1])
    if name == "prefix":
        parameters.append(argument[1])
        return f"(substr({argument[0]}, 1, length(?)) = ?)"
    return f"({argument[0]} {SQL[name]} ?)"


@given(EXPRESSIONS, st.none() | TEXT, st.none() | NUMBER)
@settings(deadline=None)
def test_a_compiled_filter_decides_as_sql_does(expression, city, age):
    validate(expression, COLUMNS)
    decided = compile_filter(expression, {"city": 0, "age": 1})((city, age))
    parameters: list[object] = []
    where = to_sql(expression, parameters)
    with sqlite3.connect(":memory:") as connection:
        row = connection.execute(
            f"SELECT {where} FROM (SELECT ? AS city, ? AS age)", (*parameters, city, age)
        ).fetchone()
    connection.close()
    assert decided == (None if row[0] is None else bool(row[0]))


@pytest.mark.parametrize(
    "expression",
    [
        {},
        [],
        {"eq": ["city", "a"], "ne": ["city", "b"]},
        {"eq": ["unknown", "a"]},
        {"eq": ["city", 3]},
        {"eq": ["age", "3"]},
        {"eq": ["age", True]},
        {"eq": ["city"]},
        {"in": ["city", []]},
        {"prefix": ["age", "3"]},
        {"lt": ["fee", "3.5"]},
        {"and": []},
        {"exec": ["city", "x"]},
        {"__class__": ["city", "x"]},
    ],
)
def test_a_malformed_filter_is_refused_before_it_is_published(expression):
    with pytest.raises(FilterError):
        validate(expression, COLUMNS)


def test_a_filter_too_deep_or_too_large_is_refused():
    deep = {"eq": ["city", "a"]}
    for _ in range(9):
        deep = {"not": deep}
    with pytest.raises(FilterError, match="过于复杂"):
        validate(deep, COLUMNS)
    with pytest.raises(FilterError, match="过于复杂"):
        validate({"or": [{"eq": ["city", "a"]}] * 300}, COLUMNS)


def test_the_columns_a_filter_reads_are_known():
    assert fields_of({"and": [{"not": {"eq": ["b", 1]}}, {"is_null": ["a"]}]}) == ["b", "a"]
