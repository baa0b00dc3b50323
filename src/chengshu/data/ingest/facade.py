"""What other data packages use of collection: sources in scope, their structure, rows, counts and checksums."""

from chengshu.data.ingest import loading
from chengshu.data.ingest.batch_panels import batch_panels, register_batch_panel
from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.loading import lake
from chengshu.data.ingest.masking import Mask, masked, masks_of
from chengshu.data.ingest.models import (
    Batch,
    BatchProblem,
    Collected,
    DataSource,
    QuarantineDecision,
    TakenFile,
)
from chengshu.data.ingest.pipeline import (
    STAMPS,
    StageCancelledError,
    StageError,
    WriteMode,
    stage,
    stamp_of,
    stamp_range,
)
from chengshu.data.ingest.pipeline.result import RESULT_FILE
from chengshu.data.ingest.quarantined import problem_lists, quarantine_file
from chengshu.data.ingest.reading import ReadingError, ReadOptions, RowBatch, open_rows, sniff
from chengshu.data.ingest.selectors import batches, exchange_sources, source, sources
from chengshu.data.ingest.services.clearing import clear, register_readers
from chengshu.data.ingest.services.collecting import collect
from chengshu.data.ingest.services.extraction import (
    batch_rows,
    checksum,
    clock,
    count,
    exchange,
    highest,
    object_name,
    pending_files,
    read,
    structure,
)
from chengshu.data.ingest.services.sources import (
    objects,
    propose_mapping,
    register_source,
    sample,
)
from chengshu.data.ingest.services.uploads import check_mapping
from chengshu.data.ingest.source_actions import register_source_action
from chengshu.data.ingest.sources import (
    Checksum,
    Connector,
    DropConnector,
    ExchangeFolder,
    Reason,
    SourceColumn,
    SourceError,
    SourceObject,
    SourceStructure,
    Window,
    connector,
    connectors,
)
from chengshu.data.ingest.sources.sql import duckdb_digest

__all__ = [
    "RESULT_FILE",
    "STAMPS",
    "Batch",
    "BatchProblem",
    "BatchState",
    "Checksum",
    "Collected",
    "Connector",
    "DataSource",
    "DropConnector",
    "ExchangeFolder",
    "Mask",
    "Origin",
    "QuarantineDecision",
    "ReadOptions",
    "ReadingError",
    "Reason",
    "RowBatch",
    "SourceColumn",
    "SourceError",
    "SourceObject",
    "SourceStructure",
    "StageCancelledError",
    "StageError",
    "TakenFile",
    "Window",
    "WriteMode",
    "batch_panels",
    "batch_rows",
    "batches",
    "check_mapping",
    "checksum",
    "clear",
    "clock",
    "collect",
    "connector",
    "connectors",
    "count",
    "duckdb_digest",
    "exchange",
    "exchange_sources",
    "highest",
    "lake",
    "loading",
    "masked",
    "masks_of",
    "object_name",
    "objects",
    "open_rows",
    "pending_files",
    "problem_lists",
    "propose_mapping",
    "quarantine_file",
    "read",
    "register_batch_panel",
    "register_readers",
    "register_source",
    "register_source_action",
    "sample",
    "sniff",
    "source",
    "sources",
    "stage",
    "stamp_of",
    "stamp_range",
    "structure",
]
