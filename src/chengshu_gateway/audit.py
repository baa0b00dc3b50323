"""The durable audit of share calls: no answer leaves before its record is on disk.

Natural batching: a thread takes whatever has gathered, writes it, calls fdatasync once and wakes
every waiting call through one shared future; there is no timer. One chain per worker process.
After a failed write or sync the log is closed for good (fail closed): a retried fsync may report
success for data that the kernel already dropped.
"""

import asyncio
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from chengshu_gateway import audit_chain, pointer
from chengshu_gateway.audit_recovery import ChainEnd, recover
from chengshu_gateway.signers import Signer

BEIJING = timezone(timedelta(hours=8))
_MAX_WORKERS = 100
SEGMENT_BYTES = 64 << 20
CHECKPOINT_SECONDS = 60.0


class AuditUnavailableError(RuntimeError):
    """The audit cannot take records; the call must not be answered."""


class Settled(asyncio.Future["BaseException | None"]):
    """The outcome of one batch (None: durable); one cancelled call must not cancel the others."""

    def cancel(self, msg: Any = None) -> bool:
        """Refuse: asyncio then cancels the waiting task itself when it wakes."""
        del msg
        return False


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    segment: int
    seq: int
    head: str


@dataclass(slots=True)
class _Batch:
    """What one flush handles: lines, checkpoints and segment changes in their order."""

    settled: Settled
    parts: list[bytes | _Checkpoint | int] = field(default_factory=list)


class AuditLog:
    """The chain of one worker; create, append and close it on the event loop's thread."""

    def __init__(
        self,
        directory: Path,
        signer: Signer,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        sync: Callable[[int], None] = os.fdatasync,
    ) -> None:
        """Claim a free chain under `directory`, repair a torn last line, start a segment.

        Raises:
            AuditUnavailableError: No chain is free or the directory cannot be written.
        """
        self._signer = signer
        self._segment_bytes = segment_bytes
        self._sync = sync
        self._loop = asyncio.get_running_loop()
        self.failure: BaseException | None = None
        self.paused = ""
        self.worker, self._lock_file = _claim(directory)
        self._directory = directory / f"w{self.worker:02d}"
        try:
            self._directory.mkdir(exist_ok=True, mode=0o700)
            pointer.sync_directory(directory)
            end = recover(self._directory)
            self._descriptor = self._open_segment(end.segment + 1)
        except OSError as error:
            os.close(self._lock_file)
            raise AuditUnavailableError(f"调用记录目录不可写：{directory}（{error}）。") from error
        self.recovered = end
        self._segment = end.segment + 1
        self._seq, self._head = end.seq, end.head
        self._written = 0
        self._second = -1
        self._second_text = ""
        self._checkpointed = (time.monotonic(), self._seq)
        self._guard = threading.Lock()
        self._batch: _Batch | None = None
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._flush_forever, name="audit", daemon=True)
        self._thread.start()
        self._append_opening(end)

    @property
    def next_seq(self) -> int:
        """Return the number that the next record will carry."""
        return self._seq + 1

    def append(self, body: str) -> Settled:
        """Add one record; `body` is JSON members without braces. Returns the batch's future.

        Use `await settle(future)`; raises AuditUnavailableError at once after a failure.
        """
        if self.failure is not None:
            raise AuditUnavailableError(str(self.failure))
        if self.paused:
            raise AuditUnavailableError(self.paused)
        if self._written >= self._segment_bytes:
            self._rotate()
        return self._add(self._line(body))

    def pause(self, reason: str) -> None:
        """Refuse records for a passing reason (disk nearly full); "" ends the pause."""
        self.paused = reason

    async def settle(self, future: Settled) -> None:
        """Wait until the record is durable; raises AuditUnavailableError if it never will be."""
        failure = await future
        if failure is not None:
            raise AuditUnavailableError(str(failure)) from failure

    def checkpoint_if_due(self, *, every: float = CHECKPOINT_SECONDS) -> bool:
        """Sign the chain's head when enough time passed and records were added."""
        since, seq = self._checkpointed
        due = self.failure is None and self._seq > seq and time.monotonic() - since >= every
        if due:
            self._add(self._checkpoint())
        return due

    async def close(self) -> None:
        """Write what is left with a last checkpoint and release the chain."""
        if self.failure is None:
            await self._add(self._checkpoint())
        self._wake.put(False)
        await asyncio.to_thread(self._thread.join)
        os.close(self._descriptor)
        os.close(self._lock_file)

    def _line(self, body: str) -> bytes:
        self._seq += 1
        now = time.time()
        line, self._head = audit_chain.seal(
            f'{{"seq":{self._seq},"time":"{self._stamp(now)}",{body}', self._head
        )
        self._written += len(line)
        return line

    def _stamp(self, now: float) -> str:
        second = int(now)
        if second != self._second:
            self._second = second
            self._second_text = datetime.fromtimestamp(second, BEIJING).strftime(
                "%Y-%m-%dT%H:%M:%S"
            )
        return f"{self._second_text}.{int((now - second) * 1000):03d}+08:00"

    def _append_opening(self, end: ChainEnd | None) -> None:
        members = {
            "kind": "open",
            "worker": self.worker,
            "segment": self._segment,
            "format": 1,
            "torn": end.torn if end else 0,
            "damaged": end.damaged if end else False,
        }
        self._add(self._line(json.dumps(members, separators=(",", ":"))[1:-1]))

    def _checkpoint(self) -> _Checkpoint:
        self._checkpointed = (time.monotonic(), self._seq)
        return _Checkpoint(self._segment, self._seq, self._head)

    def _rotate(self) -> None:
        self._add(self._checkpoint())
        self._segment += 1
        self._written = 0
        self._add(self._segment)
        self._append_opening(None)

    def _add(self, part: bytes | _Checkpoint | int) -> Settled:
        with self._guard:
            batch = self._batch
            if batch is None:
                batch = self._batch = _Batch(Settled(loop=self._loop))
                # Not at once: the calls of this turn of the loop then share one flush, and the
                # thread does not contend for the interpreter while they are being examined.
                self._loop.call_soon(self._wake.put, True)
            batch.parts.append(part)
            return batch.settled

    def _flush_forever(self) -> None:
        while self._wake.get():
            with self._guard:
                batch, self._batch = self._batch, None
            if batch is None:
                continue
            if self.failure is None:
                try:
                    self._flush(batch.parts)
                except Exception as error:  # noqa: BLE001 - whatever failed, nothing is durable
                    self.failure = error
            self._loop.call_soon_threadsafe(_resolve, batch.settled, self.failure)

    def _flush(self, parts: list[bytes | _Checkpoint | int]) -> None:
        lines: list[bytes] = []
        for part in parts:
            if isinstance(part, bytes):
                lines.append(part)
                continue
            self._persist(lines)
            lines = []
            if isinstance(part, int):
                os.close(self._descriptor)
                self._descriptor = self._open_segment(part)
            else:
                self._write_checkpoint(part)
        self._persist(lines)

    def _persist(self, lines: list[bytes]) -> None:
        if not lines:
            return
        rest = memoryview(b"".join(lines))
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._sync(self._descriptor)

    def _open_segment(self, number: int) -> int:
        path = audit_chain.segment_path(self._directory, number)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        pointer.sync_directory(self._directory)
        return descriptor

    def _write_checkpoint(self, point: _Checkpoint) -> None:
        members = {
            "worker": self.worker,
            "segment": point.segment,
            "seq": point.seq,
            "head": point.head,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "signer": self._signer.name,
        }
        message = json.dumps(members, separators=(",", ":")).encode()
        members["signature"] = self._signer.sign(message)
        path = self._directory / audit_chain.CHECKPOINTS
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, json.dumps(members, separators=(",", ":")).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _resolve(future: Settled, failure: BaseException | None) -> None:
    if not future.done():
        future.set_result(failure)


def _claim(directory: Path) -> tuple[int, int]:
    """Lock the first free chain number; the kernel frees it when the process ends, however."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for worker in range(_MAX_WORKERS):
            descriptor = os.open(
                directory / f"w{worker:02d}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
            else:
                return worker, descriptor
    except OSError as error:
        raise AuditUnavailableError(f"调用记录目录不可写：{directory}（{error}）。") from error
    raise AuditUnavailableError(f"同时运行的网关进程超过 {_MAX_WORKERS} 个，请减少后重试。")
