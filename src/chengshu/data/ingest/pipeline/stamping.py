"""Where a row of the lake came from: the batch that wrote it and its row number in that source.

Both columns start with the lake's stamp prefix: they are written with the row and never compared, so a
row that arrives unchanged keeps its first stamp. Nobody shares, opens or previews them: consumers read the
columns of the catalogue, whose names cannot start with an underscore.
"""

from collections.abc import Iterator
from enum import StrEnum
from uuid import UUID

import pyarrow as pa

from chengshu.data.contract.facade import ROW_COLUMN
from chengshu.data.ingest.pipeline.result import StageResult

BATCH_COLUMN = "_batch"
# Half of a UUID's digits: short in every row, and still unique among a city's batches.
STAMP_DIGITS = 16
STAMPS = (pa.field(BATCH_COLUMN, pa.string()), pa.field(ROW_COLUMN, pa.int64()))


class WriteMode(StrEnum):
    """How the rows of a batch go into the lake.

    ``merge``: upsert by key. ``sync``: the same, and keys the batch lacks are removed. ``overwrite``: all
    rows replaced. ``append``: added; a row whose key is known stays as it is.
    """

    MERGE = "merge"
    SYNC = "sync"
    OVERWRITE = "overwrite"
    APPEND = "append"


def stamp_of(batch: UUID) -> str:
    """The short name of a batch as its rows carry it."""
    return batch.hex[:STAMP_DIGITS]


def stamp_range(stamp: str) -> tuple[UUID, UUID]:
    """The smallest and the greatest identifier a batch of this stamp can have.

    Raises:
        ValueError: not a stamp.
    """
    rest = 32 - len(stamp)
    return UUID(hex=stamp + "0" * rest), UUID(hex=stamp + "f" * rest)


def stamped(staged: StageResult, columns: list[str], stamp: str) -> pa.RecordBatchReader:
    """The accepted rows with their stamps, streamed."""
    reader = staged.reader([*columns, ROW_COLUMN])
    schema = pa.schema([*(reader.schema.field(name) for name in columns), *STAMPS])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            arrays = [batch.column(name) for name in columns]
            arrays += [pa.repeat(stamp, batch.num_rows), batch.column(ROW_COLUMN)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())
