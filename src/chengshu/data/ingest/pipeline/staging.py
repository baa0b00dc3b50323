"""The stage itself: check every batch, keep what passes, settle keys, balance.

Accepted rows are written once, as an Arrow file that the merge reads batch by batch: nothing is encoded
only to be decoded again. Rows that repeat a key stay in that file and are left out by its reader.

Everything happens in a work folder of its own; a stage that fails, is cancelled or is killed leaves
nothing but that folder, and starting again clears it. `result.json` is written last.
"""

import shutil
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import local

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ipc

from chengshu.data.contract.facade import CheckedBatch, CompiledContract
from chengshu.data.ingest.pipeline.engine import Engine
from chengshu.data.ingest.pipeline.errors import StageCancelledError, StageError, explain
from chengshu.data.ingest.pipeline.keys import KeyCheck, Repeats
from chengshu.data.ingest.pipeline.quarantine import Create, QuarantineWriter, create_plain
from chengshu.data.ingest.pipeline.result import (
    ACCEPTED_FILE,
    CONFLICTS_FILE,
    DUPLICATES_FILE,
    QUARANTINE_FILE,
    StageLimits,
    StageProgress,
    StageResult,
)
from chengshu.data.ingest.reading.rows import RowBatch

_MARKER = ".chengshu-stage"
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
    create: Create = create_plain,
) -> StageResult:
    """Validate `batches` against `contract` and stage them in `workdir`.

    `workdir` must not exist, be empty, or be the leftover of an earlier stage (which is cleared).
    `cancelled` is asked between batches; `create` opens the file of rejected rows, which are kept for
    weeks and may have to be sealed. Raises StageError (StageCancelledError when asked to
    stop) and whatever `batches` raises; the work folder is gone then.
    """
    _clear(workdir)
    try:
        return _Stage(contract, workdir, limits, on_progress, cancelled, create=create).run(batches)
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
    engine: Engine,
    threads: int,
) -> Generator[tuple[RowBatch, CheckedBatch], None, None]:
    """Read, check and hand over in order; reading and checking of different batches overlap.

    At most `threads` + 2 batches are in memory. Arrow and DuckDB release the interpreter lock.
    Close the generator before the engine: it then waits for the checks under way.
    """
    iterator = iter(batches)
    own = local()

    def cursor() -> duckdb.DuckDBPyConnection:
        if not hasattr(own, "cursor"):
            own.cursor = engine.cursor()
        opened: duckdb.DuckDBPyConnection = own.cursor
        return opened

    def check(batch: RowBatch) -> CheckedBatch:
        return contract.check(cursor, batch.rows)

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
        *,
        create: Create,
    ) -> None:
        self._create = create
        self._contract = contract
        self._workdir = workdir
        self._limits = limits
        self._on_progress = on_progress
        self._cancelled = cancelled
        self._violations: Counter[tuple[str, str]] = Counter()
        self._source = 0
        self._spooled = 0

    def run(self, batches: Iterable[RowBatch]) -> StageResult:
        path = self._workdir / QUARANTINE_FILE
        spill = self._workdir / _SPILL_FOLDER
        with (
            Engine(self._limits, spill) as engine,
            QuarantineWriter(path, self._contract.contract, self._create) as quarantine,
        ):
            self._check_all(engine, batches, quarantine)
            repeated = self._settle_keys(engine, quarantine)
        shutil.rmtree(spill, ignore_errors=True)
        self._stop_if_asked()
        return self._finish(quarantine.rows, repeated)

    def _check_all(
        self,
        engine: Engine,
        batches: Iterable[RowBatch],
        quarantine: QuarantineWriter,
    ) -> None:
        spool_path = str(self._workdir / ACCEPTED_FILE)
        outcomes = _checked(batches, self._contract, engine, self._limits.threads)
        with ipc.new_file(spool_path, self._contract.schema) as spool, closing(outcomes) as checks:
            for batch, checked in checks:
                self._stop_if_asked()
                self._source += batch.rows.num_rows + len(batch.rejects)
                made = []
                if batch.rejects:
                    made.append(quarantine.rejects.from_reader(batch.rejects))
                    self._violations.update((r.column or "", r.rule) for r in batch.rejects)
                if batch.rows.num_rows:
                    for item in checked.broken:
                        self._violations[item.column, item.rule] += len(item.positions)
                    if len(checked.rejected):
                        made.append(quarantine.rejects.from_check(checked))
                    spool.write_table(checked.accepted)
                    self._spooled += checked.accepted.num_rows
                quarantine.add(*made)
                self._report(quarantine.rows, batch.fraction)

    def _settle_keys(self, engine: Engine, quarantine: QuarantineWriter) -> Repeats:
        """Settle repeated keys: duplicates are counted, conflicts go to quarantine."""
        self._stop_if_asked()
        keys = KeyCheck(engine, self._contract.contract)
        repeats = keys.run(self._workdir / ACCEPTED_FILE)
        quarantine.cut()
        rows = pa.schema([pa.field("row", pa.int64())])
        with pq.ParquetWriter(self._workdir / CONFLICTS_FILE, rows) as left_out:
            for table in keys.conflicts(quarantine.rejects):
                quarantine.add(table)
                left_out.write_table(table.select(["row"]).cast(rows))
        if repeats.conflicts:
            self._violations[keys.column, "key_conflict"] += repeats.conflicts
        pq.write_table(repeats.same, self._workdir / DUPLICATES_FILE)
        return repeats

    def _finish(self, quarantined: int, repeats: Repeats) -> StageResult:
        duplicates = repeats.same.num_rows
        accepted = self._spooled - duplicates - repeats.conflicts
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
