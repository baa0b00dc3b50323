"""Limits, progress and outcome of a stage."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ipc

from chengshu.data.contract.facade import ROW_COLUMN
from chengshu.data.ingest.pipeline.errors import StageError

RESULT_FILE = "result.json"
ACCEPTED_FILE = "spool.arrow"
QUARANTINE_FILE = "quarantine.parquet"
DUPLICATES_FILE = "duplicates.parquet"
CONFLICTS_FILE = "conflicts.parquet"


@dataclass(frozen=True, kw_only=True, slots=True)
class StageLimits:
    """Memory of the embedded engine (beyond it spills to the work folder) and its threads."""

    memory: str = "512MB"
    threads: int = 2


@dataclass(frozen=True, slots=True)
class StageProgress:
    """Counts so far; `fraction` of the source read (0 to 1), None when unknown.

    Duplicates are known only after the last batch: until then they count as accepted.
    """

    source: int
    accepted: int
    quarantined: int
    fraction: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StageResult:
    """Outcome of a stage; source == accepted + quarantined + duplicates, always.

    `violations` counts broken rules by (column name, rule key); the column is "" for row rules.
    `accepted_path` is an Arrow file of the typed rows and `_row` in source order, in which rows that
    repeat a key still stand: read it through `reader`. `schema` is its Arrow schema.
    """

    source: int
    accepted: int
    quarantined: int
    duplicates: int
    violations: Mapping[tuple[str, str], int]
    accepted_path: Path
    quarantine_path: Path
    duplicates_path: Path
    schema: pa.Schema

    def __post_init__(self) -> None:
        if self.source != self.accepted + self.quarantined + self.duplicates:
            raise StageError(
                f"装载不平衡：来源 {self.source:,} 行，接收 {self.accepted:,} 行，"
                f"待修正 {self.quarantined:,} 行，重复 {self.duplicates:,} 行。"
                "装载已撤销，没有载入任何数据；请联系运维并保留源文件。"
            )

    def reader(self, columns: list[str] | None = None) -> pa.RecordBatchReader:
        """Stream the accepted rows (with `_row`, or only `columns`) with the contract's schema."""
        schema = pa.schema([self.schema.field(name) for name in columns or self.schema.names])
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema))

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        left_out = self._left_out()
        with pa.OSFile(str(self.accepted_path), "r") as source:
            file = ipc.open_file(source)
            for index in range(file.num_record_batches):
                batch = file.get_batch(index)
                rows = batch.column(ROW_COLUMN).to_numpy()
                chosen = batch.select(schema.names)
                if len(left_out) and len(rows):
                    near = left_out[(left_out >= rows.min()) & (left_out <= rows.max())]
                    if len(near):
                        chosen = chosen.filter(pa.array(~np.isin(rows, near)))
                yield chosen

    def _left_out(self) -> npt.NDArray[np.int64]:
        """Rows of the accepted file that are duplicates, or in quarantine for a key conflict."""
        conflicts = self.duplicates_path.with_name(CONFLICTS_FILE)
        # A stage of an earlier version, waiting for somebody's word, has them among the rejected rows.
        others = conflicts if conflicts.is_file() else self.quarantine_path
        return np.concatenate(
            [
                pq.read_table(path, columns=["row"]).column("row").to_numpy()
                for path in (self.duplicates_path, others)
            ]
        )

    def save(self, workdir: Path) -> None:
        """Write `result.json` last and durably: its presence says the stage is complete."""
        document = {
            "source": self.source,
            "accepted": self.accepted,
            "quarantined": self.quarantined,
            "duplicates": self.duplicates,
            "violations": [[*key, count] for key, count in sorted(self.violations.items())],
        }
        temporary = workdir / (RESULT_FILE + ".part")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(workdir / RESULT_FILE)

    @classmethod
    def load(cls, workdir: Path, schema: pa.Schema) -> "StageResult | None":
        """The outcome of a complete stage in `workdir`; None when there is none."""
        try:
            document = json.loads((workdir / RESULT_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(
            source=document["source"],
            accepted=document["accepted"],
            quarantined=document["quarantined"],
            duplicates=document["duplicates"],
            violations={(column, rule): n for column, rule, n in document["violations"]},
            accepted_path=workdir / ACCEPTED_FILE,
            quarantine_path=workdir / QUARANTINE_FILE,
            duplicates_path=workdir / DUPLICATES_FILE,
            schema=schema,
        )
