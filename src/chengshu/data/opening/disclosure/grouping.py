"""Groups of rows that look alike to somebody who knows the quasi-identifiers: sizes, sensitive values, worst ones."""

# ruff: noqa: S608 - identifiers go through quoted(), which doubles the quotes; values are parameters

from collections.abc import Mapping, Sequence
from typing import Any

from chengshu.data.opening.disclosure.rules import Parts, Rules
from chengshu.data.opening.row_scope import quoted
from chengshu.data.opening.zone import ZoneCopy, lake
from chengshu_lake import TableAt

CELLS = 20
_MANY = 10


def ask(
    copy: ZoneCopy, query: str, params: Sequence[Any] = (), *, other: TableAt | None = None
) -> list[dict[str, Any]]:
    """The answer of one SELECT over the copy as ``t``, with an earlier release as ``o``."""
    tables: dict[str, str | TableAt] = {"t": TableAt(copy.table, copy.version)}
    if other is not None:
        tables["o"] = other
    found: list[dict[str, Any]] = (
        lake().sql(query, tables=tables, params=params).read_all().to_pylist()
    )
    return found


def groups(parts: Parts, expressions: Mapping[str, str] | None = None, key: str = "") -> str:
    """A query with one row per group: ``q0…``, ``_n`` people, ``_r`` rows, ``_l0…`` values, ``_a``/``_z`` keys.

    ``expressions`` replace fields, to see what a coarser one would do; an empty text leaves the field out.
    """
    told = expressions or {}
    wanted = [told.get(name, quoted(name)) for name in parts.quasi]
    shown = [f"{text} AS q{index}" for index, text in enumerate(wanted) if text]
    people = f"sum(coalesce({quoted(parts.weight)}, 0))" if parts.weight else "count(*)"
    counts = [f"{people} AS _n", "count(*) AS _r"]
    counts += [
        f"count(DISTINCT coalesce(CAST({quoted(name)} AS VARCHAR), '')) AS _l{index}"
        for index, name in enumerate(parts.sensitive)
    ]
    if key:
        counts += [f"min({quoted(key)}) AS _a", f"max({quoted(key)}) AS _z"]
    by = f" GROUP BY {', '.join(f'q{i}' for i, text in enumerate(wanted) if text)}" if shown else ""
    return f"SELECT {', '.join([*shown, *counts])} FROM t{by}"


def alike(parts: Parts, rules: Rules) -> str:
    """The condition of a group that is large enough and still tells a sensitive value of everybody in it."""
    if not parts.sensitive or rules.l <= 1 or parts.weight:
        return "false"
    poor = " OR ".join(f"_l{index} < {rules.l}" for index in range(len(parts.sensitive)))
    return f"(_n >= {rules.k} AND ({poor}))"


def small(rules: Rules) -> str:
    """The condition of a group that is too small; figures of nobody tell of nobody."""
    return f"(_n > 0 AND _n < {rules.k})"


def measured(copy: ZoneCopy, parts: Parts, rules: Rules) -> dict[str, Any]:
    """Sizes over the whole release: groups, least, mean risk, how many are too small or too alike, a histogram."""
    k = rules.k
    ranges = ((1, 1), (2, k - 1), (k, 2 * k - 1), (2 * k, _MANY * k - 1), (_MANY * k, None))
    steps = [(low, high) for low, high in ranges if high is None or low <= high]
    bars = ", ".join(
        f"coalesce(sum(_n) FILTER (_n >= {low}{f' AND _n <= {high}' if high is not None else ''}), 0) AS h{index}"
        for index, (low, high) in enumerate(steps)
    )
    query = (
        f"WITH g AS ({groups(parts)}) SELECT count(*) FILTER (_n > 0) AS classes,"
        f" min(_n) FILTER (_n > 0) AS least, coalesce(sum(_n), 0) AS people,"
        f" count(*) FILTER ({small(rules)}) AS small_groups,"
        f" coalesce(sum(_n) FILTER ({small(rules)}), 0) AS small_people,"
        f" count(*) FILTER ({alike(parts, rules)}) AS alike_groups,"
        f" coalesce(sum(_n) FILTER ({alike(parts, rules)}), 0) AS alike_people, {bars} FROM g"
    )
    found = ask(copy, query)[0]
    people = int(found["people"])
    words = [
        "1" if high == 1 else f"{low}–{high}" if high else f"{low} 以上" for low, high in steps
    ]
    return {
        "classes": int(found["classes"]), "least": int(found["least"] or 0), "people": people,
        "highest_risk": 1 / int(found["least"]) if found["least"] else 0.0,
        "mean_risk": found["classes"] / people if people else 0.0,
        **{name: int(found[name]) for name in _COUNTS},
        "histogram": [[word, int(found[f"h{index}"])] for index, word in enumerate(words)],
    }  # fmt: skip


_COUNTS = ("small_groups", "small_people", "alike_groups", "alike_people")


def worst(
    copy: ZoneCopy, parts: Parts, condition: str, key: str, limit: int = CELLS
) -> list[dict[str, Any]]:
    """The smallest groups that meet a condition: values by field, people, keys of some rows."""
    names = ", ".join(f"q{index}" for index in range(len(parts.quasi)))
    query = (
        f"WITH g AS ({groups(parts, key=key)}) SELECT * FROM g WHERE {condition}"
        f" ORDER BY _n, {names} LIMIT {limit}"
    )
    return [
        {
            "values": {n: row[f"q{index}"] for index, n in enumerate(parts.quasi)},
            "people": int(row["_n"]),
            "counts": [int(row[f"_l{index}"]) for index in range(len(parts.sensitive))],
            "keys": list(dict.fromkeys(str(row[name]) for name in ("_a", "_z") if row.get(name))),
        }
        for row in ask(copy, query)
    ]  # fmt: skip


def remaining(
    copy: ZoneCopy, parts: Parts, rules: Rules, expressions: Mapping[str, str]
) -> tuple[int, int]:
    """People in refused groups, and groups in all, if fields were replaced by expressions."""
    query = (
        f"WITH g AS ({groups(parts, expressions)}) SELECT count(*) AS classes,"
        f" coalesce(sum(_n) FILTER ({small(rules)} OR {alike(parts, rules)}), 0) AS left_over FROM g"
    )
    found = ask(copy, query)[0]
    return int(found["left_over"]), int(found["classes"])


def kept_condition(parts: Parts, rules: Rules) -> str:
    """A condition over ``t`` of the rows that may stay when small and uniform groups are left out."""
    own = [f"t.{quoted(name)} IS NOT DISTINCT FROM g.q{i}" for i, name in enumerate(parts.quasi)]
    refused = f"{small(rules)} OR {alike(parts, rules)}"
    return (
        f"NOT EXISTS (SELECT 1 FROM ({groups(parts)}) g WHERE ({refused}) AND {' AND '.join(own)})"
    )
