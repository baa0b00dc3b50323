# ruff: noqa: S608 - statements are built from quoted identifiers and literals only
"""Rows of one source that share a key: exact repeats are duplicates, others are conflicts.

Most sources repeat no key, or few. The rows that may share one are found from the keys alone; only
those are compared whole, in the engine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import dataset, ipc

from chengshu.data.contract.facade import ROW_COLUMN, TableContract, identifier
from chengshu.data.ingest.pipeline.engine import Engine
from chengshu.data.ingest.pipeline.rejects import Rejects
from chengshu.data.ingest.reading.rows import ROW_COLUMN as SOURCE_ROW

SPOOL_VIEW = "spool"
# No data item begins with an underscore.
_FIRST = "_first_row"
_FETCH_ROWS = 10_000
_SEARCHED_ROWS = 2_000_000  # beyond, the engine groups the keys: it can spill to disk
_FEW_ROWS = 2_000  # up to here reading them is quicker than planning the engine's statements
_DUPLICATES = pa.schema([("row", pa.int64()), ("first_row", pa.int64())])

Positions: TypeAlias = npt.NDArray[np.intp]
_NONE: Positions = np.empty(0, dtype=np.intp)


@dataclass(frozen=True, slots=True)
class Repeats:
    """Later rows of a key: `same` (row, first_row) repeat the first one, the others contradict it."""

    same: pa.Table
    conflicts: int


class KeyCheck:
    """Finds repeated keys among the rows of an accepted file.

    The first row of a key stays. A later row equal in every column (after normalising) is a
    duplicate; a later row that differs conflicts with the first.
    """

    def __init__(self, engine: Engine, contract: TableContract) -> None:
        self._engine = engine
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._contract = contract

    def run(self, path: Path) -> Repeats:
        """Compare the rows of the file at `path`."""
        found = _suspects(path, self._contract.key) if self._contract.key else _NONE
        if found is not None and not len(found):
            return Repeats(_DUPLICATES.empty_table(), 0)
        if found is None:
            self._connection = self._engine.connect(None)
            self._compare(self._connection, dataset.dataset(str(path), format="ipc"))
        else:
            with pa.OSFile(str(path), "r") as source:
                few = _rows_at(ipc.open_file(source), found)
            if few.num_rows <= _FEW_ROWS:
                settled = _exact_repeats(few, self._contract.key)
                if settled is not None:
                    return Repeats(settled, 0)
            self._connection = self._engine.connect(len(found))
            self._compare(self._connection, few)
        same = self._connection.sql(
            f"SELECT {ROW_COLUMN} AS row, first_row FROM repeats WHERE same ORDER BY row"
        ).to_arrow_table()
        counted: Any = self._connection.execute(
            "SELECT count(*) FROM repeats WHERE NOT same"
        ).fetchall()
        return Repeats(same.cast(_DUPLICATES), counted[0][0])

    def _compare(self, connection: duckdb.DuckDBPyConnection, rows: Any) -> None:
        """Fill the table `repeats(_row, first_row, same)` from an Arrow table or dataset."""
        run = connection.execute
        keys = ", ".join(identifier(name) for name in self._contract.key)
        names = [identifier(column.name) for column in self._contract.columns]
        equal = " AND ".join(f"later.{name} IS NOT DISTINCT FROM first.{name}" for name in names)
        connection.register(SPOOL_VIEW, rows)
        run(
            # Numbers group several times faster than texts; a collision only costs a second look.
            f"CREATE TEMP TABLE alike AS SELECT hash({keys}) AS h "
            f"FROM {SPOOL_VIEW} GROUP BY h HAVING count(*) > 1"
        )
        run(
            f"CREATE TEMP TABLE repeated AS SELECT {keys}, min({ROW_COLUMN}) AS first_row "
            f"FROM {SPOOL_VIEW} WHERE hash({keys}) IN (SELECT h FROM alike) "
            f"GROUP BY {keys} HAVING count(*) > 1"
        )
        run(
            f"CREATE TEMP TABLE suspects AS SELECT {SPOOL_VIEW}.*, repeated.first_row "
            f"FROM {SPOOL_VIEW} JOIN repeated USING ({keys})"
        )
        connection.unregister(SPOOL_VIEW)
        run(
            f"CREATE TEMP TABLE repeats AS SELECT later.{ROW_COLUMN}, later.first_row, {equal} AS same "
            f"FROM suspects later JOIN suspects first ON first.{ROW_COLUMN} = later.first_row "
            f"WHERE later.{ROW_COLUMN} <> later.first_row"
        )

    @property
    def column(self) -> str:
        """The column a conflict is about; "" for a key of several."""
        return self._contract.key[0] if len(self._contract.key) == 1 else ""

    def conflicts(self, rejects: Rejects) -> Iterator[pa.Table]:
        """The conflicting rows that `run` found, in pieces, as tables of rejected rows."""
        if self._connection is None:
            return
        names = [identifier(column.name) for column in self._contract.columns]
        cells = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" for name in names)
        found = self._connection.sql(
            f"SELECT {ROW_COLUMN} AS {SOURCE_ROW}, first_row AS {_FIRST}, {cells} FROM suspects "
            f"JOIN (SELECT {ROW_COLUMN} FROM repeats WHERE NOT same) USING ({ROW_COLUMN}) "
            f"ORDER BY {ROW_COLUMN}"
        )
        for batch in found.to_arrow_reader(_FETCH_ROWS):
            yield rejects.from_conflicts(batch, batch.column(_FIRST).to_pylist())


def _suspects(path: Path, key: tuple[str, ...]) -> Positions | None:
    """Positions of rows whose key may stand elsewhere too; None when the engine has to search.

    Read, not mapped: pages of a large file would count as this process's memory until they are taken away.
    """
    with pa.OSFile(str(path), "r") as source:
        schema = ipc.open_file(source).schema
        fields = [schema.get_field_index(name) for name in key]
        spool = ipc.open_file(source, options=ipc.IpcReadOptions(included_fields=fields))
        if len(key) == 1 and (found := _neighbours(spool, key[0])) is not None:
            return found
        rows = sum(spool.get_batch(i).num_rows for i in range(spool.num_record_batches))
        if rows > _SEARCHED_ROWS:
            return None
        batches = [spool.get_batch(i) for i in range(spool.num_record_batches)]
    columns: list[Any] = [
        pa.chunked_array([batch.column(name) for batch in batches], schema.field(name).type)
        for name in key
    ]
    marks, size = np.zeros(rows, dtype=np.int64), 1
    for column in columns:
        coded: Any = column.combine_chunks().dictionary_encode()
        size *= max(1, len(coded.dictionary))
        if size > np.iinfo(np.int64).max:
            return None
        marks = marks * len(coded.dictionary) + coded.indices.to_numpy()
    ordered = np.sort(marks)
    return np.flatnonzero(np.isin(marks, ordered[1:][ordered[1:] == ordered[:-1]]))


def _neighbours(spool: ipc.RecordBatchFileReader, name: str) -> Positions | None:
    """Rows with the key of a neighbour, when keys arrive in order and cannot repeat elsewhere."""
    found, last, rows = [_NONE], None, 0
    for index in range(spool.num_record_batches):
        column: Any = spool.get_batch(index).column(name)
        if pa.types.is_boolean(column.type):
            return None
        if not len(column):
            continue
        known = column if last is None else pa.concat_arrays([last, column])
        before, after = known.slice(0, len(known) - 1), known.slice(1)
        rising: Any = pc.less_equal(before, after)
        if not pc.all(rising, min_count=0).as_py():
            return None
        same: Any = pc.equal(before, after)
        later = np.flatnonzero(same.to_numpy(zero_copy_only=False))
        later += rows if last is None else rows - 1
        found += [later, later + 1]
        # A copy of one key: a slice would keep its whole batch.
        last, rows = pa.array([column[-1].as_py()], column.type), rows + len(column)
    return np.unique(np.concatenate(found))


def _rows_at(spool: ipc.RecordBatchFileReader, positions: Positions) -> pa.Table:
    """The rows at sorted positions of a file."""
    parts, first = [], 0
    for index in range(spool.num_record_batches):
        batch = spool.get_batch(index)
        low, high = np.searchsorted(positions, [first, first + batch.num_rows])
        parts.append(batch.take(positions[low:high] - first))
        first += batch.num_rows
    return pa.Table.from_batches(parts, schema=spool.schema)


def _exact_repeats(rows: pa.Table, key: tuple[str, ...]) -> pa.Table | None:
    """(row, first_row) of rows that repeat the first of their key in every column; None when one differs."""
    first: dict[tuple[Any, ...], dict[str, Any]] = {}
    found: list[dict[str, int]] = []
    for row in rows.sort_by(ROW_COLUMN).to_pylist():
        number = row.pop(ROW_COLUMN)
        earlier = first.setdefault(tuple(row[name] for name in key), {"number": number, "row": row})
        if earlier["number"] == number:
            continue
        if earlier["row"] != row:
            return None
        found.append({"row": number, "first_row": earlier["number"]})
    return pa.Table.from_pylist(sorted(found, key=itemgetter("row")), schema=_DUPLICATES)
