"""Reading the files departments hand in as batches of text with row numbers.

`sniff` looks at a file without loading it; `open_rows` streams it. Pure library.
"""

from chengshu.data.ingest.reading.errors import (
    BrokenFileError,
    DuplicateHeaderError,
    EmptySheetError,
    EncodingMismatchError,
    FileTooLargeError,
    MissingColumnsError,
    ReadingError,
    SuspiciousArchiveError,
    WrongFileTypeError,
)
from chengshu.data.ingest.reading.limits import ReadLimits
from chengshu.data.ingest.reading.opening import open_rows
from chengshu.data.ingest.reading.report import EncodingGuess, FileKind, FileReport, SheetReport
from chengshu.data.ingest.reading.rows import ReadOptions, RowBatch, RowReject
from chengshu.data.ingest.reading.sniffing import sniff

__all__ = [
    "BrokenFileError",
    "DuplicateHeaderError",
    "EmptySheetError",
    "EncodingGuess",
    "EncodingMismatchError",
    "FileKind",
    "FileReport",
    "FileTooLargeError",
    "MissingColumnsError",
    "ReadLimits",
    "ReadOptions",
    "ReadingError",
    "RowBatch",
    "RowReject",
    "SheetReport",
    "SuspiciousArchiveError",
    "WrongFileTypeError",
    "open_rows",
    "sniff",
]
