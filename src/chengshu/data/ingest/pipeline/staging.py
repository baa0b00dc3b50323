# ruff: noqa: S608 - statements are built from quoted identifiers and literals only
"""The stage itself: check every batch, spool what passes, settle keys, write Parquet, balance.

Everything happens in a work folder of its own; a stage that fails, is cancelled or is killed leaves
nothing but that folder, and starting again clears it. `result.json` is written last.
"""

import shutil
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import dataset, ipc

from chengshu.data.ingest.pipeline.errors import StageCancelledError, StageError, explain
from chengshu.data.ingest.pipeline.keys import SPOOL_VIEW, KeyCheck
from chengshu.data.ingest.pipeline.quarantine import QuarantineWriter
from chengshu.data.ingest.pipeline.result import (
    ACCEPTED_FILE,
    DUPLICATES_FILE,
    QUARANTINE_FILE,
    StageLimits,
    StageProgress,
    StageResult,
)
from chengshu.data.ingest.reading.rows import RowBatch
from chengshu.data.quality.facade import ROW_COLUMN, CheckedBatch, CompiledContract, literal

_MARKER = ".chengshu-stage"
_SPOOL_FILE = "spool.arrow"
_SPILL_FOLDER = "spill"
_DEFAULT_LIMITS = StageLimits()


def stage(
    batches: Iterable[RowBatch],
    contract: CompiledContract,
    workdir: Path,
    *,
    on_progress: Callable[[StageProgress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    limits: StageLimits = _DEFAULT_LIMITS,
) -> StageResult:
    """Validate `batches` against `contract` and stage them in `workdir`.

    `workdir` must not exist, be empty, or be the leftover of an earlier stage (which is cleared).
    `cancelled` is asked between batches. Raises StageError (StageCancelledError when asked to
    stop) and whatever `batches` raises; the work folder is gone then.
    """
    _clear(workdir)
    try:
        return _Stage(contract, workdir, limits, on_progress, cancelled).run(batches)
    except (OSError, duckdb.Error) as error:
        shutil.rmtree(workdir, ignore_errors=True)
        raise explain(error) from error
    except BaseException:
        shutil.rmtree(workdir, ignore_errors=True)
        raise


def _clear(workdir: Path) -> None:
    if workdir.exists() and any(workdir.iterdir()) and not (workdir / _MARKER).exists():
        raise StageError(f"暂存文件夹“{workdir.name}”里有别的文件，没有覆盖。请换一个空文件夹。")
    shutil.rmtree(workdir, ignore_errors=True)
    workdir.mkdir(parents=True)
    (workdir / _MARKER).touch()


def _checked(
    batches: Iterable[RowBatch],
    contract: CompiledContract,
    connection: duckdb.DuckDBPyConnection,
    threads: int,
) -> Generator[tuple[RowBatch, CheckedBatch], None, None]:
    """Read, check and hand over in order; reading and checking of different batches overlap.

    At most `threads` + 2 batches are in memory. Arrow and DuckDB release the interpreter lock.
    Close the generator before the connection: it then waits for the checks under way.
    """
    iterator = iter(batches)
    # Made here, one for each worker: a connection refuses calls from two threads at once.
    cursors: SimpleQueue[duckdb.DuckDBPyConnection] = SimpleQueue()
    for _ in range(threads):
        cursors.put(connection.cursor())

    def check(batch: RowBatch) -> CheckedBatch:
        cursor = cursors.get()
        try:
            return contract.check(cursor, batch.rows)
        finally:
            cursors.put(cursor)

    waiting: deque[tuple[RowBatch, Future[CheckedBatch]]] = deque()
    with ThreadPoolExecutor(1, "read") as reader, ThreadPoolExecutor(threads, "check") as pool:
        upcoming = reader.submit(next, iterator, None)
        while (batch := upcoming.result()) is not None:
            upcoming = reader.submit(next, iterator, None)
            waiting.append((batch, pool.submit(check, batch)))
            if len(waiting) > threads:
                done, outcome = waiting.popleft()
                yield done, outcome.result()
        for done, outcome in waiting:
            yield done, outcome.result()


class _Stage:
    """State of one stage."""

    def __init__(
        self,
        contract: CompiledContract,
        workdir: Path,
        limits: StageLimits,
        on_progress: Callable[[StageProgress], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._contract = contract
        self._workdir = workdir
        self._limits = limits
        self._on_progress = on_progress
        self._cancelled = cancelled
        self._violations: Counter[tuple[str, str]] = Counter()
        self._source = 0
        self._spooled = 0

    def run(self, batches: Iterable[RowBatch]) -> StageResult:
        with duckdb.connect() as connection:
            connection.execute(f"SET memory_limit = {literal(self._limits.memory)}")
            connection.execute(f"SET threads = {int(self._limits.threads)}")
            connection.execute(
                f"SET temp_directory = {literal(str(self._workdir / _SPILL_FOLDER))}"
            )
            connection.execute("SET timezone = 'UTC'")
            path = self._workdir / QUARANTINE_FILE
            with QuarantineWriter(path, self._contract.contract) as quarantine:
                self._check_all(connection, batches, quarantine)
                duplicates, left_out = self._settle_keys(connection, quarantine)
        accepted = self._write_accepted(left_out)
        (self._workdir / _SPOOL_FILE).unlink()
        shutil.rmtree(self._workdir / _SPILL_FOLDER, ignore_errors=True)
        return self._finish(accepted, quarantine.rows, duplicates)

    def _check_all(
        self,
        connection: duckdb.DuckDBPyConnection,
        batches: Iterable[RowBatch],
        quarantine: QuarantineWriter,
    ) -> None:
        spool_path = str(self._workdir / _SPOOL_FILE)
        outcomes = _checked(batches, self._contract, connection, self._limits.threads)
        with ipc.new_file(spool_path, self._contract.schema) as spool, closing(outcomes) as checks:
            for batch, checked in checks:
                self._stop_if_asked()
                self._source += batch.rows.num_rows + len(batch.rejects)
                rejected = [quarantine.from_reject(reject) for reject in batch.rejects]
                self._violations.update((r.column or "", r.rule) for r in batch.rejects)
                if batch.rows.num_rows:
                    self._violations.update((v.column, v.rule) for v in checked.violations)
                    rejected += quarantine.from_check(batch.rows, checked)
                    spool.write_table(checked.accepted)
                    self._spooled += checked.accepted.num_rows
                quarantine.add(rejected)
                self._report(quarantine.rows, batch.fraction)

    def _settle_keys(
        self, connection: duckdb.DuckDBPyConnection, quarantine: QuarantineWriter
    ) -> tuple[int, npt.NDArray[np.int64]]:
        """Settle repeated keys; returns the duplicates' number and all rows that must not stay."""
        self._stop_if_asked()
        connection.register(
            SPOOL_VIEW, dataset.dataset(str(self._workdir / _SPOOL_FILE), format="ipc")
        )
        keys = KeyCheck(connection, self._contract.contract)
        duplicates, conflicts = keys.run()
        if conflicts:
            for rows in keys.conflicts():
                self._violations.update((row.problems[0].column, "key_conflict") for row in rows)
                quarantine.add(rows)
        target = literal(str(self._workdir / DUPLICATES_FILE))
        connection.execute(
            f"COPY (SELECT {ROW_COLUMN} AS row, first_row FROM repeats WHERE same ORDER BY row) "
            f"TO {target} (FORMAT parquet)"
        )
        left_out = connection.sql(f"SELECT {ROW_COLUMN} FROM repeats").fetchnumpy()[ROW_COLUMN]
        connection.unregister(SPOOL_VIEW)
        return duplicates, np.asarray(left_out)

    def _write_accepted(self, left_out: npt.NDArray[np.int64]) -> int:
        """Copy the spool to Parquet without the repeated rows; returns the number of rows."""
        self._stop_if_asked()
        # The file lives for one merge: quick to write matters more than small.
        coded = [c.name for c in self._contract.contract.columns if c.codes is not None]
        target = self._workdir / ACCEPTED_FILE
        rows = 0
        with (
            ipc.open_file(str(self._workdir / _SPOOL_FILE)) as spool,
            pq.ParquetWriter(
                target,
                self._contract.schema,
                compression="lz4",
                use_dictionary=coded,  # type: ignore[arg-type] # the stubs know only bool
                write_statistics=False,
            ) as writer,
        ):
            for index in range(spool.num_record_batches):
                batch = spool.get_batch(index)
                if len(left_out):
                    stays = ~np.isin(batch.column(ROW_COLUMN).to_numpy(), left_out)
                    batch = batch.filter(pa.array(stays))
                writer.write_batch(batch)
                rows += batch.num_rows
        return rows

    def _finish(self, accepted: int, quarantined: int, duplicates: int) -> StageResult:
        result = StageResult(
            source=self._source,
            accepted=accepted,
            quarantined=quarantined,
            duplicates=duplicates,
            violations=dict(self._violations),
            accepted_path=self._workdir / ACCEPTED_FILE,
            quarantine_path=self._workdir / QUARANTINE_FILE,
            duplicates_path=self._workdir / DUPLICATES_FILE,
            schema=self._contract.schema,
        )
        result.save(self._workdir)
        if self._on_progress:
            self._on_progress(StageProgress(self._source, accepted, quarantined, 1.0))
        return result

    def _report(self, quarantined: int, fraction: float | None) -> None:
        if self._on_progress:
            self._on_progress(StageProgress(self._source, self._spooled, quarantined, fraction))

    def _stop_if_asked(self) -> None:
        if self._cancelled and self._cancelled():
            raise StageCancelledError("装载已按要求停止，没有载入任何数据。可以随时重新装载。")
