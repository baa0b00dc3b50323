# ruff: noqa: S608 - statements are built from literals only; values are parameters
"""Pages of a batch's quarantine file: fast also with a million rejected rows.

The row numbers of a page are found first (one narrow column); only then are its few rows read whole.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from chengshu.data.ingest.choices import DecisionKind
from chengshu.data.ingest.models import Batch, QuarantineDecision
from chengshu.data.ingest.pipeline import Problem, QuarantinedRow
from chengshu.data.ingest.pipeline.quarantine import RAW_LINE
from chengshu.data.ingest.pipeline.result import QUARANTINE_FILE

OPEN = "open"
_ENGINE: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "256MB", "threads": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFilter:
    """Which rows: those that broke ``rule`` in ``column``, and those in a state of handling.

    ``status`` is "" for all, :data:`OPEN` for undecided ones, else a decision kind.
    """

    rule: str = ""
    column: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class WorkRow:
    """A quarantined row and what was decided about it."""

    row: QuarantinedRow
    decision: QuarantineDecision | None


@dataclass(frozen=True, slots=True)
class WorkPage:
    """A page in row order; the neighbours' cursors are row numbers, None where there is no neighbour."""

    rows: list[WorkRow]
    before: int | None
    after: int | None


def quarantine_file(batch: Batch) -> Path:
    """The batch's quarantined rows."""
    return batch.folder / "stage" / QUARANTINE_FILE


def page(
    batch: Batch, chosen: RowFilter, *, size: int, after: int = 0, before: int | None = None
) -> WorkPage:
    """``size`` rows beyond row ``after``, or the last ones before row ``before``."""
    backward = before is not None
    with duckdb.connect(config=_ENGINE) as connection:
        conditions, parameters = _conditions(connection, batch, chosen)
        conditions.append("row < ?" if backward else "row > ?")
        parameters.append(before if backward else after)
        found = connection.execute(
            f"SELECT row FROM quarantine WHERE {' AND '.join(conditions)} "
            f"ORDER BY row {'DESC' if backward else 'ASC'} LIMIT {size + 1}",
            parameters,
        ).fetchall()
        numbers = [row for (row,) in found]
        more = len(numbers) > size
        numbers = sorted(numbers[:size])
        rows = _read(connection, numbers)
    decisions = {d.row_number: d for d in batch.decisions.filter(row_number__in=numbers)}
    return WorkPage(
        [WorkRow(row, decisions.get(row.row)) for row in rows],
        before=numbers[0] if numbers and (more if backward else after > 0) else None,
        after=numbers[-1] if numbers and (backward or more) else None,
    )


def row(batch: Batch, number: int) -> WorkRow | None:
    """One row; None when it is not in quarantine."""
    with duckdb.connect(config=_ENGINE) as connection:
        _attach(connection, batch)
        found = _read(connection, [number])
    if not found:
        return None
    return WorkRow(found[0], batch.decisions.filter(row_number=number).first())


def known_rows(batch: Batch, numbers: Iterable[int]) -> set[int]:
    """Those of ``numbers`` that are in quarantine."""
    wanted = pa.table({"number": pa.array(sorted(set(numbers)), pa.int64())})
    with duckdb.connect(config=_ENGINE) as connection:
        _attach(connection, batch)
        connection.register("wanted", wanted)
        found = connection.execute(
            "SELECT number FROM wanted WHERE number IN (SELECT row FROM quarantine)"
        ).fetchall()
    return {number for (number,) in found}


def numbers(batch: Batch, chosen: RowFilter) -> list[int]:
    """The numbers of all rows a filter shows, in order."""
    with duckdb.connect(config=_ENGINE) as connection:
        conditions, parameters = _conditions(connection, batch, chosen)
        found = connection.execute(
            f"SELECT row FROM quarantine WHERE {' AND '.join(conditions)} ORDER BY row", parameters
        ).fetchall()
    return [number for (number,) in found]


@dataclass(frozen=True, slots=True)
class ValueCount:
    """One wrong value of a column and how many rows have it; None is an empty cell."""

    value: str | None
    rows: int


_PROBLEMS = "(SELECT row, unnest(problems) AS p FROM quarantine)"


def undecided_problems(batch: Batch) -> dict[tuple[str, str], int]:
    """Undecided rows of a batch by (rule, column)."""
    with duckdb.connect(config=_ENGINE) as connection:
        _conditions(connection, batch, RowFilter(status=OPEN))
        found = connection.execute(
            f'SELECT p.rule, p."column", count(DISTINCT row) FROM {_PROBLEMS} '
            "WHERE row NOT IN (SELECT number FROM decided) GROUP BY ALL"
        ).fetchall()
    return {(rule, column): rows for rule, column, rows in found}


def wrong_values(batch: Batch, *, rule: str, column: str, limit: int) -> list[ValueCount]:
    """The commonest wrong values of the undecided rows that broke ``rule`` in ``column``."""
    with duckdb.connect(config=_ENGINE) as connection:
        _conditions(connection, batch, RowFilter(status=OPEN))
        found = connection.execute(
            f"SELECT p.value, count(DISTINCT row) AS n FROM {_PROBLEMS} "
            'WHERE p.rule = ? AND p."column" = ? AND row NOT IN (SELECT number FROM decided) '
            f"GROUP BY p.value ORDER BY n DESC, p.value LIMIT {limit:d}",
            [rule, column],
        ).fetchall()
    return [ValueCount(value, rows) for value, rows in found]


def rows_with_value(batch: Batch, *, rule: str, column: str, value: str | None) -> list[int]:
    """Undecided rows that broke ``rule`` in ``column`` with exactly this value, in order."""
    with duckdb.connect(config=_ENGINE) as connection:
        _conditions(connection, batch, RowFilter(status=OPEN))
        found = connection.execute(
            f"SELECT DISTINCT row FROM {_PROBLEMS} "
            'WHERE p.rule = ? AND p."column" = ? AND p.value IS NOT DISTINCT FROM ? '
            "AND row NOT IN (SELECT number FROM decided) ORDER BY row",
            [rule, column, value],
        ).fetchall()
    return [number for (number,) in found]


def read_rows(batch: Batch, wanted: Sequence[int]) -> list[QuarantinedRow]:
    """Some rows, whole."""
    with duckdb.connect(config=_ENGINE) as connection:
        _attach(connection, batch)
        return _read(connection, sorted(wanted))


def _attach(connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    path = str(quarantine_file(batch)).replace("'", "''")
    connection.execute(f"CREATE TEMP VIEW quarantine AS SELECT * FROM read_parquet('{path}')")


def _conditions(
    connection: duckdb.DuckDBPyConnection, batch: Batch, chosen: RowFilter
) -> tuple[list[str], list[Any]]:
    _attach(connection, batch)
    conditions, parameters = ["true"], []
    if chosen.rule:
        conditions.append(
            "row IN (SELECT row FROM (SELECT row, unnest(problems) AS p FROM quarantine) "
            'WHERE p.rule = ? AND p."column" = ?)'
        )
        parameters += [chosen.rule, chosen.column]
    if chosen.status:
        decided = batch.decisions.all()
        if chosen.status != OPEN:
            decided = decided.filter(kind=DecisionKind(chosen.status))
        marked = pa.array(decided.values_list("row_number", flat=True), pa.int64())
        connection.register("decided", pa.table({"number": marked}))
        word = "NOT IN" if chosen.status == OPEN else "IN"
        conditions.append(f"row {word} (SELECT number FROM decided)")
    return conditions, parameters


def _read(connection: duckdb.DuckDBPyConnection, wanted: Sequence[int]) -> list[QuarantinedRow]:
    if not wanted:
        return []
    listed = ", ".join(str(int(number)) for number in wanted)
    found = connection.execute(
        "SELECT row, problems, original FROM quarantine "
        f"WHERE row BETWEEN {int(wanted[0])} AND {int(wanted[-1])} AND row IN ({listed}) ORDER BY row"
    ).fetchall()
    rows = []
    for number, problems, original in found:
        cells: dict[str, str | None] = json.loads(original)
        line = cells.pop(RAW_LINE, None)
        rows.append(QuarantinedRow(number, tuple(Problem(**p) for p in problems), cells, line))
    return rows
