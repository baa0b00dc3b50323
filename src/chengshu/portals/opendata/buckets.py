"""Buckets that hold a burst of questions per address and fill up evenly, shared by the web processes of a machine.

A small file, mapped into each process, holds a fixed number of buckets; one set of them is locked while it is looked
at, and the kernel lets a dead process's lock go. An address stands there only as a keyed hash, and the next one takes
its place when the set is full. Nothing is written to the database, and the file is worth nothing after a restart.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_MOST_ADDRESSES = 50_000
_SETS, _WAYS = 8_192, 8
_SLOT = struct.Struct("<Qdd")  # which address (0: nobody), questions left, when that was
_SET_BYTES = _WAYS * _SLOT.size


def _after(left: float, elapsed: float, per_minute: int, burst: int) -> tuple[float, float]:
    """What is left after one question, and the seconds until there is one again (0: it was served)."""
    rate = per_minute / 60
    left = min(float(burst), left + max(elapsed, 0.0) * rate)
    return (left - 1, 0.0) if left >= 1 else (left, (1 - left) / rate)


@dataclass(slots=True)
class Buckets:
    """The buckets of one process. ``clock`` counts seconds and never goes back."""

    clock: Callable[[], float] = time.monotonic
    most: int = _MOST_ADDRESSES
    _levels: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, address: str, *, per_minute: int, burst: int) -> float:
        """Take one question out; returns 0, or the seconds until there is one again."""
        now = self.clock()
        with self._lock:
            left, seen = self._levels.pop(address, (float(burst), now))
            left, wait = _after(left, now - seen, per_minute, burst)
            # Put back at the end: the dictionary stays in the order of the last question.
            self._levels[address] = (left, now)
            self._forget(now, burst * 60 / per_minute)
        return wait

    def _forget(self, now: float, seconds_to_fill: float) -> None:
        """Drop those that are full again, and the longest silent when there are too many."""
        while self._levels:
            oldest = next(iter(self._levels))
            if len(self._levels) <= self.most and now - self._levels[oldest][1] < seconds_to_fill:
                break
            del self._levels[oldest]


class SharedBuckets:
    """The buckets of all processes that open the same file.

    Args:
        path: the file, made where it is missing; for one machine (a mapped file is not shared over a network).
        secret: keeps addresses from being read back out of the file.
        clock: seconds all processes agree on.

    Raises:
        OSError: the file cannot be made or mapped.
    """

    def __init__(self, path: Path, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._secret, self._clock = secret[:64], clock
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.ftruncate(self._file, _SETS * _SET_BYTES)
            self._map = mmap.mmap(self._file, _SETS * _SET_BYTES)
        except OSError:
            os.close(self._file)
            raise
        self._lock = threading.Lock()

    def take(self, address: str, *, per_minute: int, burst: int) -> float:
        """Take one question out; returns 0, or the seconds until there is one again."""
        digest = hashlib.blake2b(address.encode(), key=self._secret, digest_size=12).digest()
        mark = int.from_bytes(digest[:8], "big") | 1
        start = int.from_bytes(digest[8:], "big") % _SETS * _SET_BYTES
        with self._held(start):
            now = self._clock()
            place, left, seen = self._find(start, mark, float(burst), now)
            left, wait = _after(left, now - seen, per_minute, burst)
            _SLOT.pack_into(self._map, place, mark, left, now)
        return wait

    def _find(self, start: int, mark: int, burst: float, now: float) -> tuple[int, float, float]:
        """The bucket of an address: its own, else a full one in the place of nobody or of the longest silent."""
        oldest, silent = start, now
        for place in range(start, start + _SET_BYTES, _SLOT.size):
            held, left, seen = _SLOT.unpack_from(self._map, place)
            if held == mark:
                return place, left, seen
            if not held:
                seen = 0.0
            if seen < silent:
                oldest, silent = place, seen
        return oldest, burst, now

    @contextmanager
    def _held(self, start: int) -> Iterator[None]:
        # The file's lock keeps other processes out, ours the other threads: a process never waits for itself there.
        with self._lock:
            fcntl.lockf(self._file, fcntl.LOCK_EX, _SET_BYTES, start)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, _SET_BYTES, start)
