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
from chengshu.data.quality.engine.references import SUBJECTS, described, region_table
from chengshu.data.quality.engine.text import cell, quoted

SAMPLE: Final = 50_000
KEPT_BY: Final = 0.97
"""Share of rows from which on an order of dates is proposed."""
AGREE_BY: Final = 0.9
"""Share of rows from which on an agreement with a reference is proposed."""
LEAST_ROWS: Final = 40
LEAST_AGREEMENTS: Final = 10
_RELATED: Final = 0.15
_SIGNIFICANT: Final = 4.0
_ACCIDENTS, _ACCIDENT_SHARE = 0.1, 0.01
_REPEATED: Final = 0.03
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
    judged = {
        str(one.definition.get(part))
        for one in found
        for part in ("value_column", "address", "right")
    }
    return found + list(_repeats(shape, sample, judged))


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
        columns += [f'{alias}.{quoted(name)} AS "{alias}.{name}"' for name in attributes]
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
        if _in_order(one, other):
            yield Candidate(
                kind="compare", dimension=Dimension.TIMELINESS, severity=Severity.NORMAL,
                definition={"left": first, "operator": "<=", "right": second},
                checked=len(one), kept=int((one <= other).sum()),
            )  # fmt: skip


def _in_order(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> bool:
    """Whether the first date comes before the second, and not by chance: the two must move together."""
    rows = len(one)
    if rows < LEAST_ROWS or (one <= other).mean() < KEPT_BY or (one < other).mean() * 2 < 1:
        return False
    if not one.std() or not other.std():
        return False
    related = float(np.corrcoef(one, other)[0, 1])
    return related >= max(_RELATED, _SIGNIFICANT / float(np.sqrt(rows)))


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
    for subject in SUBJECTS.values():
        for key in shape.columns:
            alias = _alias(subject.key, key, shape)
            for attribute in subject.attributes:
                if f"{alias}.{attribute}" not in sample.column_names:
                    continue
                known: Values = sample[f"{alias}.{attribute}"]
                for column in filter(described, shape.columns):
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


# ---- repeated registrations


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


def _repeats(shape: TableShape, sample: pa.Table, judged: set[str]) -> Iterator[Candidate]:
    """The same registration under a new number; as few columns as tell two registrations apart without accidents."""
    keys = [shape.column(name) for name in shape.key]
    if len(keys) != 1 or keys[0].format is not None or keys[0].type is not ColumnType.TEXT:
        return
    for blank_numbers in (False, True):
        names = _compared(shape, judged, blank_numbers=blank_numbers)
        if len(names) < 3:  # noqa: PLR2004 - fewer do not tell registrations apart
            continue
        repeated, accidents = _repeated(sample, names)
        few = accidents <= max(_ACCIDENTS, _ACCIDENT_SHARE * repeated)
        if repeated <= _REPEATED * len(sample) and few:
            yield Candidate(
                kind="unique", dimension=Dimension.ACCURACY, severity=Severity.NORMAL,
                definition={"columns": names, "which": "repeats", "blanks": "equal"},
                checked=len(sample), kept=len(sample) - repeated,
            )  # fmt: skip
            return


def _repeated(sample: pa.Table, names: list[str]) -> tuple[int, float]:
    """How many rows repeat another one in all of the columns, and how many would by chance."""
    codes = {name: _codes(sample[name]) for name in names}
    anchor = max(names, key=lambda name: len(np.unique(codes[name])))
    order = np.lexsort([codes[name] for name in names if name != anchor] + [codes[anchor]])
    matrix = np.stack([codes[name][order] for name in names], axis=1)
    equal = matrix[1:] == matrix[:-1]
    return int(equal.all(axis=1).sum()), _accidents(equal, names.index(anchor))


def _codes(values: Values) -> npt.NDArray[np.int64]:
    """Small numbers for values; nothing is a value of its own."""
    encoded = pc.dictionary_encode(values.combine_chunks(), null_encoding="encode")
    found: npt.NDArray[np.int64] = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _accidents(equal: Flags, anchor: int) -> float:
    """How many equal neighbours chance alone would make: neighbours of one anchor times how often the rest agrees.

    Columns that follow from the anchor (a person's telephone) agree always and count for nothing; independent ones
    agree rarely and make an accident unlikely.
    """
    pairs = equal[equal[:, anchor] & ~equal.all(axis=1)]
    if not len(pairs):
        return 0.0
    # One imagined agreement more, so that a column that never agreed in few pairs is not taken as proof.
    rest = np.delete(pairs, anchor, axis=1)
    shares = (rest.sum(axis=0) + 1) / (len(pairs) + 1)
    return float(len(pairs) * shares.prod())
