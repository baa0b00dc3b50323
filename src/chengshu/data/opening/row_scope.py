"""Row filters of opening: the gateway's small JSON language as one SQL condition with bound values.

    {"prefix": ["code", "33"]}  →  starts_with("code", ?)   ["33"]

Values never become part of the text; column names are those of the catalogue and are quoted. Unknown (null) stays
hidden, as in the gateway.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chengshu.data.contract.facade import ColumnSpec
from chengshu.kernel.errors import InvalidInput
from chengshu_gateway.rowfilter import FilterError, validate

Condition = tuple[str, list[Any]]

_COMPARE = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_GATEWAY_TYPES = {
    "text": "text", "integer": "integer", "decimal": "decimal", "date": "date",
    "datetime": "timestamp", "boolean": "boolean",
}  # fmt: skip
_CASTS = {"date": "CAST(? AS DATE)", "timestamp": "CAST(? AS TIMESTAMPTZ)"}


def quoted(name: str) -> str:
    """``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def check_filter(expression: Any, columns: Sequence[ColumnSpec]) -> None:
    """Accept a row filter over the resource's columns; None is "all rows".

    Raises:
        InvalidInput: it is malformed; says where.
    """
    if expression is None:
        return
    try:
        validate(expression, _types(columns))
    except FilterError as error:
        raise InvalidInput(
            f"行范围写得不对：{error}", kept="没有做任何改动。", fields={"row_filter": str(error)}
        ) from error


def condition(expression: Any, columns: Sequence[ColumnSpec]) -> Condition:
    """The filter as SQL and its values; ``("", [])`` for all rows.

    Raises:
        InvalidInput: as :func:`check_filter`.
    """
    check_filter(expression, columns)
    if expression is None:
        return "", []
    values: list[Any] = []
    return _sql(expression, _types(columns), values), values


def describe(expression: Any, titles: Mapping[str, str]) -> str:
    """The filter in words."""
    if not expression:
        return "全部记录"
    ((name, argument),) = expression.items()
    if name in {"and", "or"}:
        word = " 且 " if name == "and" else " 或 "
        return "（" + word.join(describe(child, titles) for child in argument) + "）"
    if name == "not":
        return f"不满足（{describe(argument, titles)}）"
    title = titles.get(argument[0], argument[0])
    if name == "is_null":
        return f"{title}为空"
    value = "、".join(map(str, argument[1])) if isinstance(argument[1], list) else argument[1]
    return f"{title}{_WORDS[name]}{value}"


_WORDS = {
    "eq": "等于", "ne": "不等于", "lt": "小于", "le": "不大于", "gt": "大于", "ge": "不小于",
    "prefix": "开头是", "in": "属于 ",
}  # fmt: skip


def _types(columns: Sequence[ColumnSpec]) -> dict[str, str]:
    return {column.name: _GATEWAY_TYPES[str(column.type)] for column in columns}


def _sql(node: dict[str, Any], types: Mapping[str, str], values: list[Any]) -> str:
    ((name, argument),) = node.items()
    if name in {"and", "or"}:
        word = f" {name.upper()} "
        return "(" + word.join(_sql(child, types, values) for child in argument) + ")"
    if name == "not":
        return f"(NOT {_sql(argument, types, values)})"
    column = quoted(argument[0])
    if name == "is_null":
        return f"({column} IS NULL)"
    kind = types[argument[0]]
    mark = _CASTS.get(kind, "?")
    # Decimals are compared in the text form in which the catalogue and the gateway write them.
    left = f"CAST({column} AS VARCHAR)" if kind == "decimal" else column
    if name == "in":
        values.extend(argument[1])
        return f"({left} IN ({', '.join([mark] * len(argument[1]))}))"
    values.append(argument[1])
    if name == "prefix":
        return f"(starts_with({column}, ?))"
    return f"({left} {_COMPARE[name]} {mark})"
