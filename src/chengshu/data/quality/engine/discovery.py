"""Rules that the data themselves suggest: what nearly all rows keep, with the share that does.

Nothing here becomes a rule by itself: each candidate shows its evidence, and a person accepts it. Candidates are
order of dates, agreement with the city's references, address and region code, and repeated registrations. The evidence
comes from the first :data:`SAMPLE` rows of a table.
"""

# ruff: noqa: S608 - identifiers are quoted, everything else is constant

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Final, TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chengshu.data.contract.facade import ColumnFormat, ColumnSpec, ColumnType
from chengshu.data.quality.choices import Dimension, Severity
from chengshu.data.quality.engine.model import TableShape
from chengshu.data.quality.engine.ordering import KEPT_BY, LEAST_ROWS, in_order
from chengshu.data.quality.engine.references import (
    SUBJECTS,
    comparable,
    described,
    region_table,
)
from chengshu.data.quality.engine.repeats import repeats
from chengshu.data.quality.engine.spelling import (
    ORGANIZATIONS,
    RESIDENTS,
    SOUNDS,
    Directories,
    is_address,
    names_a_party,
)
from chengshu.data.quality.engine.templates import GAPLESS, proposals
from chengshu.data.quality.engine.text import cell, quoted

SAMPLE: Final = 50_000
AGREE_BY: Final = 0.9
"""Share of rows from which on an agreement with a reference is proposed."""
LEAST_AGREEMENTS: Final = 10
_ACCIDENTS, _ACCIDENT_SHARE = 0.1, 0.01
_REPEATED: Final = 0.03
_JUDGED: Final = {
    "reference": "value_column", "region": "address", "compare": "right", "pattern": "column",
    "spelling": "column",
}  # fmt: skip
"""The part of a definition that names the column a kind of rule judges."""
_UPDATED = re.compile(r"^(更新|修改|变更)(时间|日期)$")
_DATES = (ColumnType.DATE, ColumnType.DATETIME)
# Arrow's stubs do not cover the compute kernels used here.
Values: TypeAlias = Any
Flags: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A rule the data suggest; ``kept`` of ``checked`` rows of the sample keep it."""

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


def discover(
    session: duckdb.DuckDBPyConnection,
    shape: TableShape,
    *,
    source: str,
    places: Mapping[str, str],
) -> list[Candidate]:
    """Candidates for one table; ``places`` maps reference tables that exist to their names in the session."""
    sample = _sample(session, shape, source, places)
    if len(sample) < LEAST_ROWS:
        return []
    found = list(_dates(shape, sample))
    found += _best([*_references(shape, sample), *_regions(shape, sample)])
    found += _spellings(session, shape, sample, found, places)
    found += _gaps(shape, sample)
    rows = int(session.sql(f"SELECT count(*) FROM {source}").fetchall()[0][0])
    return found + list(_repeats(shape, sample, found, rows))


def _alias(subject: str, column: ColumnSpec, shape: TableShape) -> str:
    return f"r_{subject}_{shape.columns.index(column)}"


Known: TypeAlias = tuple[str, str, str, ColumnSpec, tuple[str, ...]]


def _known(shape: TableShape, places: Mapping[str, str]) -> Iterator[Known]:
    """(alias, relation, its key, column of the table, what it tells) of every reference that fits."""
    for subject in SUBJECTS.values():
        for column in shape.columns:
            if column.format is subject.format and subject.table in places:
                alias = _alias(subject.key, column, shape)
                yield alias, places[subject.table], subject.key, column, tuple(subject.attributes)
    for column in shape.columns:
        if column.format is ColumnFormat.REGION12 and region_table() in places:
            alias = _alias("region", column, shape)
            yield alias, places[region_table()], "code", column, ("name",)


def _sample(
    session: duckdb.DuckDBPyConnection,
    shape: TableShape,
    source: str,
    places: Mapping[str, str],
) -> pa.Table:
    """Rows with what the references know of them, as ``alias.attribute``."""
    columns, joins = [f"t.{quoted(column.name)}" for column in shape.columns], []
    for alias, relation, key, column, attributes in _known(shape, places):
        # What a reference has told since it was built last: an older one knows less.
        stored = set(session.table(relation).columns) & set(attributes)
        columns += [f'{alias}.{quoted(name)} AS "{alias}.{name}"' for name in sorted(stored)]
        joins.append(f"LEFT JOIN {relation} {alias} ON {alias}.{quoted(key)} = {cell(column.name)}")
    query = (
        f"SELECT {', '.join(columns)} FROM (SELECT * FROM {source} LIMIT {SAMPLE}) t "
        f"{' '.join(joins)}"
    )
    found: pa.Table = session.sql(query).to_arrow_table()
    return found


def _flags(values: Values) -> Flags:
    found: Flags = pc.fill_null(values, False).to_numpy()
    return found


# ---- order of dates


def _dates(shape: TableShape, sample: pa.Table) -> Iterator[Candidate]:
    days = {}
    for column in shape.columns:
        if column.type not in _DATES or _UPDATED.search(column.title):
            continue
        values: Values = sample[column.name]
        if column.type is ColumnType.DATETIME:
            values = pc.local_timestamp(values.cast(pa.timestamp("us", tz="Asia/Shanghai")))
        there = _flags(pc.is_valid(values))
        numbers = pc.fill_null(values.cast(pa.date32()).cast(pa.int32()), 0).to_numpy()
        days[column.name] = (there, numbers.astype(np.float64))
    for first, second in permutations(days, 2):
        both = days[first][0] & days[second][0]
        one, other = days[first][1][both], days[second][1][both]
        if in_order(one, other):
            yield Candidate(
                kind="compare", dimension=Dimension.TIMELINESS, severity=Severity.NORMAL,
                definition={"left": first, "operator": "<=", "right": second},
                checked=len(one), kept=int((one <= other).sum()),
            )  # fmt: skip


# ---- agreement with references


def _agreement(
    kind: str, definition: dict[str, Any], checked: Flags, kept: Flags
) -> Candidate | None:
    rows, good = int(checked.sum()), int((kept & checked).sum())
    if rows < LEAST_AGREEMENTS or good < AGREE_BY * rows:
        return None
    return Candidate(
        kind=kind, definition=definition, dimension=Dimension.CONSISTENCY,
        severity=Severity.NORMAL, checked=rows, kept=good,
    )  # fmt: skip


def _references(shape: TableShape, sample: pa.Table) -> Iterator[Candidate]:
    # A gender beside an identity number needs no telephone to be judged.
    proven = {p.definition["gender"] for p in proposals(shape) if p.kind == "gender"}
    for subject in SUBJECTS.values():
        for key in shape.columns:
            alias = _alias(subject.key, key, shape)
            for attribute in subject.attributes:
                if f"{alias}.{attribute}" not in sample.column_names:
                    continue
                known: Values = sample[f"{alias}.{attribute}"]
                for column in shape.columns:
                    if column.name in proven or not comparable(column, attribute):
                        continue
                    same = pc.equal(sample[column.name], known)
                    definition = {
                        "subject": subject.key, "key_column": key.name,
                        "value_column": column.name, "attribute": attribute,
                    }  # fmt: skip
                    one = _agreement(
                        "reference", definition, _flags(pc.is_valid(same)), _flags(same)
                    )
                    if one:
                        yield one


def _regions(shape: TableShape, sample: pa.Table) -> Iterator[Candidate]:
    for code in shape.columns:
        place = f"{_alias('region', code, shape)}.name"
        if place not in sample.column_names:
            continue
        names: list[str | None] = sample[place].to_pylist()
        for column in filter(described, shape.columns):
            if column.length is not None and column.length < LEAST_ROWS:
                continue
            pairs = list(zip(sample[column.name].to_pylist(), names, strict=True))
            checked = np.array([text is not None and name is not None for text, name in pairs])
            # The name alone is not an address.
            kept = np.array([bool(t and n and n in t and t != n) for t, n in pairs])
            definition = {"code": code.name, "address": column.name}
            one = _agreement("region", definition, checked, kept)
            if one:
                yield one


def _best(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Of the references that explain one column, the one that speaks about most rows."""
    best: dict[tuple[str, str], Candidate] = {}
    for one in candidates:
        column = str(one.definition.get("value_column", one.definition.get("address")))
        known = best.get((one.kind, column))
        if known is None or one.checked > known.checked:
            best[one.kind, column] = one
    return list(best.values())


# ---- writing of names


def _spellings(
    session: duckdb.DuckDBPyConnection,
    shape: TableShape,
    sample: pa.Table,
    found: Iterable[Candidate],
    places: Mapping[str, str],
) -> Iterator[Candidate]:
    """Names that no identifier stands for, when the city's directories know most of them."""
    if not {ORGANIZATIONS, RESIDENTS, SOUNDS} <= set(places):
        return
    named = [one.definition for one in found if one.definition.get("attribute") == "name"]
    judged = {definition["value_column"] for definition in named}
    columns = [c for c in shape.columns if names_a_party(c) and c.name not in judged]
    address = ""
    if not any(definition["subject"] in ("person", "mobile") for definition in named):
        # Where a number or a telephone tells who the row is about, the address needs not tell it again.
        address = next((c.name for c in shape.columns if is_address(c)), "")
    with Directories(session, sample, address, places) as directories:
        for column in columns:
            known = directories.known(column.name, shape.columns.index(column))
            if known is None:
                continue
            same = pc.equal(sample[column.name], known.names)
            definition = {"column": column.name} | ({"address": address} if known.person else {})
            one = _agreement("spelling", definition, _flags(pc.is_valid(same)), _flags(same))
            if one:
                yield one


def _gaps(shape: TableShape, sample: pa.Table) -> Iterator[Candidate]:
    """Names with a gap (陈 伟) in columns that the library does not judge by their title."""
    judged = {p.definition["column"] for p in proposals(shape) if p.template == "tidy_names"}
    for column in shape.columns:
        if column.name in judged or not names_a_party(column):
            continue
        values: Values = sample[column.name]
        broken = int(_flags(pc.match_substring_regex(values, r"\s")).sum())
        rows = len(values) - values.null_count
        if rows >= LEAST_ROWS and 0 < broken <= (1 - KEPT_BY) * rows:
            yield Candidate(
                kind="pattern", dimension=Dimension.CONFORMITY, severity=Severity.SLIGHT,
                definition={"column": column.name, "pattern": GAPLESS}, checked=rows,
                kept=rows - broken,
            )  # fmt: skip


# ---- repeated registrations


def _judged(found: Iterable[Candidate]) -> tuple[set[str], set[str]]:
    """Columns whose content other rules judge, and those whose way of writing only."""
    columns = [(one.kind, str(one.definition[_JUDGED[one.kind]])) for one in found]
    written = {column for kind, column in columns if kind in ("pattern", "spelling")}
    return {column for _, column in columns} - written, written


def _compared(shape: TableShape, judged: set[str], *, blank_numbers: bool) -> list[str]:
    """The columns two registrations of one matter agree in: all but the number and what other rules judge.

    Identity numbers that may be left out are compared only with ``blank_numbers``: a missing one would hide a repeat.
    """
    return [
        c.name for c in shape.columns
        if not c.key and c.name not in judged and not _UPDATED.search(c.title)
        and not ("性别" in c.title or c.title.endswith("姓名"))
        and (blank_numbers or c.format is not ColumnFormat.ID_NUMBER or c.required)
    ]  # fmt: skip


def _repeats(
    shape: TableShape, sample: pa.Table, found: Iterable[Candidate], rows: int
) -> Iterator[Candidate]:
    """The same registration under a new number; as few columns as tell two registrations apart without accidents."""
    keys = [shape.column(name) for name in shape.key]
    if len(keys) != 1 or keys[0].format is not None or keys[0].type is not ColumnType.TEXT:
        return
    judged, written = _judged(found)
    for blank_numbers, left_out in (
        (False, judged | written),
        (True, judged | written),
        (True, judged),
    ):
        names = _compared(shape, left_out, blank_numbers=blank_numbers)
        if len(names) < 3:  # noqa: PLR2004 - fewer do not tell registrations apart
            continue
        seen = repeats(sample, names)
        # Repeats grow with the rows, accidents with their square.
        accidents = seen.accidents * rows / len(sample)
        few = accidents <= max(_ACCIDENTS, _ACCIDENT_SHARE * seen.repeated)
        if seen.repeated <= _REPEATED * len(sample) and few:
            yield Candidate(
                kind="unique", dimension=Dimension.ACCURACY, severity=Severity.NORMAL,
                definition={"columns": names, "which": "repeats", "blanks": "equal"},
                checked=len(sample), kept=len(sample) - seen.repeated,
            )  # fmt: skip
            return
