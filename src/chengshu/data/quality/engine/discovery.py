"""Rules that the data themselves suggest: what nearly all rows keep, with the share that does.

Nothing here becomes a rule by itself: each candidate shows its evidence, and a person accepts it. Candidates are
order of dates, agreement with the city's references, address and region code, and repeated registrations.
"""

# ruff: noqa: S608 - identifiers are quoted, everything else is constant

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any, Final

import duckdb

from chengshu.data.contract.facade import ColumnFormat, ColumnSpec, ColumnType
from chengshu.data.quality.choices import Dimension, Severity
from chengshu.data.quality.engine.model import TableShape
from chengshu.data.quality.engine.references import SUBJECTS, described, region_table
from chengshu.data.quality.engine.text import cell, quoted

KEPT_BY: Final = 0.97
"""Share of rows from which on a regularity is proposed."""
LEAST_ROWS: Final = 40
_RELATED: Final = 0.15
_REPEATED: Final = 0.03
_UPDATED = re.compile(r"^(更新|修改|变更)(时间|日期)$")
_DATES = (ColumnType.DATE, ColumnType.DATETIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A rule the data suggest; ``kept`` of ``checked`` rows keep it."""

    kind: str
    definition: dict[str, Any]
    dimension: Dimension
    severity: Severity
    checked: int
    kept: int

    @property
    def share(self) -> float:
        """Share of the rows that keep the rule."""
        return self.kept / self.checked if self.checked else 0.0


@dataclass(slots=True)
class _Measures:
    """Aggregates asked of one table in one query, and what to make of them."""

    terms: list[str] = field(default_factory=list)

    def add(self, term: str) -> int:
        """Ask for one more aggregate; returns its place."""
        self.terms.append(term)
        return len(self.terms) - 1


def discover(
    session: duckdb.DuckDBPyConnection,
    shape: TableShape,
    *,
    source: str,
    places: Mapping[str, str],
) -> list[Candidate]:
    """Candidates for one table; ``places`` maps reference tables that exist to their names in the session."""
    measures = _Measures()
    dates = [_date_pair(measures, shape, a, b) for a, b in _date_pairs(shape)]
    joins: list[str] = []
    agreements = [*_references(measures, shape, places, joins), *_regions(measures, shape, places, joins)]
    if not measures.terms:
        return _repeats(session, shape, source, set())
    query = f"SELECT {', '.join(measures.terms)} FROM {source} t {' '.join(joins)}"
    values = session.sql(query).fetchall()[0]
    found = [one for pair in dates if (one := pair.judge(values))]
    found += _best(one for agreement in agreements if (one := agreement.judge(values)))
    judged = {str(part) for one in found for part in (one.definition.get("value_column"), one.definition.get("address"), one.definition.get("right"))}  # fmt: skip
    return found + _repeats(session, shape, source, judged)


# ---- order of dates


def _date_pairs(shape: TableShape) -> Iterable[tuple[ColumnSpec, ColumnSpec]]:
    dates = [c for c in shape.columns if c.type in _DATES and not _UPDATED.search(c.title)]
    return permutations(dates, 2)


def _day(column: ColumnSpec) -> str:
    name = cell(column.name)
    if column.type is ColumnType.DATETIME:
        return f"CAST(timezone('Asia/Shanghai', {name}) AS DATE)"
    return name


@dataclass(frozen=True, slots=True)
class _DatePair:
    first: ColumnSpec
    second: ColumnSpec
    both: int
    kept: int
    before: int
    related: int

    def judge(self, values: tuple[Any, ...]) -> Candidate | None:
        both, kept, before = values[self.both], values[self.kept], values[self.before]
        related = values[self.related] or 0.0
        # Two dates that have nothing to do with each other may be in order by chance: only what moves together counts.
        if both < LEAST_ROWS or kept < KEPT_BY * both or before * 2 < both or related < _RELATED:
            return None
        return Candidate(
            kind="compare", dimension=Dimension.TIMELINESS, severity=Severity.NORMAL,
            definition={"left": self.first.name, "operator": "<=", "right": self.second.name},
            checked=both, kept=kept,
        )  # fmt: skip


def _date_pair(m: _Measures, _shape: TableShape, a: ColumnSpec, b: ColumnSpec) -> _DatePair:
    one, other = _day(a), _day(b)
    days = f"epoch({one}), epoch({other})"
    return _DatePair(
        a, b, m.add(f"count(*) FILTER ({one} IS NOT NULL AND {other} IS NOT NULL)"),
        m.add(f"count(*) FILTER ({one} <= {other})"), m.add(f"count(*) FILTER ({one} < {other})"),
        m.add(f"corr({days})"),
    )  # fmt: skip


# ---- agreement with references


@dataclass(frozen=True, slots=True)
class _Agreement:
    kind: str
    definition: dict[str, Any]
    value: str
    checked: int
    kept: int

    def judge(self, values: tuple[Any, ...]) -> Candidate | None:
        checked, kept = values[self.checked], values[self.kept]
        if checked < LEAST_ROWS // 4 or kept < 0.9 * checked:
            return None
        return Candidate(
            kind=self.kind, definition=self.definition, dimension=Dimension.CONSISTENCY,
            severity=Severity.NORMAL, checked=checked, kept=kept,
        )  # fmt: skip


def _references(
    m: _Measures, shape: TableShape, places: Mapping[str, str], joins: list[str]
) -> list[_Agreement]:
    found = []
    for subject in SUBJECTS.values():
        if subject.table not in places:
            continue
        for number, key in enumerate(shape.columns):
            if key.format is not subject.format:
                continue
            alias = f"r_{subject.key}_{number}"
            joins.append(
                f"LEFT JOIN {places[subject.table]} {alias} "
                f"ON {alias}.{quoted(subject.key)} = {cell(key.name)}"
            )
            for column in filter(described, shape.columns):
                for attribute in subject.attributes:
                    known, value = f"{alias}.{quoted(attribute)}", cell(column.name)
                    definition = {
                        "subject": subject.key, "key_column": key.name,
                        "value_column": column.name, "attribute": attribute,
                    }  # fmt: skip
                    checked = m.add(f"count(*) FILTER ({known} IS NOT NULL AND {value} IS NOT NULL)")
                    kept = m.add(f"count(*) FILTER ({known} = {value})")
                    found.append(_Agreement("reference", definition, column.name, checked, kept))
    return found


def _regions(
    m: _Measures, shape: TableShape, places: Mapping[str, str], joins: list[str]
) -> list[_Agreement]:
    if region_table() not in places:
        return []
    found = []
    for number, code in enumerate(shape.columns):
        if code.format is not ColumnFormat.REGION12:
            continue
        alias = f"r_region_{number}"
        joins.append(
            f"LEFT JOIN {places[region_table()]} {alias} ON {alias}.code = {cell(code.name)}"
        )
        for column in filter(described, shape.columns):
            if column.length is not None and column.length < LEAST_ROWS:
                continue
            value = cell(column.name)
            checked = m.add(f"count(*) FILTER ({alias}.name IS NOT NULL AND {value} IS NOT NULL)")
            # The name alone is not an address.
            kept = m.add(f"count(*) FILTER (contains({value}, {alias}.name) AND {value} <> {alias}.name)")
            definition = {"code": code.name, "address": column.name}
            found.append(_Agreement("region", definition, column.name, checked, kept))
    return found


def _best(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Of the references that explain one column, the one that speaks about most rows; region rules all."""
    best: dict[tuple[str, str], Candidate] = {}
    for one in candidates:
        column = str(one.definition.get("value_column", one.definition.get("address")))
        known = best.get((one.kind, column))
        if known is None or one.checked > known.checked:
            best[one.kind, column] = one
    return list(best.values())


# ---- repeated registrations


def _repeats(
    session: duckdb.DuckDBPyConnection, shape: TableShape, source: str, judged: set[str]
) -> list[Candidate]:
    """The same registration under a new number: everything the same but the number and what other rules judge."""
    keys = [shape.column(name) for name in shape.key]
    numbered = len(keys) == 1 and keys[0].format is None and keys[0].type is ColumnType.TEXT
    person = any(c.format is ColumnFormat.ID_NUMBER for c in shape.columns)
    if not numbered or not person:
        return []
    compared = [
        c.name for c in shape.columns
        if not c.key and c.name not in judged and not _UPDATED.search(c.title)
        and not ("性别" in c.title or c.title.endswith("姓名"))
        and not (c.format is ColumnFormat.ID_NUMBER and not c.required)
    ]  # fmt: skip
    if len(compared) < 4:  # noqa: PLR2004 - fewer do not tell registrations apart
        return []
    listed = ", ".join(quoted(name) for name in compared)
    query = (
        f"SELECT count(*), coalesce(sum(n), 0), coalesce(sum(n - 1), 0) FROM "
        f"(SELECT count(*) AS n FROM {source} GROUP BY {listed})"
    )
    _groups, rows, repeated = (int(value) for value in session.sql(query).fetchall()[0])
    if not rows or repeated > _REPEATED * rows:
        return []
    return [
        Candidate(
            kind="unique", dimension=Dimension.ACCURACY, severity=Severity.NORMAL,
            definition={"columns": compared, "which": "repeats", "blanks": "equal"},
            checked=rows, kept=rows - repeated,
        )
    ]  # fmt: skip
