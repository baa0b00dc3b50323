"""What a release changed against the one before it: rows by key, fields by name; figures for everybody."""

# ruff: noqa: S608 - identifiers go through quoted(), which doubles the quotes

from collections.abc import Mapping, Sequence
from typing import Any

from chengshu.data.opening.disclosure.differencing import Earlier
from chengshu.data.opening.disclosure.grouping import ask
from chengshu.data.opening.row_scope import quoted
from chengshu.data.opening.zone import ZoneCopy
from chengshu_lake import LakeError, TableAt

Changes = dict[str, Any]


def fields_changed(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> dict[str, list[str]]:
    """Titles of fields that came, went, or are published in another way (type or mask)."""
    old = {str(c["name"]): c for c in before}
    new = {str(c["name"]): c for c in after}
    return {
        "came": [str(c["title"]) for name, c in new.items() if name not in old],
        "went": [str(c["title"]) for name, c in old.items() if name not in new],
        "altered": [
            str(c["title"]) for name, c in new.items()
            if name in old and _way(c) != _way(old[name])
        ],
    }  # fmt: skip


def _way(column: Mapping[str, Any]) -> tuple[str, str]:
    return str(column["type"]), str(column.get("mask", ""))


def changes(
    copy: ZoneCopy, earlier: Earlier | None, columns: Sequence[Mapping[str, Any]]
) -> Changes:
    """Figures of the difference to the release before: empty for the first one.

    ``added``, ``removed`` and, where rows have a key that is released as it is, ``changed``; over the fields both have.
    """
    if earlier is None:
        return {}
    told: Changes = {"since": earlier.number, "fields": fields_changed(earlier.columns, columns)}
    old = {str(c["name"]): _way(c) for c in earlier.columns}
    shared = [str(c["name"]) for c in columns if old.get(str(c["name"])) == _way(c)]
    if not shared:
        return told
    keys = [c.name for c in copy.columns if c.key and c.name in shared]
    try:
        query = _by_key(keys, shared) if keys else _by_row(shared)
        found = ask(copy, query, other=TableAt(earlier.table, earlier.version))[0]
    except LakeError:
        # The zone keeps versions for a while only; then the fields are all that can be compared.
        return told
    return told | {name: int(value or 0) for name, value in found.items()}


def _by_key(keys: Sequence[str], shared: Sequence[str]) -> str:
    names = ", ".join(quoted(name) for name in keys)
    every = ", ".join(quoted(name) for name in shared)
    return (
        f"WITH n AS (SELECT hash({names}) AS k, hash({every}) AS h FROM t),"
        f" p AS (SELECT hash({names}) AS k, hash({every}) AS h FROM o)"
        " SELECT count(*) FILTER (p.k IS NULL) AS added, count(*) FILTER (n.k IS NULL) AS removed,"
        " count(*) FILTER (n.h <> p.h) AS changed FROM n FULL JOIN p ON n.k = p.k"
    )


def _by_row(shared: Sequence[str]) -> str:
    every = ", ".join(quoted(name) for name in shared)
    return (
        "WITH d AS (SELECT sum(s) AS d FROM ("
        f"SELECT hash({every}) AS h, 1 AS s FROM t UNION ALL SELECT hash({every}) AS h, -1 AS s FROM o)"
        " GROUP BY h HAVING sum(s) <> 0)"
        " SELECT coalesce(sum(d) FILTER (d > 0), 0) AS added,"
        " coalesce(-sum(d) FILTER (d < 0), 0) AS removed FROM d"
    )
