"""Rejected rows: kept whole, with every reason, until somebody corrects or gives them up."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from chengshu.data.contract.facade import RULES, CheckedBatch, TableContract, render
from chengshu.data.ingest.pipeline.errors import StageError
from chengshu.data.ingest.reading.rows import ROW_COLUMN, RowBatch, RowReject

RAW_LINE = "__line__"
_PROBLEM = pa.struct(
    [
        pa.field("column", pa.string()),
        pa.field("title", pa.string()),
        pa.field("rule", pa.string()),
        pa.field("message", pa.string()),
        pa.field("value", pa.string()),
    ]
)
SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("problems", pa.list_(_PROBLEM), nullable=False),
        pa.field("original", pa.string(), nullable=False),
    ]
)
_READ_ROWS = 10_000


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


class QuarantineWriter:
    """Appends rejected rows to a Parquet file."""

    def __init__(self, path: Path, contract: TableContract) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self._titles = {column.name: column.title for column in contract.columns}
        self._contract = contract
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def add(self, rows: list[QuarantinedRow]) -> None:
        """Write rows (a row group each call)."""
        if not rows:
            return
        table = pa.Table.from_pylist(
            [
                {
                    "row": row.row,
                    "problems": [
                        {name: getattr(problem, name) for name in Problem.__slots__}
                        for problem in row.problems
                    ],
                    "original": json.dumps(
                        row.cells if row.line is None else {RAW_LINE: row.line}, ensure_ascii=False
                    ),
                }
                for row in rows
            ],
            schema=SCHEMA,
        )
        self._writer.write_table(table)
        self.rows += len(rows)

    def from_check(self, batch: pa.RecordBatch, checked: CheckedBatch) -> list[QuarantinedRow]:
        """The rows of a checked batch that broke a rule, with their original cells."""
        problems: dict[int, list[Problem]] = {}
        for v in checked.violations:
            column = self._contract.column(v.column)
            message = render(RULES[v.rule], row=v.row, column=column, value=v.value)
            problem = Problem(v.column, column.title, v.rule, message, v.value)
            problems.setdefault(v.position, []).append(problem)
        chosen: Any = pa.array(checked.rejected)
        originals: list[dict[str, Any]] = batch.take(chosen).to_pylist()
        rows = []
        for position, cells in zip(checked.rejected.tolist(), originals, strict=True):
            number = cells.pop(ROW_COLUMN)
            rows.append(QuarantinedRow(number, tuple(problems[position]), cells))
        return rows

    def from_reject(self, reject: RowReject) -> QuarantinedRow:
        """A row the reader could not turn into cells."""
        column = reject.column or ""
        title = self._titles.get(column, "")
        problem = Problem(column, title, reject.rule, reject.message, reject.text)
        line = reject.text if reject.cells is None else None
        return QuarantinedRow(reject.row, (problem,), reject.cells or {}, line)


def read_quarantine(path: Path) -> Iterator[QuarantinedRow]:
    """All rejected rows in source order, streamed."""
    with duckdb.connect() as connection:
        result: Any = connection.execute("SELECT * FROM read_parquet(?) ORDER BY row", [str(path)])
        while rows := result.fetchmany(_READ_ROWS):
            for row, problems, original in rows:
                cells = json.loads(original)
                line = cells.pop(RAW_LINE, None)
                yield QuarantinedRow(row, tuple(Problem(**p) for p in problems), cells, line)


def replay(
    path: Path,
    corrections: Mapping[int, Mapping[str, str | None]],
    contract: TableContract,
) -> Iterator[RowBatch]:
    """The corrected rows as batches under their original row numbers, ready for `stage` again.

    `corrections` maps row number → column name → new text; an empty inner mapping replays the row
    as it is. Raises StageError for a row that is not in quarantine or an unknown column.
    """
    names = [column.name for column in contract.columns]
    _check_corrections(path, corrections, set(names))
    fields: dict[str, pa.DataType] = {ROW_COLUMN: pa.int64()}
    fields |= dict.fromkeys(names, pa.string())
    schema = pa.schema(fields)
    wanted = (row for row in read_quarantine(path) if row.row in corrections)
    while chunk := list(islice(wanted, _READ_ROWS)):
        rows = [{ROW_COLUMN: row.row, **row.cells, **corrections[row.row]} for row in chunk]
        yield RowBatch(pa.RecordBatch.from_pylist(rows, schema=schema))


def _check_corrections(
    path: Path, corrections: Mapping[int, Mapping[str, str | None]], names: set[str]
) -> None:
    known = set(pq.read_table(path, columns=["row"]).column("row").to_pylist())
    absent = sorted(set(corrections) - known)
    if absent:
        listed = "、".join(map(str, absent[:10]))
        raise StageError(f"第 {listed} 行不在待修正的数据里，没有重新装载任何数据。请核对行号。")
    for row, cells in corrections.items():
        unknown = sorted(set(cells) - names)
        if unknown:
            raise StageError(
                f"第 {row} 行的修正里有未知的字段“{unknown[0]}”，没有重新装载任何数据。请核对列名。"
            )
