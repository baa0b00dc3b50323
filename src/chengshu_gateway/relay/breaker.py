"""A circuit breaker: a source that keeps failing is left alone for a while, then asked by one call.

Own code, because the maintained libraries let every call through when the pause is over, or need a
thread, or count per process: here exactly one probe of one worker goes out, and whoever comes
meanwhile, at whichever worker, is told when to come back.

The state of all sources lies in one memory-mapped file under an flock, as the quotas do (`limits`). While
a source answers, its state is only read, without the lock. The clock is the machine's monotonic one, which
all processes share; after a reboot (another boot id) everything is closed again.
"""

import contextlib
import fcntl
import math
import mmap
import os
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from chengshu_gateway.limits import boot_id

FAILURES = 5
"""Failures in a row that open it."""
PAUSE = 15.0
"""Seconds of the first pause; each probe that fails doubles it."""
LONGEST = 300.0
PROBE_SECONDS = 25.0
"""Longer than any call may take: a probe whose worker was killed is given up then."""
_MAGIC = b"CSGWBRK1"
_HEADER = struct.Struct("<8s16s")
_HEADER_BYTES = 64
_SLOT = struct.Struct("<QQddd")
_SLOTS, _WAYS = 4096, 32
_SIZE = _HEADER_BYTES + _SLOTS * _SLOT.size


class OpenError(RuntimeError):
    """The source is left alone; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        """Keep when it is worth asking again."""
        super().__init__("open")
        self.retry_after = retry_after


class _State(NamedTuple):
    """One source: failures in a row, the present pause (0: none yet), open until, probed until (0: not)."""

    failed: int = 0
    pause: float = 0.0
    until: float = 0.0
    probing: float = 0.0


class BreakerTable:
    """The states of all sources of one gateway; open one per process."""

    def __init__(self, path: Path | None = None) -> None:
        """Open or create the file; without one the states are this object's alone."""
        self._file = -1
        if path is None:
            self._map = mmap.mmap(-1, _SIZE)
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        header = _HEADER.pack(_MAGIC, boot_id())
        with self.locked():
            if os.pread(self._file, _HEADER.size, 0) != header:
                os.ftruncate(self._file, 0)
                os.ftruncate(self._file, _SIZE)
                os.pwrite(self._file, header, 0)
            self._map = mmap.mmap(self._file, _SIZE)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep the other workers from changing anything."""
        if self._file < 0:
            yield
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def read(self, at: int, name: int) -> _State | None:
        """The state at a place, None when it is another source's."""
        found = _SLOT.unpack_from(self._map, at)
        return _State(*found[1:]) if found[0] == name else None

    def write(self, at: int, name: int, state: _State) -> None:
        """Change a state; under the lock."""
        _SLOT.pack_into(self._map, at, name, *state)

    def place(self, name: int) -> int:
        """Where a source's state lies or may lie; under the lock.

        When all its places are taken, a healthy source makes room, else the one that is open the shortest.
        """
        places = [_HEADER_BYTES + (name + way) % _SLOTS * _SLOT.size for way in range(_WAYS)]
        slots = [(at, _SLOT.unpack_from(self._map, at)) for at in places]
        for at, (kept, *_state) in slots:
            if kept == name:
                return at
        at, _slot = min(slots, key=lambda each: (each[1][0] != 0, each[1][3], each[1][1]))
        self.write(at, name, _State())
        return at

    def close(self) -> None:
        """Release the file; the states stay for the other workers."""
        self._map.close()
        if self._file >= 0:
            os.close(self._file)


class Breaker:
    """One source as one worker sees it; for one event loop."""

    def __init__(
        self,
        table: BreakerTable | None = None,
        name: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` (never 0, see `limits.tag`) is the same for the source in all workers."""
        self._table = table or BreakerTable()
        self._name = name
        self._clock = clock
        self._at = 0

    def enter(self) -> bool:
        """Let a call through and tell whether it is the probe, or raise OpenError.

        Every call that entered must be reported by `leave`.
        """
        if not self._seen().until:
            return False
        with self._table.locked():
            state, now = self._held(), self._clock()
            if not state.until:
                return False
            left = state.until - now
            if left > 0 or state.probing > now:
                raise OpenError(max(math.ceil(left), 1))
            self._put(state._replace(probing=now + PROBE_SECONDS))
            return True

    def leave(self, *, probe: bool, answered: bool | None) -> None:
        """Note how a call ended; None: nobody knows, it was given up."""
        seen = self._seen()
        if not probe and (answered is None or (answered and seen == _State())):
            return
        with self._table.locked():
            state = self._held()
            if probe:
                state = state._replace(probing=0.0)
            elif state.until:
                return  # sent before the pause began: it says nothing about now
            if answered:
                state = _State()
            elif answered is False:
                state = self._failed(state, probe=probe)
            self._put(state)

    def _failed(self, state: _State, *, probe: bool) -> _State:
        failed, pause = state.failed + 1, state.pause or PAUSE
        if probe:
            pause = min(pause * 2, LONGEST)
        if probe or failed >= FAILURES:
            return _State(failed, pause, self._clock() + pause)
        return state._replace(failed=failed)

    def _seen(self) -> _State:
        """The state without the lock (once it was found): good enough to see that nothing is wrong."""
        found = self._table.read(self._at, self._name) if self._at else None
        if found is not None:
            return found
        with self._table.locked():
            return self._held()

    def _held(self) -> _State:
        """The state, under the lock."""
        found = self._table.read(self._at, self._name) if self._at else None
        if found is None:
            self._at = self._table.place(self._name)
            found = self._table.read(self._at, self._name) or _State()
        return found

    def _put(self, state: _State) -> None:
        self._table.write(self._at, self._name, state)
