"""Rejected rows as Arrow tables: why, and their cells as they came. Whole columns at once, no object for a row.

A million rejects are a million rows of one table here, never a million Python objects at a time.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chengshu.data.contract.facade import (
    ROW_RULES,
    RULES,
    CheckedBatch,
    TableContract,
    fill,
    sentence,
    shorten,
)
from chengshu.data.ingest.reading.rows import ROW_COLUMN, RowReject

ROW, PROBLEMS, CELLS, LINE = "row", "problems", "cells", "line"
# Wrong values counted while they pass, as long as a rule and a column have no more different ones.
COUNTED_VALUES = 500
PROBLEM_FIELDS = ("column", "title", "rule", "message", "value")
_PROBLEM = pa.struct([pa.field(name, pa.string()) for name in PROBLEM_FIELDS])

# The sentences of a file, by column and rule, each with marks for row and value.
Sentences: TypeAlias = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason; `column` is "" when the whole row is meant."""

    column: str
    title: str
    rule: str
    message: str
    value: str | None


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A rejected row: source row number, reasons, and its cells by column name as they came.

    A ragged row has no cells, only its `line`. A row that lost a key conflict shows its cells as
    normalised by the load (it had already been typed).
    """

    row: int
    problems: tuple[Problem, ...]
    cells: Mapping[str, str | None]
    line: str | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """What a file says once instead of in every row: titles by column, and sentences."""

    titles: Mapping[str, str]
    sentences: Sentences

    def problem(self, row: int, known: Mapping[str, str | None]) -> Problem:
        """A stored reason with the words it left out."""
        column, rule, value = known["column"] or "", known["rule"] or "", known["value"]
        title, message = known["title"], known["message"]
        if title is None:
            title = self.titles.get(column, "")
        if message is None:
            message = fill(self.sentences.get(column, {}).get(rule, ""), row=row, value=value)
        return Problem(column, title, rule, message, value)


class Rejects:
    """Makes the tables of one contract, and remembers which sentences they need."""

    def __init__(self, contract: TableContract) -> None:
        self._contract = contract
        self._names = [column.name for column in contract.columns]
        cells = pa.struct([pa.field(name, pa.string()) for name in self._names])
        self.schema = pa.schema(
            [
                pa.field(ROW, pa.int64(), nullable=False),
                pa.field(PROBLEMS, pa.list_(_PROBLEM), nullable=False),
                pa.field(CELLS, cells),
                pa.field(LINE, pa.string()),
            ]
        )
        self._said: dict[tuple[str, str], None] = {}
        self._counts: dict[tuple[str, str], Counter[str | None] | None] = {}

    @property
    def words(self) -> Words:
        """The words of all tables made so far."""
        found: Sentences = {}
        for column, rule in self._said:
            text = sentence(RULES[rule], self._contract.column(column))
            found.setdefault(column, {})[rule] = text
        return Words({c.name: c.title for c in self._contract.columns}, found)

    @property
    def counts(self) -> list[tuple[str, str, list[tuple[str | None, int]]]]:
        """Column, rule and all wrong values with their rows, where they are few."""
        return [
            (column, rule, list(known.items()))
            for (column, rule), known in self._counts.items()
            if known is not None
        ]

    def _count(self, column: str, rule: str, values: Any) -> None:
        known = self._counts.setdefault((column, rule), Counter())
        if known is None:
            return
        found = values.value_counts()
        if len(found) <= COUNTED_VALUES:
            known.update(
                dict(zip(found.field(0).to_pylist(), found.field(1).to_pylist(), strict=True))
            )
        if len(found) > COUNTED_VALUES or len(known) > COUNTED_VALUES:
            self._counts[column, rule] = None

    def from_check(self, checked: CheckedBatch) -> pa.Table:
        """The rows of a checked batch that broke a rule, with their original cells."""
        self._said |= dict.fromkeys((item.column, item.rule) for item in checked.broken)
        for item in checked.broken:
            self._count(item.column, item.rule, checked.values(item))
        rows = checked.source
        if len(checked.rejected) < rows.num_rows:
            chosen: Any = pa.array(checked.rejected)
            rows = rows.take(chosen)
        columns = {name: rows.column(name) for name in rows.schema.names}
        return self._table(columns.pop(ROW_COLUMN), _problems_of(checked), self._cells(columns))

    def from_reader(self, rejects: Sequence[RowReject]) -> pa.Table:
        """Rows the reader could not turn into cells."""
        problems = [
            [
                {
                    "column": reject.column or "", "title": None, "rule": reject.rule,
                    "message": reject.message, "value": reject.text,
                }
            ]
            for reject in rejects
        ]  # fmt: skip
        lines = [reject.text if reject.cells is None else None for reject in rejects]
        cells = [None if r.cells is None else dict(r.cells) for r in rejects]
        return self._table(
            pa.array([reject.row for reject in rejects], pa.int64()),
            pa.array(problems, self.schema.field(PROBLEMS).type),
            pa.array(cells, self.schema.field(CELLS).type),
            pa.array(lines, pa.string()),
        )

    def from_conflicts(self, rows: pa.RecordBatch, first_rows: Sequence[int]) -> pa.Table:
        """Rows whose key an earlier row has with other content; `rows` are texts and row numbers."""
        key, rule = self._contract.key, ROW_RULES["key_conflict"]
        parts = [["" if v is None else v for v in rows.column(name).to_pylist()] for name in key]
        values = ["，".join(part) for part in zip(*parts, strict=True)]
        numbers = rows.column(ROW_COLUMN).to_pylist()
        messages = [
            rule.template.format(row=row, first_row=first, value=shorten(value))
            for row, first, value in zip(numbers, first_rows, values, strict=True)
        ]
        title = "、".join(self._contract.column(name).title for name in key)
        count = len(numbers)
        fields = [
            pa.repeat(pa.scalar(key[0] if len(key) == 1 else ""), count),
            pa.repeat(pa.scalar(title), count), pa.repeat(pa.scalar(rule.key), count),
            pa.array(messages, pa.string()), pa.array(values, pa.string()),
        ]  # fmt: skip
        columns = {name: rows.column(name) for name in self._names}
        problems = _lists(np.arange(count + 1), fields)
        return self._table(pa.array(numbers, pa.int64()), problems, self._cells(columns))

    def _cells(self, columns: Mapping[str, Any]) -> Any:
        count = len(next(iter(columns.values()))) if columns else 0
        arrays: list[Any] = []
        for name in self._names:
            column = columns.get(name)
            if column is None:
                arrays.append(pa.nulls(count, pa.string()))
            else:
                arrays.append(column if column.type == pa.string() else column.cast(pa.string()))
        return pa.StructArray.from_arrays(arrays, names=self._names)

    def _table(self, rows: Any, problems: Any, cells: Any, lines: Any = None) -> pa.Table:
        if lines is None:
            lines = pa.nulls(len(rows), pa.string())
        return pa.Table.from_arrays([rows, problems, cells, lines], schema=self.schema)


def _problems_of(checked: CheckedBatch) -> Any:
    """For each rejected row the list of its reasons, in the order of the contract."""
    broken = checked.broken
    places = np.concatenate([item.positions for item in broken])
    order = np.argsort(places, kind="stable")
    chosen: Any = pa.array(order)
    which = np.repeat(np.arange(len(broken), dtype=np.int32), [len(i.positions) for i in broken])
    values: Any = pa.concat_arrays([checked.values(item) for item in broken]).take(chosen)
    fields = [
        _named([item.column for item in broken], which[order]),
        pa.nulls(len(places), pa.string()),
        _named([item.rule for item in broken], which[order]),
        pa.nulls(len(places), pa.string()),
        values,
    ]
    starts = np.searchsorted(places[order], checked.rejected)
    return _lists(np.append(starts, len(places)), fields)


def _named(names: list[str], which: npt.NDArray[np.int32]) -> Any:
    chosen: Any = pa.array(which)
    return pa.array(names, pa.string()).take(chosen)


def _lists(offsets: npt.NDArray[np.integer[Any]], fields: list[Any]) -> Any:
    structs: Any = pa.StructArray.from_arrays(fields, fields=list(_PROBLEM))
    places: Any = pa.array(offsets.astype(np.int32))
    return pa.ListArray.from_arrays(places, structs)


def rows_of(table: pa.Table, words: Words, lines: Iterable[str | None]) -> Iterator[QuarantinedRow]:
    """The rows of a table one by one, whole; `lines` are their raw texts."""
    for known, line in zip(table.select([ROW, PROBLEMS, CELLS]).to_pylist(), lines, strict=True):
        number, cells = known[ROW], known[CELLS]
        problems = tuple(words.problem(number, problem) for problem in known[PROBLEMS])
        yield QuarantinedRow(number, problems, cells or {}, line)
