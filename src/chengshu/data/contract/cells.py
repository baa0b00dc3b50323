"""A text column as bytes: numpy views over Arrow's buffers, and the cleaning every cell gets.

Most cells of most deliveries need no cleaning at all. Looking at the first and the last byte of every
value tells which ones may, so that only those are taken apart and the rest is not even copied.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chengshu.data.contract.model import ArrowColumn

BLANKS = " \t\r\n\v\f\u00a0\u2002\u2003\u2009\u200b\u202f\u3000\ufeff"
NULL_WORDS = ("", "NULL", "null", "(null)", "\\N")

Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int32]

_LONGEST_NULL_WORD = max(map(len, NULL_WORDS))


def _marked(values: bytes) -> Flags:
    table = np.zeros(256, dtype=np.bool_)
    table[list(values)] = True
    return table


_MAY_START_BLANK = _marked(bytes({blank.encode()[0] for blank in BLANKS}))
_MAY_END_BLANK = _marked(bytes({blank.encode()[-1] for blank in BLANKS}))
_MAY_START_NULL = _marked(bytes({word.encode()[0] for word in NULL_WORDS if word}))


class Cells:
    """The bytes of a text column: value i is `data[starts[i]:ends[i]]`; missing ones have length 0."""

    def __init__(self, column: ArrowColumn) -> None:
        self.count = len(column)
        _, offsets, data = column.buffers()
        self.offsets: Offsets = (
            np.frombuffer(offsets, np.int32, self.count + 1, column.offset * 4)
            if self.count
            else np.zeros(1, dtype=np.int32)
        )
        self.data: Bytes = (
            np.frombuffer(data, np.uint8)[: self.offsets[-1]]
            if data is not None
            else np.empty(0, dtype=np.uint8)
        )
        self.starts, self.ends = self.offsets[:-1], self.offsets[1:]
        self.lengths: Offsets = self.ends - self.starts
        self.null: Flags = column.is_null().to_numpy(zero_copy_only=False)
        self.lengths[self.null] = 0
        self.missing: Flags = self.lengths == 0

    @property
    def used(self) -> Bytes:
        """The bytes of all values, end to end."""
        return self.data[self.offsets[0] :]

    def byte(self, places: npt.NDArray[np.integer]) -> Bytes:
        """The bytes at absolute places; a place outside the data gives a byte of no meaning."""
        if not len(self.data):
            return np.zeros(len(places), dtype=np.uint8)
        found: Bytes = self.data.take(places, mode="clip")
        return found

    def rows_at(self, places: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """The rows whose values hold these absolute places."""
        return np.searchsorted(self.offsets, places, side="right") - 1

    def rows_with(self, value: int) -> npt.NDArray[np.intp]:
        """Rows whose value contains a byte."""
        hits = np.flatnonzero(self.used == value)
        return self.rows_at(hits + int(self.offsets[0])) if len(hits) else hits


def buffer(values: Any) -> pa.Buffer:
    """The memory of a numpy array (the stubs do not know that it is one)."""
    return pa.py_buffer(values)


def validity(present: Flags, offset: int = 0) -> pa.Buffer:
    """Arrow's validity bitmap."""
    padded = np.concatenate([np.zeros(offset, np.bool_), present]) if offset else present
    return buffer(np.packbits(padded, bitorder="little"))


def column_of(kind: pa.DataType, present: Flags, *parts: Any) -> ArrowColumn:
    """An Arrow array of `kind` over numpy arrays, null where not present."""
    buffers: list[pa.Buffer | None] = [validity(present), *map(buffer, parts)]
    return pa.Array.from_buffers(kind, len(present), buffers)


def trim(column: ArrowColumn) -> ArrowColumn:
    """Without surrounding blanks; empty cells and null words become null."""
    if column.type != pa.string():
        column = column.cast(pa.string())
    cells = Cells(column)
    suspects = _suspects(cells)
    if len(suspects):
        places: ArrowColumn = pa.array(suspects)
        before = column.take(places)
        after = _trim_each(before)
        if not after.equals(before):
            mask = np.zeros(cells.count, dtype=np.bool_)
            mask[suspects] = True
            column = pc.replace_with_mask(column, pa.array(mask), after)
            cells = Cells(column)
    empty = int(cells.missing.sum())
    if empty == column.null_count:
        return column
    _, offsets, data = column.buffers()
    bitmap = validity(~cells.missing, column.offset)
    buffers = [bitmap, offsets, data]
    return pa.Array.from_buffers(pa.string(), cells.count, buffers, empty, column.offset)


def _suspects(cells: Cells) -> npt.NDArray[np.intp]:
    """Rows that may begin or end with a blank or be a null word."""
    first = cells.byte(cells.starts)
    found = _MAY_START_BLANK[first]
    found |= _MAY_START_NULL[first] & (cells.lengths <= _LONGEST_NULL_WORD)
    rows = np.flatnonzero(_MAY_END_BLANK[cells.byte(cells.ends - 1)] & ~found)
    if len(rows):
        ends = cells.ends[rows]
        last, second, third = (cells.byte(ends - back) for back in (1, 2, 3))
        # A continuation byte ends a blank only where a blank's first byte stands before it.
        blank = (last < 0x80) | _MAY_START_BLANK[second] | _MAY_START_BLANK[third]  # noqa: PLR2004
        found[rows[blank]] = True
    return np.flatnonzero(found & ~cells.missing)


def _trim_each(column: ArrowColumn) -> ArrowColumn:
    trimmed = pc.utf8_trim(column, characters=BLANKS)
    empty = pc.is_in(trimmed, value_set=pa.array(NULL_WORDS))
    return pc.if_else(empty, pa.scalar(None, pa.string()), trimmed)
