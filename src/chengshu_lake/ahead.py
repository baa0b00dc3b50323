"""Writing ahead of the comparison: the first rows of a table that arrive in key order.

A department's first delivery is mostly sorted by its key. Then the order itself proves that no key stands
twice, and the files need no sort: the rows go from the input to the disk in one pass.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chengshu_lake.columns import fit
from chengshu_lake.parquet import ROW_GROUP, NewFiles
from chengshu_lake.storage import Storage


class NoLongerEmpty(Exception):
    """Someone else wrote the first rows meanwhile."""


@dataclass(slots=True)
class Ahead:
    """Rows written before anything was compared, and the input that is left (None: nothing)."""

    new: NewFiles
    schema: pa.Schema
    rest: Iterator[pa.RecordBatch] | None = None

    def rising(
        self, batches: Iterator[pa.RecordBatch], key: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """The batches while every key is greater than all before it, which also makes it unique."""
        last: pa.RecordBatch | None = None
        for batch in batches:
            if not _rises(batch, last, key):
                self.rest = chain([batch], batches)
                return
            last = batch.slice(batch.num_rows - 1)
            yield batch

    def all_batches(self, storage: Storage, work: Path) -> Iterator[pa.RecordBatch]:
        """What was written and what is left, in the order of the input."""
        for action in self.new.actions:
            path = storage.local_copy(self.new.table, action.path, work)
            for batch in pq.ParquetFile(path).iter_batches(ROW_GROUP, columns=self.schema.names):
                yield fit(batch, self.schema)
        yield from self.rest or ()


def _rises(batch: pa.RecordBatch, last: pa.RecordBatch | None, key: Sequence[str]) -> bool:
    """Whether the rows are in strictly rising key order, above the row ``last`` if there is one.

    False also when that would need more than a look at the first key column, or for a kind of key
    that Arrow and the files' readers might order differently.
    """
    column: Any = batch.column(key[0])
    if not _in_plain_order(column.type):
        return False
    if last is not None:
        column = pa.concat_arrays([last.column(key[0]), column])
    above: Any = pc.less(column.slice(0, len(column) - 1), column.slice(1))
    return bool(pc.all(above, min_count=0).as_py())


def _in_plain_order(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_date(kind)
