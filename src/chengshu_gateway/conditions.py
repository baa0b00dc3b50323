"""The conditions of a query: equality and ranges over columns that may be asked, driven by one index."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from chengshu_gateway import rowfilter
from chengshu_gateway.encoding import Row
from chengshu_gateway.policy import CompiledGrant
from chengshu_gateway.problems import BAD_CONTENT, NO_SNAPSHOT, NOT_QUERYABLE, Refusal
from chengshu_gateway.rowfilter import FilterError, Predicate
from chengshu_gateway.snapshot import Snapshot, SnapshotError, index_name

MAX_COLUMNS = 8
_LOWER, _UPPER = {"ge": ">=", "gt": ">"}, {"le": "<=", "lt": "<"}
_LONGEST = 1000
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}Z?)?", re.ASCII)
# How much of the rows a range is taken to leave when the driving index is chosen.
_ONE_SIDED, _TWO_SIDED = 0.3, 0.1


@dataclass(frozen=True, slots=True)
class Condition:
    """What is asked of one column: operators of the row filter's language with their values."""

    column: str
    tests: tuple[tuple[str, Any], ...]

    @property
    def is_equality(self) -> bool:
        """Tell whether one value is asked for."""
        return self.tests[0][0] == "eq"

    def leaves(self) -> list[dict[str, Any]]:
        """Return the tests as a row filter reads them."""
        return [{operator: [self.column, value]} for operator, value in self.tests]

    def share(self, distinct: int) -> float:
        """Return the part of all rows that this condition is expected to leave."""
        if self.is_equality:
            return 1 / max(distinct, 1)
        return _TWO_SIDED if len(self.tests) > 1 else _ONE_SIDED


def read(where: Any, grant: CompiledGrant) -> tuple[Condition, ...]:
    """Read the `where` of a body for a grant; raises Refusal."""
    if not isinstance(where, dict) or not 0 < len(where) <= MAX_COLUMNS:
        raise Refusal(BAD_CONTENT, extra=f"where 应为 1 至 {MAX_COLUMNS} 个“字段: 条件”")
    refused = [name for name in where if name not in grant.queryable]
    if refused:
        raise Refusal(NOT_QUERYABLE, extra="不能用：" + "、".join(refused)[:200])
    kinds = {column.name: column.type for column in grant.interface.columns}
    found = tuple(_condition(name, asked, kinds[name]) for name, asked in where.items())
    try:
        rowfilter.validate({"and": [leaf for each in found for leaf in each.leaves()]}, kinds)
    except FilterError as error:
        raise Refusal(BAD_CONTENT, extra=str(error)[:200]) from error
    return found


def canonical(conditions: Sequence[Condition]) -> str:
    """Return a text that is the same for the same conditions, in whatever order they were given."""
    return json.dumps(
        sorted((each.column, sorted(each.tests)) for each in conditions), ensure_ascii=False
    )


def _condition(column: str, asked: Any, kind: str) -> Condition:
    tests = tuple(asked.items()) if isinstance(asked, dict) else (("eq", asked),)
    lower = [name for name, _value in tests if name in _LOWER]
    upper = [name for name, _value in tests if name in _UPPER]
    if isinstance(asked, dict):
        if not tests or len(lower) > 1 or len(upper) > 1 or len(lower) + len(upper) != len(tests):
            raise Refusal(BAD_CONTENT, extra=f"{column} 的范围应为 ge/gt 和 le/lt 各至多一个")
        if kind == "boolean":
            raise Refusal(BAD_CONTENT, extra=f"{column} 是“是否”，只能问相等")
    for _name, value in tests:
        if not _bindable(value, kind):
            raise Refusal(BAD_CONTENT, extra=f"{column} 的值写法不对，应为 {kind}")
    return Condition(column, tests)


def _bindable(value: Any, kind: str) -> bool:
    """Tell whether a value can be compared with stored ones of the kind (types: the row filter)."""
    if isinstance(value, str):
        if len(value) > _LONGEST or _SURROGATES.search(value):
            return False
        return kind not in {"date", "timestamp"} or _is_moment(value, kind)
    return not isinstance(value, int | float) or -(2.0**63) < value < 2.0**63


def _is_moment(value: str, kind: str) -> bool:
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        return False
    return bool(_INSTANT.fullmatch(value)) and (
        kind == "timestamp" or len(value) == len("2026-11-23")
    )


@dataclass(frozen=True, slots=True)
class Drive:
    """How the rows are walked: one index in its order; everything else is checked row by row.

    `at` and `key_at` are the places of the driving column and of the key in a row.
    """

    statement: str
    values: tuple[Any, ...]
    predicate: Predicate | None
    at: int
    key_at: int

    def position(self, row: Row) -> list[Any]:
        """Return what the next page goes on after."""
        return [row[self.at], row[self.key_at]]


def drive(
    snapshot: Snapshot,
    conditions: Sequence[Condition],
    columns: Sequence[str],
    after: Sequence[Any] | None,
) -> Drive:
    """Choose the index that leaves the fewest rows and write the statement; raises Refusal.

    The statement names its index (`INDEXED BY`): SQLite refuses it rather than scan the table.
    """
    missing = [each.column for each in conditions if each.column not in snapshot.indexes]
    if missing:
        raise Refusal(NO_SNAPSHOT, extra="查询索引尚未建好：" + "、".join(missing))
    leader = min(conditions, key=lambda each: each.share(snapshot.indexes[each.column]))
    rest = [each for each in conditions if each is not leader]
    key = snapshot.key_column
    chosen = list(columns)
    for name in (key, *(each.column for each in conditions)):
        if name not in chosen:
            chosen.append(name)
    try:
        table = snapshot.selection(chosen)
    except SnapshotError as error:
        raise Refusal(NO_SNAPSHOT) from error
    places = {name: at for at, name in enumerate(chosen)}
    predicate = None
    if rest:
        leaves = [leaf for each in rest for leaf in each.leaves()]
        predicate = rowfilter.compile_filter({"and": leaves}, places)
    bounds, values = _bounds(leader, key, after)
    ordered = (
        f'"{key}"' if leader.is_equality or leader.column == key else f'"{leader.column}", "{key}"'
    )
    indexed = "" if leader.column == key else f" INDEXED BY {index_name(leader.column)}"
    statement = f"{table}{indexed} WHERE {bounds} ORDER BY {ordered} LIMIT ?"
    return Drive(statement, values, predicate, places[leader.column], places[key])


def _bounds(
    leader: Condition, key: str, after: Sequence[Any] | None
) -> tuple[str, tuple[Any, ...]]:
    column = f'"{leader.column}"'
    parts, values = [], []
    for operator, value in leader.tests:
        # A page goes on inside the range: the place it goes on from replaces the lower bound.
        if after is None or operator not in _LOWER:
            parts.append(f"{column} {({'eq': '='} | _LOWER | _UPPER)[operator]} ?")
            values.append(value)
    if after is not None and (leader.is_equality or leader.column == key):
        parts.append(f'"{key}" > ?')
        values.append(after[1])
    elif after is not None:
        parts.append(f'({column}, "{key}") > (?, ?)')
        values += after
    return " AND ".join(parts), tuple(values)
