"""One door for files: by kind, to the reader that streams it."""

from collections.abc import Iterator
from pathlib import Path

from chengshu.data.ingest.reading.json_file import open_json
from chengshu.data.ingest.reading.kinds import detect_kind
from chengshu.data.ingest.reading.limits import DEFAULT_LIMITS, ReadLimits
from chengshu.data.ingest.reading.parquet_file import open_parquet
from chengshu.data.ingest.reading.report import FileKind
from chengshu.data.ingest.reading.rows import ReadOptions, RowBatch
from chengshu.data.ingest.reading.sheets import open_sheet
from chengshu.data.ingest.reading.text import open_text


def open_rows(
    path: Path, options: ReadOptions, limits: ReadLimits = DEFAULT_LIMITS
) -> Iterator[RowBatch]:
    """Stream a file as text batches with source row numbers, in bounded memory.

    Raises ReadingError (see `errors`) at the first `next()` for faults of the whole file, later
    only for damage found on the way.
    """
    kind = detect_kind(path, limits)
    if kind is FileKind.TEXT:
        yield from open_text(path, options, limits)
    elif kind is FileKind.PARQUET:
        yield from open_parquet(path, options, limits)
    elif kind is FileKind.JSON:
        yield from open_json(path, options, limits)
    else:
        yield from open_sheet(path, kind, options, limits)
