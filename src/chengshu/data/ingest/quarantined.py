"""Pages of a batch's quarantined rows: fast also with a million of them.

The row numbers of a page are found first (narrow columns of a few row groups); only then are its few rows read whole.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chengshu.data.ingest.choices import DecisionKind
from chengshu.data.ingest.models import Batch, QuarantineDecision
from chengshu.data.ingest.pipeline import QuarantinedRow, QuarantineFile
from chengshu.data.ingest.pipeline.rejects import PROBLEMS, ROW
from chengshu.data.ingest.pipeline.result import QUARANTINE_FILE

OPEN = "open"
_ENGINE: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "256MB", "threads": 2}
_NAMES = [ROW, "problems.list.element.column", "problems.list.element.rule"]
_VALUES = [*_NAMES, "problems.list.element.value"]

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]


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
    """Where the batch's quarantined rows lie (sealed): :class:`QuarantineFile` reads it."""
    return batch.folder / "stage" / QUARANTINE_FILE


def _open(batch: Batch) -> QuarantineFile:
    return QuarantineFile(quarantine_file(batch))


def page(
    batch: Batch, chosen: RowFilter, *, size: int, after: int = 0, before: int | None = None
) -> WorkPage:
    """``size`` rows beyond row ``after``, or the last ones before row ``before``."""
    backward = before is not None
    with _open(batch) as file:
        found: list[int] = []
        pieces = file.ordered(
            _NAMES if chosen.rule else [ROW], after=None if backward else after, before=before,
            backward=backward,
        )  # fmt: skip
        for table in pieces:
            numbers = _chosen(batch, table, chosen).tolist()
            found += reversed(numbers) if backward else numbers
            if len(found) > size:
                break
        more, numbers = len(found) > size, sorted(found[:size])
        rows = file.pick(numbers)
    decisions = {d.row_number: d for d in batch.decisions.filter(row_number__in=numbers)}
    return WorkPage(
        [WorkRow(row, decisions.get(row.row)) for row in rows],
        before=numbers[0] if numbers and (more if backward else after > 0) else None,
        after=numbers[-1] if numbers and (backward or more) else None,
    )


def row(batch: Batch, number: int) -> WorkRow | None:
    """One row; None when it is not in quarantine."""
    found = read_rows(batch, [number])
    if not found:
        return None
    return WorkRow(found[0], batch.decisions.filter(row_number=number).first())


def read_rows(batch: Batch, wanted: Sequence[int]) -> list[QuarantinedRow]:
    """Some rows, whole, in order."""
    with _open(batch) as file:
        return file.pick(wanted)


def known_rows(batch: Batch, numbers: Iterable[int]) -> set[int]:
    """Those of ``numbers`` that are in quarantine."""
    wanted = np.unique(np.fromiter(numbers, np.int64))
    with _open(batch) as file:
        return {
            number
            for table in file.scan([ROW], wanted)
            for number in np.intersect1d(_rows(table), wanted, assume_unique=True).tolist()
        }


def numbers(batch: Batch, chosen: RowFilter) -> list[int]:
    """The numbers of all rows a filter shows, in order."""
    with _open(batch) as file:
        pieces = file.scan(_NAMES if chosen.rule else [ROW])
        found = [_chosen(batch, table, chosen) for table in pieces]
    return np.sort(np.concatenate(found)).tolist() if found else []


@dataclass(frozen=True, slots=True)
class ValueCount:
    """One wrong value of a column and how many rows have it; None is an empty cell."""

    value: str | None
    rows: int


def undecided_problems(batch: Batch) -> dict[tuple[str, str], int]:
    """Undecided rows of a batch by (rule, column): all there were, less those of the decided rows."""
    left = {(item.rule, item.column): item.rows for item in batch.problems.all()}
    decided = _decided(batch)
    with _open(batch) as file:
        for table in file.scan(_NAMES, decided):
            flat, owners = _problems(table)
            done = np.isin(_rows(table), decided)[owners]
            pairs = pa.table({"r": flat.field("rule"), "c": flat.field("column")})
            counted = (
                pairs.filter(pa.array(done)).group_by(["r", "c"]).aggregate([([], "count_all")])
            )
            for known in counted.to_pylist():
                left[known["r"], known["c"]] -= known["count_all"]
    return {key: rows for key, rows in left.items() if rows > 0}


def wrong_values(batch: Batch, *, rule: str, column: str, limit: int) -> list[ValueCount]:
    """The commonest wrong values of the undecided rows that broke ``rule`` in ``column``."""
    if not batch.decisions.exists():
        with _open(batch) as file:
            known = file.counted(column, rule)
        if known is not None:
            known.sort(key=lambda pair: (-pair[1], pair[0] is None, pair[0] or ""))
            return [ValueCount(value, rows) for value, rows in known[:limit]]
    texts = pa.schema([pa.field("value", pa.string())])
    # Asked here: the engine pulls the pieces in a thread of its own, which would open a database connection.
    decided = _decided(batch)

    def values() -> Iterator[pa.RecordBatch]:
        for _, found in _open_values(batch, decided, rule=rule, column=column):
            yield pa.RecordBatch.from_arrays([found], schema=texts)

    with duckdb.connect(config=_ENGINE) as connection:
        connection.register("found", pa.RecordBatchReader.from_batches(texts, values()))
        counted = connection.execute(
            "SELECT value, count(*) AS n FROM found GROUP BY value ORDER BY n DESC, value LIMIT ?",
            [limit],
        ).fetchall()
    return [ValueCount(value, rows) for value, rows in counted]


def rows_with_value(
    batch: Batch, *, rule: str, column: str, value: str | None, enough: int | None = None
) -> list[int]:
    """Undecided rows that broke ``rule`` in ``column`` with exactly this value, in order.

    With ``enough`` the search ends once more than so many are found: the answer is then a part of them.
    """
    found = [np.empty(0, np.int64)]
    count = 0
    for rows, values in _open_values(batch, _decided(batch), rule=rule, column=column):
        same: Any = pc.is_null(values) if value is None else pc.equal(values, pa.scalar(value))
        found.append(rows[same.fill_null(False).to_numpy(zero_copy_only=False)])
        count += len(found[-1])
        if enough is not None and count > enough:
            break
    rows_found: list[int] = np.sort(np.concatenate(found)).tolist()
    return rows_found


def problem_lists(batch: Batch) -> pa.RecordBatchReader:
    """What is wrong with each quarantined row: ``row``, and ``problems`` as a list of ``column`` and ``rule``."""
    each = pa.struct([pa.field(name, pa.string()) for name in ("column", "rule")])
    schema = pa.schema([pa.field(ROW, pa.int64()), pa.field(PROBLEMS, pa.list_(each))])

    def batches() -> Iterator[pa.RecordBatch]:
        with _open(batch) as file:
            for table in file.scan(_NAMES):
                yield from table.cast(schema).to_batches()

    return pa.RecordBatchReader.from_batches(schema, batches())


def _open_values(
    batch: Batch, decided: Numbers, *, rule: str, column: str
) -> Iterator[tuple[Numbers, Any]]:
    """Row numbers and wrong values of the undecided rows of one problem, in pieces."""
    with _open(batch) as file:
        for table in file.scan(_VALUES):
            flat, owners = _problems(table)
            hit = _broke(flat, rule, column)
            rows = _rows(table)[owners]
            if len(decided):
                hit &= ~np.isin(rows, decided)
            yield rows[hit], flat.field("value").filter(pa.array(hit))


def _chosen(batch: Batch, table: pa.Table, chosen: RowFilter) -> Numbers:
    """The row numbers of a piece that a filter shows."""
    rows = _rows(table)
    kept: Flags = np.ones(len(rows), dtype=np.bool_)
    if chosen.rule:
        flat, owners = _problems(table)
        kept[:] = False
        kept[owners[_broke(flat, chosen.rule, chosen.column)]] = True
    if chosen.status and len(rows):
        kind = None if chosen.status == OPEN else DecisionKind(chosen.status)
        decided = np.isin(rows, _decided(batch, kind, int(rows.min()), int(rows.max())))
        kept &= ~decided if chosen.status == OPEN else decided
    found: Numbers = rows[kept]
    return found


def _decided(
    batch: Batch, kind: DecisionKind | None = None, low: int | None = None, high: int | None = None
) -> Numbers:
    """Row numbers somebody has decided about (so, within a range), sorted."""
    rows = batch.decisions.order_by()
    if kind is not None:
        rows = rows.filter(kind=kind)
    if low is not None and high is not None:
        rows = rows.filter(row_number__range=(low, high))
    found = rows.values_list("row_number", flat=True).iterator(chunk_size=10_000)
    return np.sort(np.fromiter(found, np.int64))


def _rows(table: pa.Table) -> Numbers:
    found: Numbers = table.column(ROW).to_numpy()
    return found


def _problems(table: pa.Table) -> tuple[Any, npt.NDArray[np.int64]]:
    """All reasons of a piece end to end, and the place of the row of each."""
    lists: Any = table.column(PROBLEMS).combine_chunks()
    owners: Any = pc.list_parent_indices(lists)
    return lists.flatten(), owners.to_numpy()


def _broke(flat: Any, rule: str, column: str) -> Flags:
    same_rule: Any = pc.equal(flat.field("rule"), pa.scalar(rule))
    same_column: Any = pc.equal(flat.field("column"), pa.scalar(column))
    hit: Any = pc.and_(same_rule, same_column)
    found: Flags = hit.to_numpy(zero_copy_only=False)
    return found
