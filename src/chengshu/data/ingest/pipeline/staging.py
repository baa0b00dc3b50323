# ruff: noqa: S608 - statements are built from quoted identifiers and literals only
"""The stage itself: check every batch, spool what passes, settle keys, write Parquet, balance.

Everything happens in a work folder of its own; a stage that fails, is cancelled or is killed leaves
nothing but that folder, and starting again clears it. `result.json` is written last.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
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
from chengshu.data.quality.contract import CompiledContract
from chengshu.data.quality.contract.statement import ROW_COLUMN, identifier, literal

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


def _read_ahead(batches: Iterable[RowBatch]) -> Iterator[RowBatch]:
    """Parse the next batch while the current one is checked: both release the interpreter lock."""
    iterator = iter(batches)
    with ThreadPoolExecutor(1, "read-ahead") as pool:
        pending = pool.submit(next, iterator, None)
        while (batch := pending.result()) is not None:
            pending = pool.submit(next, iterator, None)
            yield batch


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
                duplicates = self._settle_keys(connection, quarantine)
            self._write_accepted(connection)
        (self._workdir / _SPOOL_FILE).unlink()
        shutil.rmtree(self._workdir / _SPILL_FOLDER, ignore_errors=True)
        return self._finish(quarantine.rows, duplicates)

    def _check_all(
        self,
        connection: duckdb.DuckDBPyConnection,
        batches: Iterable[RowBatch],
        quarantine: QuarantineWriter,
    ) -> None:
        spool_path = str(self._workdir / _SPOOL_FILE)
        with ipc.new_file(spool_path, self._contract.schema) as spool:
            for batch in _read_ahead(batches):
                self._stop_if_asked()
                self._source += batch.rows.num_rows + len(batch.rejects)
                rejected = [quarantine.from_reject(reject) for reject in batch.rejects]
                self._violations.update((r.column or "", r.rule) for r in batch.rejects)
                if batch.rows.num_rows:
                    checked = self._contract.check(connection, batch.rows)
                    self._violations.update((v.column, v.rule) for v in checked.violations)
                    rejected += quarantine.from_check(batch.rows, checked)
                    spool.write_table(checked.accepted)
                    self._spooled += checked.accepted.num_rows
                quarantine.add(rejected)
                self._report(quarantine.rows, batch.fraction)

    def _settle_keys(
        self, connection: duckdb.DuckDBPyConnection, quarantine: QuarantineWriter
    ) -> int:
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
        return duplicates

    def _write_accepted(self, connection: duckdb.DuckDBPyConnection) -> None:
        """The rows that stay, in source order."""
        self._stop_if_asked()
        names = ", ".join(identifier(name) for name in self._contract.schema.names)
        target = literal(str(self._workdir / ACCEPTED_FILE))
        connection.execute(
            f"COPY (SELECT {names} FROM {SPOOL_VIEW} ANTI JOIN repeats USING ({ROW_COLUMN})) "
            f"TO {target} (FORMAT parquet, COMPRESSION snappy, "
            f"ROW_GROUP_SIZE {int(self._limits.row_group_rows)})"
        )
        connection.unregister(SPOOL_VIEW)

    def _finish(self, quarantined: int, duplicates: int) -> StageResult:
        accepted_path = self._workdir / ACCEPTED_FILE
        with duckdb.connect() as connection:
            accepted = connection.execute(
                "SELECT count(*) FROM read_parquet(?)", [str(accepted_path)]
            ).fetchall()[0][0]
        result = StageResult(
            source=self._source,
            accepted=accepted,
            quarantined=quarantined,
            duplicates=duplicates,
            violations=dict(self._violations),
            accepted_path=accepted_path,
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
