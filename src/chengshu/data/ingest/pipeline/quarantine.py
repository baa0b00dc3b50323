"""The file of rejected rows: kept whole, with every reason, until somebody corrects or gives them up.

It is written once and read in pieces: row groups of a few thousand rows, each knowing its lowest and highest row
number, so that a page of a million rows opens two or three of them. The file is Parquet, sealed as a whole where
the stage is given a way to seal; a file from before sealing is read all the same.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import RawIOBase
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Self, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from chengshu.data.contract.facade import TableContract
from chengshu.data.ingest.pipeline.errors import StageError
from chengshu.data.ingest.pipeline.rejects import (
    CELLS,
    LINE,
    PROBLEMS,
    ROW,
    QuarantinedRow,
    Rejects,
    Words,
    rows_of,
)
from chengshu.data.ingest.reading.rows import ROW_COLUMN, RowBatch
from chengshu.kernel.crypto.facade import is_sealed_file, open_sealed_file

PLACE = "ingest.quarantine"
GROUP_ROWS = 5_000
_TOGETHER = 20  # row groups decoded at once where all are needed
_WORDS = "chengshu.words"
# Files of earlier versions keep the cells as JSON.
_ORIGINAL, _RAW_LINE = "original", "__line__"

Numbers: TypeAlias = npt.NDArray[np.int64]
# What it returns is written from beginning to end; closing it completes the file.
Create: TypeAlias = Callable[[Path], IO[bytes] | RawIOBase]


def create_plain(path: Path) -> BinaryIO:
    """A file as it is, for work folders that hold nobody's data."""
    return path.open("wb")


class QuarantineWriter:
    """Takes tables of rejected rows; holds at most about one row group of them."""

    def __init__(self, path: Path, contract: TableContract, create: Create = create_plain) -> None:
        self.rejects = Rejects(contract)
        self._sink = cast("IO[bytes]", create(path))
        self._writer = pq.ParquetWriter(
            self._sink, self.rejects.schema, compression="zstd", write_statistics=[ROW]
        )
        self._held: list[pa.Table] = []
        self._held_rows = 0
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.cut()
            words = self.rejects.words
            document = {
                "titles": dict(words.titles), "sentences": words.sentences,
                "values": self.rejects.counts,
            }  # fmt: skip
            text = json.dumps(document, ensure_ascii=False)
            self._writer.add_key_value_metadata({_WORDS: text})
            self._writer.close()
        finally:
            self._sink.close()

    def add(self, *tables: pa.Table) -> None:
        """Write the rows of tables that belong together, in row order."""
        given = [table for table in tables if table.num_rows]
        if not given:
            return
        table = given[0] if len(given) == 1 else _sorted(pa.concat_tables(given))
        self.rows += table.num_rows
        self._held.append(table)
        self._held_rows += table.num_rows
        if self._held_rows >= GROUP_ROWS:
            held = pa.concat_tables(self._held)
            full = held.num_rows - held.num_rows % GROUP_ROWS
            self._writer.write_table(held.slice(0, full), row_group_size=GROUP_ROWS)
            self._held, self._held_rows = [held.slice(full)], held.num_rows - full

    def cut(self) -> None:
        """Write what is held, so that what comes next begins a row group."""
        if self._held_rows:
            self._writer.write_table(pa.concat_tables(self._held), row_group_size=GROUP_ROWS)
        self._held, self._held_rows = [], 0


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group and its range of row numbers."""

    index: int
    low: int
    high: int


class QuarantineFile:
    """Reads a file of rejected rows in pieces, new or old, sealed or plain. A context manager."""

    def __init__(self, path: Path) -> None:
        sealed = is_sealed_file(path)
        opened = open_sealed_file(path, place=PLACE) if sealed else path.open("rb")
        self._file = cast("IO[bytes]", opened)
        try:
            self._parquet = pq.ParquetFile(self._file)
        except BaseException:
            self._file.close()
            raise
        meta = self._parquet.metadata
        self.rows: int = meta.num_rows
        self._old = _ORIGINAL in self._parquet.schema_arrow.names
        document = json.loads((meta.metadata or {}).get(_WORDS.encode(), b"{}"))
        self.words = Words(document.get("titles", {}), document.get("sentences", {}))
        self._values = document.get("values", [])
        self._groups = []
        for index in range(meta.num_row_groups):
            known: Any = meta.row_group(index).column(0).statistics
            if meta.row_group(index).num_rows:
                self._groups.append(_Group(index, known.min, known.max))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self._parquet.close()
        self._file.close()

    def counted(self, column: str, rule: str) -> list[tuple[str | None, int]] | None:
        """All values that broke a rule in a column with their rows; None where only a scan can tell."""
        for known_column, known_rule, values in self._values:
            if (known_column, known_rule) == (column, rule):
                return [(value, rows) for value, rows in values]
        return None

    def scan(self, columns: Sequence[str], wanted: Numbers | None = None) -> Iterator[pa.Table]:
        """Columns of all rows (of at least the `wanted` ones, sorted numbers), in no order, in pieces."""
        groups = [g for g in self._groups if wanted is None or _meets(g, wanted)]
        for first in range(0, len(groups), _TOGETHER):
            yield self._read(groups[first : first + _TOGETHER], columns)

    def ordered(
        self,
        columns: Sequence[str],
        *,
        after: int | None = None,
        before: int | None = None,
        backward: bool = False,
    ) -> Iterator[pa.Table]:
        """Columns (with `row` first) of the rows beyond `after` and before `before`, in row order, in pieces.

        Backward the pieces come from the end, each of them in rising order.
        """
        groups = [
            g for g in self._groups
            if (after is None or g.high > after) and (before is None or g.low < before)
        ]  # fmt: skip
        groups.sort(key=lambda g: -g.high if backward else g.low)
        # A key conflict is found after all rows are read: their groups lie across the others.
        held: pa.Table | None = None
        for group, following in pairwise([*groups, None]):
            assert group is not None
            table = self._read([group], columns)
            held = table if held is None else _sorted(pa.concat_tables([held, table]))
            ready, held = _split(held, following, backward=backward)
            if ready.num_rows:
                yield _between(ready, after, before)

    def numbers(self) -> Numbers:
        """All row numbers, sorted."""
        found = [np.empty(0, np.int64)]
        found += [table.column(ROW).to_numpy() for table in self.scan([ROW])]
        return np.sort(np.concatenate(found))

    def pick(self, wanted: Sequence[int]) -> list[QuarantinedRow]:
        """Some rows, whole, in row order."""
        sought = np.array(sorted(set(wanted)), np.int64)
        rows: list[QuarantinedRow] = []
        for group in self._groups:
            if not _meets(group, sought):
                continue
            table = self._read([group], self.columns)
            hit = np.isin(table.column(ROW).to_numpy(), sought)
            rows += self.whole(table.filter(pa.array(hit)))
        return sorted(rows, key=lambda row: row.row)

    @property
    def columns(self) -> list[str]:
        """The columns of whole rows."""
        return [ROW, PROBLEMS, _ORIGINAL] if self._old else [ROW, PROBLEMS, CELLS, LINE]

    def whole(self, table: pa.Table) -> Iterator[QuarantinedRow]:
        """The rows of a table of all `columns`, one by one."""
        if not self._old:
            yield from rows_of(table, self.words, table.column(LINE).to_pylist())
            return
        for known in table.to_pylist():
            cells = json.loads(known[_ORIGINAL])
            line = cells.pop(_RAW_LINE, None)
            problems = tuple(self.words.problem(known[ROW], p) for p in known[PROBLEMS])
            yield QuarantinedRow(known[ROW], problems, cells, line)

    def cells(self, table: pa.Table) -> Mapping[str, Any]:
        """The cells of a table of all `columns`, by column name."""
        if not self._old:
            found: Any = table.column(CELLS).combine_chunks()
            names = [field.name for field in found.type]
            return dict(zip(names, found.flatten(), strict=True))
        texts = [row.cells for row in self.whole(table)]
        names = list(dict.fromkeys(name for cells in texts for name in cells))
        return {n: pa.array([cells.get(n) for cells in texts], pa.string()) for n in names}

    def _read(self, groups: Sequence[_Group], columns: Sequence[str]) -> pa.Table:
        return self._parquet.read_row_groups([g.index for g in groups], columns=list(columns))


def _meets(group: _Group, wanted: Numbers) -> bool:
    low, high = np.searchsorted(wanted, [group.low, group.high + 1])
    return bool(high > low)


def _sorted(table: pa.Table) -> pa.Table:
    numbers = table.column(ROW).to_numpy()
    if (numbers[1:] > numbers[:-1]).all():
        return table
    order: Any = pa.array(np.argsort(numbers))
    return table.take(order)


def _split(
    table: pa.Table, following: _Group | None, *, backward: bool
) -> tuple[pa.Table, pa.Table | None]:
    """The rows before which nothing else can come, and the rest."""
    if following is None:
        return _sorted(table), None
    table = _sorted(table)
    numbers = table.column(ROW).to_numpy()
    if backward:
        at = int(np.searchsorted(numbers, following.high, side="right"))
        return table.slice(at), table.slice(0, at) if at else None
    at = int(np.searchsorted(numbers, following.low))
    return table.slice(0, at), table.slice(at) if at < table.num_rows else None


def _between(table: pa.Table, after: int | None, before: int | None) -> pa.Table:
    numbers = table.column(ROW).to_numpy()
    low = 0 if after is None else int(np.searchsorted(numbers, after, side="right"))
    high = len(numbers) if before is None else int(np.searchsorted(numbers, before))
    return table.slice(low, max(0, high - low))


def read_quarantine(path: Path) -> Iterator[QuarantinedRow]:
    """All rejected rows in source order, streamed."""
    with QuarantineFile(path) as file:
        for table in file.ordered(file.columns):
            yield from file.whole(table)


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
    wanted = np.sort(np.fromiter(corrections, np.int64, len(corrections)))
    with QuarantineFile(path) as file:
        _check_corrections(file, corrections, wanted, set(names))
        for table in file.ordered(file.columns):
            numbers = table.column(ROW).to_numpy()
            chosen = np.isin(numbers, wanted, assume_unique=True)
            if chosen.any():
                picked = table.filter(pa.array(chosen))
                yield RowBatch(_corrected(file.cells(picked), numbers[chosen], corrections, names))


def _corrected(
    cells: Mapping[str, Any],
    numbers: Numbers,
    corrections: Mapping[int, Mapping[str, str | None]],
    names: Collection[str],
) -> pa.RecordBatch:
    changes: dict[str, dict[int, str | None]] = {}
    for place, number in enumerate(numbers.tolist()):
        for name, text in corrections[number].items():
            changes.setdefault(name, {})[place] = text
    arrays: dict[str, Any] = {ROW_COLUMN: pa.array(numbers)}
    for name in names:
        column = cells.get(name)
        if name in changes:
            texts = column.to_pylist() if column is not None else [None] * len(numbers)
            for place, text in changes[name].items():
                texts[place] = text
            column = pa.array(texts, pa.string())
        arrays[name] = pa.nulls(len(numbers), pa.string()) if column is None else column
    return pa.RecordBatch.from_pydict(arrays)


def _check_corrections(
    file: QuarantineFile,
    corrections: Mapping[int, Mapping[str, str | None]],
    wanted: Numbers,
    names: set[str],
) -> None:
    absent = np.setdiff1d(wanted, file.numbers(), assume_unique=True).tolist()
    if absent:
        listed = "、".join(map(str, absent[:10]))
        raise StageError(f"第 {listed} 行不在待修正的数据里，没有重新装载任何数据。请核对行号。")
    for row, cells in corrections.items():
        unknown = sorted(set(cells) - names)
        if unknown:
            raise StageError(
                f"第 {row} 行的修正里有未知的字段“{unknown[0]}”，没有重新装载任何数据。请核对列名。"
            )
