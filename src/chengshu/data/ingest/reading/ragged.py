"""Rows of the wrong width, waiting to be handed over: a few in memory, a million in a temporary file.

Arrow's reader tells of them while it looks for the next good row. A file in which no row has the right width is read
to its end before anything comes out.
"""

import pickle
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import astuple
from types import TracebackType
from typing import IO, Any, Self

from chengshu.data.ingest.reading.rows import RowReject

PIECE = 20_000


class RaggedRows:
    """A queue of rejects in row order, of which at most two pieces are in memory. A context manager."""

    def __init__(self) -> None:
        self._numbers = array("q")
        self._taken = 0
        self._first: list[RowReject] = []
        self._last: list[RowReject] = []
        self._file: IO[bytes] | None = None
        self._read_at = 0
        self._pieces = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        return len(self._numbers) - self._taken

    def number(self, place: int) -> int:
        """The row number of the reject at a place in the queue."""
        return self._numbers[self._taken + place]

    def put(self, reject: RowReject) -> None:
        """Add the next one."""
        self._numbers.append(reject.row)
        self._last.append(reject)
        if len(self._last) >= PIECE:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
            self._file.seek(0, 2)
            pickle.dump([astuple(one) for one in self._last], self._file)
            self._pieces += 1
            self._last = []

    def take(self, count: int) -> Iterator[tuple[RowReject, ...]]:
        """The next ``count``, in pieces."""
        while count > 0:
            if not self._first:
                self._first = self._next_piece()
            part = self._first[:count]
            del self._first[:count]
            self._taken += len(part)
            count -= len(part)
            yield tuple(part)
        if self._taken == len(self._numbers):
            self._numbers, self._taken = array("q"), 0

    def _next_piece(self) -> list[RowReject]:
        if not self._pieces:
            piece, self._last = self._last, []
            return piece
        assert self._file is not None
        self._file.seek(self._read_at)
        known: list[tuple[Any, ...]] = pickle.load(self._file)  # noqa: S301 - our own, without a name
        self._read_at = self._file.tell()
        self._pieces -= 1
        if not self._pieces:
            self._read_at = 0
            self._file.truncate(0)
        return [RowReject(*one) for one in known]
