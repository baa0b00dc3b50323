"""Row filters: a small JSON language that is validated when written and compiled when read.

    {"and": [{"prefix": ["code", "3303"]}, {"not": {"is_null": ["name"]}}]}

Operators: eq ne lt le gt ge prefix (field, value) · in (field, list) · is_null (field) · and or
(list) · not (one). Null follows SQL's three-valued logic: a comparison with null is unknown, and
a row whose filter is unknown stays hidden.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_TEXTUAL = frozenset({"text", "date", "timestamp", "decimal"})
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_MAX_DEPTH = 8
_MAX_NODES = 200
_MAX_LIST = 1000

Predicate = Callable[[Sequence[Any]], bool | None]


class FilterError(ValueError):
    """A row filter that cannot be accepted; the text says what is wrong, in Chinese."""


def validate(expression: Any, columns: Mapping[str, str]) -> None:
    """Raise FilterError unless the expression is well formed over columns (name → type)."""
    budget = [_MAX_NODES]
    _check(expression, columns, 1, budget)


def fields_of(expression: Any) -> list[str]:
    """Return the columns a validated expression reads, in order of first use."""
    found: dict[str, None] = {}

    def walk(node: Any) -> None:
        ((name, argument),) = node.items()
        if name in {"and", "or"}:
            for child in argument:
                walk(child)
        elif name == "not":
            walk(argument)
        else:
            found[argument[0]] = None

    walk(expression)
    return list(found)


def compile_filter(expression: Any, positions: Mapping[str, int]) -> Predicate:
    """Turn a validated expression into a closure over a row (values at the given positions)."""
    ((name, argument),) = expression.items()
    if name in {"and", "or"}:
        return _junction(name, [compile_filter(child, positions) for child in argument])
    if name == "not":
        return _negation(compile_filter(argument, positions))
    at = positions[argument[0]]
    if name == "is_null":
        return lambda row: row[at] is None
    return _comparison(name, at, argument[1])


def _comparison(name: str, at: int, wanted: Any) -> Predicate:
    if name == "prefix":
        return lambda row: None if row[at] is None else row[at].startswith(wanted)
    if name == "in":
        members = frozenset(wanted)
        return lambda row: None if row[at] is None else row[at] in members
    compare = _COMPARE[name]
    return lambda row: None if row[at] is None else compare(row[at], wanted)


def _negation(inner: Predicate) -> Predicate:
    def negated(row: Sequence[Any]) -> bool | None:
        value = inner(row)
        return None if value is None else not value

    return negated


def _junction(name: str, parts: list[Predicate]) -> Predicate:
    decisive = name == "or"

    def joined(row: Sequence[Any]) -> bool | None:
        unknown = False
        for part in parts:
            value = part(row)
            if value is None:
                unknown = True
            elif value is decisive:
                return decisive
        return None if unknown else not decisive

    return joined


def _check(node: Any, columns: Mapping[str, str], depth: int, budget: list[int]) -> None:
    budget[0] -= 1
    if depth > _MAX_DEPTH or budget[0] < 0:
        raise FilterError(f"行过滤条件过于复杂：最多 {_MAX_DEPTH} 层、{_MAX_NODES} 个条件。")
    if not isinstance(node, dict) or len(node) != 1:
        raise FilterError('行过滤条件应为单个运算，例如 {"eq": ["city", "龙港市"]}。')
    ((name, argument),) = node.items()
    if name in {"and", "or"}:
        if not isinstance(argument, list) or not argument:
            raise FilterError(f"{name} 需要至少一个条件。")
        for child in argument:
            _check(child, columns, depth + 1, budget)
    elif name == "not":
        _check(argument, columns, depth + 1, budget)
    else:
        _check_leaf(name, argument, columns)


def _check_leaf(name: str, argument: Any, columns: Mapping[str, str]) -> None:
    if name not in _COMPARE and name not in {"in", "prefix", "is_null"}:
        raise FilterError(f"不支持的运算：{name!r}。")
    arity = 1 if name == "is_null" else 2
    if not isinstance(argument, list) or len(argument) != arity:
        raise FilterError(
            f"{name} 需要 {arity} 个参数：字段名" + ("。" if arity == 1 else "和值。")
        )
    column = argument[0]
    if not isinstance(column, str) or column not in columns:
        raise FilterError(f"行过滤用到了不存在的字段：{column!r}。")
    kind = columns[column]
    if name == "is_null":
        return
    value = argument[1]
    if name == "in":
        if not isinstance(value, list) or not 0 < len(value) <= _MAX_LIST:
            raise FilterError(f"in 需要 1 至 {_MAX_LIST} 个值。")
        for member in value:
            _check_value(column, kind, member)
    else:
        if name == "prefix" and kind != "text":
            raise FilterError(f"prefix 只用于文本字段，{column} 是 {kind}。")
        if kind == "decimal" and name not in {"eq", "ne"}:
            raise FilterError(f"小数字段 {column} 按文本保存，只支持 eq、ne、in。")
        _check_value(column, kind, value)


def _check_value(column: str, kind: str, value: Any) -> None:
    if kind in _TEXTUAL:
        fits = isinstance(value, str)
    elif kind == "boolean":
        fits = isinstance(value, bool)
    elif kind == "integer":
        fits = isinstance(value, int) and not isinstance(value, bool)
    else:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits:
        raise FilterError(f"字段 {column} 的类型是 {kind}，条件的值 {value!r} 类型不符。")
