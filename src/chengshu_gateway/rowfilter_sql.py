"""A row filter as an SQL condition over a snapshot, for what reads whole tables.

SQL's three-valued logic is what the filters follow, and SQLite compares text byte by byte, which in
UTF-8 is the order of code points: the condition holds for exactly the rows that the compiled filter
lets through.
"""

from typing import Any

_COMPARE = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def condition(expression: Any) -> tuple[str, list[Any]]:
    """Return the condition of a validated filter and the values of its question marks."""
    values: list[Any] = []
    return _written(expression, values), values


def _written(node: Any, values: list[Any]) -> str:
    ((name, argument),) = node.items()
    if name in {"and", "or"}:
        return "(" + f" {name.upper()} ".join(_written(each, values) for each in argument) + ")"
    if name == "not":
        return f"(NOT {_written(argument, values)})"
    column = f'"{argument[0]}"'
    if name == "is_null":
        return f"({column} IS NULL)"
    if name == "in":
        values += argument[1]
        return f"({column} IN ({', '.join('?' * len(argument[1]))}))"
    if name == "prefix":
        values += [len(argument[1]), argument[1]]
        return f"(substr({column}, 1, ?) = ?)"
    values.append(argument[1])
    return f"({column} {_COMPARE[name]} ?)"
