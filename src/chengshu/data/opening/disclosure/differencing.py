"""What somebody learns who keeps an earlier release: rows that appeared or vanished in between, group by group.

A table may be safe by itself and so may the next one; but if one person of a group is new, the one row that was not
there before is hers. So of every group either nobody or at least ``k`` may come or go between any two releases that
the public may still have.
"""

# ruff: noqa: S608 - identifiers go through quoted(), which doubles the quotes; values are parameters

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chengshu.data.opening.disclosure.grouping import CELLS, ask
from chengshu.data.opening.disclosure.rules import Parts, Rules
from chengshu.data.opening.row_scope import quoted
from chengshu.data.opening.zone import ZoneCopy
from chengshu_gateway.masks import parse
from chengshu_lake import LakeError, TableAt

COMPARED = 5


@dataclass(frozen=True, slots=True)
class Earlier:
    """A release the public may have: its table in the open zone, and its fields as they were published."""

    number: int
    table: str
    version: int
    columns: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a comparison showed; ``problem`` says why there was none."""

    number: int
    came: int = 0
    went: int = 0
    told_apart: int = 0
    cells: tuple[dict[str, Any], ...] = ()
    problem: str = ""


def coarser(name: str, mask: str) -> str:
    """What a mask makes of a field, as an SQL expression; empty where only the mask itself can tell."""
    kind = parse(mask)
    column = quoted(name)
    match kind.kind:
        case "year":
            return f"CAST(year({column}) AS VARCHAR)"
        case "month":
            return f"strftime({column}, '%Y-%m')"
        case "region":
            return f"left({column}, {kind.first})"
        case "band":
            low = f"(CAST(floor({column} / {kind.first}) AS BIGINT) * {kind.first})"
            return f"({low} || '-' || ({low} + {kind.first - 1}))"
    return ""


def compare(copy: ZoneCopy, earlier: Earlier, parts: Parts, rules: Rules) -> Difference:
    """Compare a release about to leave with an earlier one, over the fields both have."""
    shared = _shared(copy, earlier)
    quasi = [name for name in parts.quasi if name in shared]
    if not quasi:
        return Difference(earlier.number, problem="没有共同的准标识符")
    try:
        return _compared(copy, earlier, shared, quasi, rules)
    except LakeError:
        return Difference(earlier.number, problem="那一版的数据已清理，没有比较")


def _shared(copy: ZoneCopy, earlier: Earlier) -> dict[str, str]:
    """Fields both releases have, with the expression that brings the earlier one to the form of the new one."""
    before = {str(column["name"]): column for column in earlier.columns}
    found: dict[str, str] = {}
    for column in copy.columns:
        old = before.get(column.name)
        if old is None:
            continue
        mask, former = copy.masks.get(column.name, ""), str(old.get("mask", ""))
        if mask == former and str(old["type"]) == str(column.type):
            found[column.name] = quoted(column.name)
        elif mask and not former:
            # Whoever has the exact values can coarsen them himself.
            expression = coarser(column.name, mask)
            if expression:
                found[column.name] = expression
    return found


def _compared(
    copy: ZoneCopy, earlier: Earlier, shared: Mapping[str, str], quasi: Sequence[str], rules: Rules
) -> Difference:
    names = list(shared)
    now = ", ".join(f"{quoted(name)} AS c{index}" for index, name in enumerate(names))
    then = ", ".join(f"{shared[name]} AS c{index}" for index, name in enumerate(names))
    every = ", ".join(f"c{index}" for index in range(len(names)))
    asked = [f"c{names.index(name)}" for name in quasi]
    by = ", ".join(asked)
    query = (
        f"WITH d AS (SELECT {', '.join(f'any_value({c}) AS {c}' for c in asked)}, sum(s) AS d FROM ("
        f"SELECT {now}, 1 AS s FROM t UNION ALL SELECT {then}, -1 AS s FROM o)"
        f" GROUP BY hash({every}) HAVING sum(s) <> 0),"
        f" g AS (SELECT {by}, sum(greatest(d, 0)) AS came, sum(greatest(-d, 0)) AS went FROM d GROUP BY {by})"
        f" SELECT *, {_POOR} AS poor, sum(came) OVER () AS all_came, sum(went) OVER () AS all_went,"
        f" sum(CASE WHEN came < {rules.k} THEN came ELSE 0 END"
        f" + CASE WHEN went < {rules.k} THEN went ELSE 0 END) OVER () AS apart"
        f" FROM g ORDER BY poor DESC, came + went, {by} LIMIT {CELLS}"
    ).replace("$k", str(rules.k))
    rows = ask(copy, query, other=TableAt(earlier.table, earlier.version))
    if not rows:
        return Difference(earlier.number)
    cells = tuple(
        {"values": {name: row[column] for name, column in zip(quasi, asked, strict=True)},
         "came": int(row["came"]), "went": int(row["went"])}
        for row in rows if row["poor"]
    )  # fmt: skip
    first = rows[0]
    return Difference(
        earlier.number, int(first["all_came"]), int(first["all_went"]), int(first["apart"]), cells
    )


_POOR = "((came > 0 AND came < $k) OR (went > 0 AND went < $k))"
