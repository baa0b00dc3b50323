"""Figures about a published table: how many records, which sum or average, by groups of one field.

Whoever can read all rows can count them, so figures tell nothing that the table does not.
"""

# ruff: noqa: S608 - identifiers are published column names, quoted; values are parameters

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from chengshu.data.opening.reading import Condition, OpenTable, Question, Slot
from chengshu.data.opening.row_scope import quoted
from chengshu.kernel.errors import InvalidInput

MOMENTS = {"date", "datetime"}
NUMBERS = {"integer", "decimal"}
MOST_GROUPS = 400
"""More groups than this are no figure that a person reads."""

Number = int | float | None


class Measure(StrEnum):
    """What is told of each group."""

    COUNT = "count"
    SUM = "sum"
    AVERAGE = "avg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """``measure`` of the field ``of`` (none for a count) by the groups of ``by``; dates are grouped by year."""

    by: str
    measure: Measure = Measure.COUNT
    of: str = ""
    conditions: Sequence[Condition] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """One group: its value (None where the field is empty), its records, and what was asked of them."""

    value: Any
    records: int
    number: Number


def figures(table: OpenTable, figure: Figure) -> list[Group]:
    """Return the groups: years in their order, others by size.

    Raises:
        InvalidInput: unknown field, a sum of what is no number, or too many groups. Unavailable: too much at once.
    """
    kind = table.types.get(figure.by)
    if kind is None:
        raise InvalidInput("没有这个分组字段。", advice=f"可用字段：{'、'.join(table.types)}。")
    told = "count(*)"
    if figure.measure is not Measure.COUNT:
        if table.types.get(figure.of) not in NUMBERS:
            raise InvalidInput(
                "合计和平均只能用于数字字段。", advice="请换一个数字字段，或只数记录。"
            )
        told = f"{figure.measure.value}({quoted(figure.of)})"
    group = f"year({quoted(figure.by)})" if kind in MOMENTS else quoted(figure.by)
    where, params = table.where(Question(conditions=figure.conditions))
    order = "g NULLS LAST" if kind in MOMENTS else "n DESC NULLS LAST, g NULLS LAST"
    query = (
        f"SELECT {group} AS g, count(*) AS r, {told} AS n FROM t{where}"
        f" GROUP BY 1 ORDER BY {order} LIMIT {MOST_GROUPS + 1}"
    )
    with Slot():
        rows = table.run(query, params)
    if len(rows) > MOST_GROUPS:
        raise InvalidInput(
            f"按这个字段分组超过 {MOST_GROUPS} 组，画不成图。", advice="请换一个取值较少的字段。"
        )
    return [Group(row["g"], int(row["r"]), _number(row["n"])) for row in rows]


def _number(value: Any) -> Number:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if value is None or isinstance(value, int) else float(value)
