"""The lake engine: Delta Lake tables written with delta-rs and PyArrow, queried with DuckDB.

A pure library. Entry point is :class:`Lake`; everything moves as Arrow record batches in bounded
memory, several processes may read and write the same tables, and a killed writer leaves nothing
visible. The tables are plain Delta tables, readable and writable by Spark and others.
"""

from chengshu_lake.columns import ArrowInput
from chengshu_lake.errors import (
    BadQuery,
    BadTableName,
    CommitConflict,
    DuplicateKeys,
    KeyMissing,
    LakeError,
    NoSpace,
    SchemaMismatch,
    TableExists,
    TableMissing,
    TooManyDeleted,
    UnsupportedTable,
    VersionMissing,
)
from chengshu_lake.lake import Lake
from chengshu_lake.names import STAMP_PREFIX, ZONES, TableAt
from chengshu_lake.results import CompactResult, HistoryEntry, TableStats, WriteResult

__all__ = [
    "STAMP_PREFIX",
    "ZONES",
    "ArrowInput",
    "BadQuery",
    "BadTableName",
    "CommitConflict",
    "CompactResult",
    "DuplicateKeys",
    "HistoryEntry",
    "KeyMissing",
    "Lake",
    "LakeError",
    "NoSpace",
    "SchemaMismatch",
    "TableAt",
    "TableExists",
    "TableMissing",
    "TableStats",
    "TooManyDeleted",
    "UnsupportedTable",
    "VersionMissing",
    "WriteResult",
]
