"""Row filters as people write them: a few conditions joined by "and", or the gateway's JSON for experts."""

import json
from dataclasses import dataclass
from typing import Any

from chengshu.kernel.errors import InvalidInput
from chengshu_gateway import rowfilter

OPERATORS = {
    "eq": "等于", "ne": "不等于", "prefix": "开头是", "in": "是其中之一", "lt": "小于", "le": "不大于",
    "gt": "大于", "ge": "不小于", "is_null": "为空",
}  # fmt: skip
CONDITIONS = 3


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of the builder; ``value`` is text as typed, several separated by commas for "in"."""

    field: str
    operator: str
    value: str


def compose(conditions: list[Condition], kinds: dict[str, str]) -> dict[str, Any] | None:
    """The filter that all conditions together make; None for all rows.

    Args:
        conditions: lines of the builder; lines without a field are ignored.
        kinds: column name → gateway type.

    Raises:
        InvalidInput: a value does not fit its column's type, or is missing.
    """
    leaves = [_leaf(c, kinds) for c in conditions if c.field]
    if not leaves:
        return None
    return leaves[0] if len(leaves) == 1 else {"and": leaves}


def from_json(text: str, kinds: dict[str, str]) -> dict[str, Any]:
    """A filter written as JSON, checked by the gateway's own rules.

    Raises:
        InvalidInput: no JSON, or not a filter over these columns.
    """
    try:
        expression = json.loads(text)
        rowfilter.validate(expression, kinds)
    except rowfilter.FilterError as error:
        raise _wrong(str(error)) from error
    except ValueError as error:
        raise _wrong(f"不是合规的 JSON：{error}。") from error
    assert isinstance(expression, dict)
    return expression


def decompose(expression: dict[str, Any] | None) -> list[Condition] | None:
    """The lines of the builder for a filter; None when it is more than the builder can show."""
    if not expression:
        return []
    leaves = expression["and"] if set(expression) == {"and"} else [expression]
    lines = [_line(leaf) for leaf in leaves]
    if len(lines) > CONDITIONS or None in lines:
        return None
    return [line for line in lines if line is not None]


def sentence(expression: dict[str, Any] | None, titles: dict[str, str]) -> str:
    """A filter in words; what the builder cannot show appears as JSON."""
    lines = decompose(expression)
    if lines is None:
        return json.dumps(expression, ensure_ascii=False)
    if not lines:
        return "全部记录"
    return "，并且".join(
        f"{titles.get(c.field, c.field)}{OPERATORS[c.operator]}{f'“{c.value}”' if c.value else ''}"
        for c in lines
    )


def _line(leaf: Any) -> Condition | None:
    if not isinstance(leaf, dict) or len(leaf) != 1:
        return None
    ((operator, argument),) = leaf.items()
    if operator not in OPERATORS or not isinstance(argument, list):
        return None
    if operator == "is_null":
        return Condition(argument[0], operator, "")
    value = argument[1]
    text = "，".join(map(_text, value)) if isinstance(value, list) else _text(value)
    return Condition(argument[0], operator, text)


def _text(value: Any) -> str:
    return ("是" if value else "否") if isinstance(value, bool) else str(value)


def _leaf(condition: Condition, kinds: dict[str, str]) -> dict[str, Any]:
    name, operator, text = condition.field, condition.operator or "eq", condition.value.strip()
    if operator == "is_null":
        return {"is_null": [name]}
    if not text:
        raise _wrong(f"请填写 {name} 要比较的值，或去掉这个条件。")
    kind = kinds.get(name, "text")
    if operator == "in":
        parts = text.replace("，", ",").replace("、", ",").split(",")
        leaf: dict[str, Any] = {"in": [name, [_value(kind, p.strip()) for p in parts if p.strip()]]}
    else:
        leaf = {operator: [name, _value(kind, text)]}
    try:
        rowfilter.validate(leaf, kinds)
    except rowfilter.FilterError as error:
        raise _wrong(str(error)) from error
    return leaf


def _value(kind: str, text: str) -> Any:
    """Typed text as the column's type; what does not fit stays text, and the gateway's check names it."""
    if kind == "boolean" and text in {"是", "否"}:
        return text == "是"
    try:
        return {"integer": int, "real": float}.get(kind, str)(text)
    except ValueError:
        return text


def _wrong(text: str) -> InvalidInput:
    return InvalidInput(text, kept="授权没有改变。", fields={"row_filter": text})
