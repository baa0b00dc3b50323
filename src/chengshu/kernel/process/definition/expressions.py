"""Conditions of a process: a small, closed language over the case's data.

The library's own engine hands every condition to ``eval`` with all of Python behind it, so that whoever draws a process
could run anything on the platform. Here a condition is parsed once, every node is checked against a white list, and a
small interpreter walks it: there is no attribute, no import, no call but those of :data:`FUNCTIONS`, and no way to
spend much time or memory (:data:`MAX_LENGTH`, no power, no repetition).
"""

import ast
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

MAX_LENGTH = 500
MAX_NODES = 100

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len,
    "min": min,
    "max": max,
    "abs": abs,
    "number": lambda value: float(value or 0),
}
"""All a condition may call. ``number`` reads what a form kept as text."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
}
_CONSTANTS = (str, int, float, bool, type(None))


class BadExpression(ValueError):
    """The text is no expression of this language; the message says what is not allowed."""


@lru_cache(maxsize=4096)
def parse(text: str) -> ast.expr:
    """Return the checked syntax tree of ``text``.

    Raises:
        BadExpression: it cannot be read, is too long, or uses what the language does not have.
    """
    if len(text) > MAX_LENGTH:
        raise BadExpression(f"表达式超过 {MAX_LENGTH} 个字符")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise BadExpression(f"“{text.strip()}”不是能读懂的表达式") from error
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise BadExpression("表达式过于复杂")
    _check(tree)
    return tree


def names(text: str) -> set[str]:
    """The data fields ``text`` reads."""
    called = {id(node.func) for node in ast.walk(parse(text)) if isinstance(node, ast.Call)}
    return {
        node.id
        for node in ast.walk(parse(text))
        if isinstance(node, ast.Name) and id(node) not in called
    }


def evaluate(text: str, data: Mapping[str, Any]) -> Any:
    """Evaluate ``text`` over ``data``; a field that is not there is None.

    Raises:
        BadExpression: as :func:`parse`, or the values do not fit (text compared with a number, division by zero).
    """
    tree = parse(text)
    try:
        return _value(tree, data)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError, LookupError) as error:
        raise BadExpression(f"“{text.strip()}”按现有数据算不出来：{error}") from error


def _check(node: ast.AST) -> None:
    allowed = _is_plain(node) or _is_call(node) or _is_operation(node)
    if not allowed:
        raise BadExpression(f"表达式里不能用“{ast.unparse(node)}”")
    for child in _parts(node):
        _check(child)


def _parts(node: ast.AST) -> list[ast.AST]:
    """The operands; the name of a called function and the operators were checked with the node."""
    if isinstance(node, ast.Call):
        return list(node.args)
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


def _is_plain(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return not node.id.startswith("_")
    if isinstance(node, ast.Constant):
        return isinstance(node.value, _CONSTANTS)
    return isinstance(node, ast.List | ast.Tuple | ast.BoolOp | ast.IfExp)


def _is_call(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in FUNCTIONS
        and not node.keywords
        and not any(isinstance(arg, ast.Starred) for arg in node.args)
    )


def _is_operation(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        # Text times a number would be a way to fill the memory.
        repeats = isinstance(node.op, ast.Mult) and any(
            isinstance(side, ast.Constant) and isinstance(side.value, str)
            for side in (node.left, node.right)
        )
        return type(node.op) in _BINARY and not repeats
    if isinstance(node, ast.UnaryOp):
        return type(node.op) in _UNARY
    if isinstance(node, ast.Compare):
        return all(type(op) in _COMPARE for op in node.ops)
    return isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice)


def _value(node: ast.expr, data: Mapping[str, Any]) -> Any:  # noqa: C901 - one arm for each kind of node
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return data.get(name)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [_value(part, data) for part in parts]
        case ast.IfExp(test=test, body=body, orelse=other):
            return _value(body if _value(test, data) else other, data)
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_value(part, data) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_value(part, data) for part in parts)
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](*_numbers(op, _value(left, data), _value(right, data)))
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_value(operand, data))
        case ast.Compare():
            return _compare(node, data)
        case ast.Subscript(value=whole, slice=key):
            return _member(_value(whole, data), _value(key, data))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return FUNCTIONS[name](*(_value(argument, data) for argument in arguments))
    raise BadExpression(f"表达式里不能用“{ast.unparse(node)}”")


def _numbers(op: ast.operator, left: Any, right: Any) -> tuple[Any, Any]:
    if isinstance(op, ast.Mult) and (isinstance(left, str | list) or isinstance(right, str | list)):
        raise TypeError("文字不能相乘")
    return left, right


def _compare(node: ast.Compare, data: Mapping[str, Any]) -> bool:
    left = _value(node.left, data)
    for op, part in zip(node.ops, node.comparators, strict=True):
        right = _value(part, data)
        if isinstance(op, ast.In | ast.NotIn) and right is None:
            right = ()
        if not _COMPARE[type(op)](left, right):
            return False
        left = right
    return True


def _member(whole: Any, key: Any) -> Any:
    if isinstance(whole, Mapping):
        return whole.get(key)
    return None if whole is None else whole[key]
