"""From text batches to staged Parquet: validated, de-duplicated, balanced; and back from quarantine.

source = accepted + quarantined + duplicates, for every batch, or the stage fails. Pure library.
"""

from chengshu.data.ingest.pipeline.errors import StageCancelledError, StageError
from chengshu.data.ingest.pipeline.quarantine import QuarantineFile, read_quarantine, replay
from chengshu.data.ingest.pipeline.rejects import Problem, QuarantinedRow
from chengshu.data.ingest.pipeline.result import StageLimits, StageProgress, StageResult
from chengshu.data.ingest.pipeline.staging import stage
from chengshu.data.ingest.pipeline.stamping import (
    STAMPS,
    WriteMode,
    stamp_of,
    stamp_range,
    stamped,
)
from chengshu.data.ingest.pipeline.workbook import (
    EXPORT_ROWS,
    export_quarantine,
    neutralise,
    read_corrections,
)

__all__ = [
    "EXPORT_ROWS",
    "STAMPS",
    "Problem",
    "QuarantineFile",
    "QuarantinedRow",
    "StageCancelledError",
    "StageError",
    "StageLimits",
    "StageProgress",
    "StageResult",
    "WriteMode",
    "export_quarantine",
    "neutralise",
    "read_corrections",
    "read_quarantine",
    "replay",
    "stage",
    "stamp_of",
    "stamp_range",
    "stamped",
]
