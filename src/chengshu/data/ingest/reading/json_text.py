"""JSON without loss: numbers keep the digits they were written with, objects flatten to dotted columns."""

import json
from collections.abc import Mapping
from typing import Any

_DEPTH = 4


class Digits(str):
    """A number as it was written; text for us, bare in nested JSON."""

    __slots__ = ()


def _constant(name: str) -> Digits:
    return Digits(name)


DECODER = json.JSONDecoder(parse_float=Digits, parse_int=Digits, parse_constant=_constant)


def flat(record: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, str | None]:
    """Columns of one record as text; nested objects as ``outer.inner``, lists as compact JSON."""
    cells: dict[str, str | None] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value and depth < _DEPTH:
            cells |= flat(value, f"{name}.", depth + 1)
        else:
            cells[name] = cell(value)
    return cells


def cell(value: Any) -> str | None:
    """One value as text."""
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return compact(value)


def compact(value: Any) -> str:
    """A value as JSON text, its numbers as they were written."""
    if isinstance(value, Digits):
        return str(value)
    if isinstance(value, dict):
        inner = ",".join(
            f"{json.dumps(k, ensure_ascii=False)}:{compact(v)}" for k, v in value.items()
        )
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{','.join(map(compact, value))}]"
    return json.dumps(value, ensure_ascii=False)


def at_path(document: Any, path: str) -> Any:
    """The value at a dotted path (``data.rows``, ``items.0.next``, a leading ``$.`` allowed); None when absent."""
    value = document
    for part in path_parts(path):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def path_parts(path: str) -> list[str]:
    """The steps of a dotted path."""
    text = path.strip().removeprefix("$").replace("[", ".").replace("]", "").replace("'", "")
    return [part for part in text.strip(".").removesuffix(".*").split(".") if part]
