"""Counters that all workers of one gateway share: used nonces, quotas, failed signatures.

One memory-mapped file under an flock. Chosen over pinning an application to a worker (the kernel
spreads connections; forwarding costs more than the whole check) and over SQLite (a write
transaction costs ten times the 2–3 µs of a locked map). The pages live in the kernel, so a killed
process loses nothing; after a reboot (another boot id) the file is rebuilt from the audit.

All sizes are fixed: an attacker can fill a table, never the memory. Times are unix milliseconds
or whole seconds, days are Beijing days.
"""

import enum
import fcntl
import hashlib
import mmap
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_MAGIC = b"CSGWLIM1"
_HEADER = struct.Struct("<8s16sII")
_HEADER_BYTES = 64
_LOCKED_UNTIL = 32
_SLOT = struct.Struct("<QIIII")  # tag, window, count, window, count
_WAYS = 16
_PROBES = 4
_QUOTA_BUCKETS = 8192
_FAILURE_BUCKETS = 1024
_BUCKET_BYTES = _SLOT.size * _WAYS
_PERIOD_MS = 60_000
_PERIODS = 12  # ±5 minutes around now touch at most 11 periods
_GUESS_BUCKETS = 4096
_NONCE_HEAD = struct.Struct("<II")
_NONCE_WAYS = 255
_NONCE_BYTES = _NONCE_HEAD.size + 8 * _NONCE_WAYS
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_DAY_MS = 86_400_000
_BEIJING_MS = 8 * 3_600_000

FAILURE_WINDOW = 60
LOCK_SECONDS = 300
FAILURES_PER_PAIR = 10
FAILURES_PER_ADDRESS = 60


class Verdict(enum.Enum):
    """What the counters say about a call."""

    ADMITTED = "admitted"
    REPLAYED = "replayed"
    BUSY = "busy"
    MINUTE = "minute"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Used:
    """A call found in the audit when the counters are rebuilt.

    `guess` is the record's hash when the call was a failed verification.
    """

    app: str
    interface: str
    nonce: int
    client_ms: int
    at_ms: int
    counted: bool
    amount: int = 1
    guess: str = ""


def tag(*parts: str) -> int:
    """Return the 64-bit name (never 0) under which a counter or nonce is kept."""
    joined = "\0".join(parts).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "little") or 1


def day_of(at_ms: int) -> int:
    """Return the Beijing day number of an instant."""
    return (at_ms + _BEIJING_MS) // _DAY_MS


def seconds_to_midnight(now_ms: int) -> int:
    """Return how long the present Beijing day still lasts."""
    return ((day_of(now_ms) + 1) * _DAY_MS - _BEIJING_MS - now_ms) // 1000 + 1


def guess_tag(app: str, interface: str, record: str) -> int:
    """Return the name under which failed verifications of a record (by its hash) are counted."""
    return tag("guess", app, interface, record)


class QuotaHandle:
    """A grant's place in the quota table (found once, checked at each use)."""

    __slots__ = ("offset", "per_day", "per_minute", "tag")

    def __init__(self, name: int, per_minute: int | None, per_day: int | None) -> None:
        """Bind the limits to a counter's tag."""
        self.tag = name
        self.per_minute = per_minute
        self.per_day = per_day
        self.offset = 0


class TableFullError(RuntimeError):
    """More live counters than the fixed table holds."""


class SharedLimits:
    """The shared counters; open one per process, use it from one thread."""

    def __init__(
        self,
        path: Path,
        *,
        nonce_buckets: int = 4096,
        restore: Callable[[], Iterable[Used]] | None = None,
    ) -> None:
        """Open or create the file; `restore` supplies today's calls when it must be rebuilt.

        `nonce_buckets` × 255 nonces fit into each minute (4,096: about 17,000 calls a second).
        One application may use half of them.
        """
        self._buckets = nonce_buckets
        self._quota_at = _HEADER_BYTES
        self._failure_at = self._quota_at + _QUOTA_BUCKETS * _BUCKET_BYTES
        self._guess_at = self._failure_at + _FAILURE_BUCKETS * _BUCKET_BYTES
        self._nonce_at = self._guess_at + _GUESS_BUCKETS * _BUCKET_BYTES
        size = self._nonce_at + _PERIODS * nonce_buckets * _NONCE_BYTES
        self.per_app_minute = nonce_buckets * _NONCE_WAYS // 2
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        header = _HEADER.pack(_MAGIC, boot_id(), nonce_buckets, size)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            fresh = os.pread(self._file, _HEADER.size, 0) != header
            if fresh:
                os.ftruncate(self._file, 0)
                os.ftruncate(self._file, size)
            self._map = mmap.mmap(self._file, size)
            if fresh:
                for used in restore() if restore else ():
                    self._restore(used)
                self._map[: _HEADER.size] = header
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self.rebuilt = fresh

    def close(self) -> None:
        """Release the map; the counters stay for the other workers and the next start."""
        self._map.close()
        os.close(self._file)

    def admit(
        self,
        *,
        nonce: int,
        client_ms: int,
        now_ms: int,
        app: QuotaHandle,
        grant: QuotaHandle | None,
        amount: int = 1,
    ) -> Verdict:
        """Remember a nonce and, when the call may be answered (`grant`), count it.

        `amount` is what the call takes from the grant's quota, all of it or nothing. Everything
        happens under one lock, so two workers cannot both take what is left.
        """
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            verdict = self._remember(nonce, client_ms)
            if verdict is not Verdict.ADMITTED:
                return verdict
            verdict = self._count(app, now_ms)
            if verdict is not Verdict.ADMITTED:
                return Verdict.BUSY
            return verdict if grant is None else self._count(grant, now_ms, amount)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def give_back(self, grant: QuotaHandle, amount: int, now_ms: int) -> None:
        """Return part of what an admitted call took, because less than that was answered."""
        if amount <= 0:
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            at = self._quota_find(grant)
            if not at:
                return
            name, day, today, minute, this_minute = _SLOT.unpack_from(self._map, at)
            # What was taken in a former minute or day has lapsed with it.
            if day == day_of(now_ms):
                today = max(today - amount, 0)
            if minute == now_ms // _PERIOD_MS:
                this_minute = max(this_minute - amount, 0)
            _SLOT.pack_into(self._map, at, name, day, today, minute, this_minute)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def take_of_day(self, grant: QuotaHandle, amount: int, now_ms: int) -> bool:
        """Take more of the day's quota for an admitted call, all or nothing; the minute's stays.

        For what comes in files: their records count, but not as so many calls of one minute.
        """
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            at = self._quota_find(grant) or self._quota_claim(grant, now_ms)
            name, day, today, minute, this_minute = _SLOT.unpack_from(self._map, at)
            today = (today if day == day_of(now_ms) else 0) + amount
            if grant.per_day is not None and today > grant.per_day:
                return False
            _SLOT.pack_into(self._map, at, name, day_of(now_ms), today, minute, this_minute)
            return True
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def take_guess(self, name: int, now_ms: int, most: int) -> bool:
        """Take one of the day's `most` tries at a record; False when they are used up.

        Raises:
            TableFullError: Too many records were guessed at today to count one more.
        """
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            at, count = self._guess_slot(name, day_of(now_ms))
            if count >= most:
                return False
            _SLOT.pack_into(self._map, at, name, day_of(now_ms), count + 1, 0, 0)
            return True
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def give_guess_back(self, name: int, now_ms: int) -> None:
        """Return a try that turned out right."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            at, count = self._guess_slot(name, day_of(now_ms))
            if count:
                _SLOT.pack_into(self._map, at, name, day_of(now_ms), count - 1, 0, 0)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def any_locked(self, now: int) -> bool:
        """Tell cheaply whether anybody at all may be locked."""
        return bool(now < _U32.unpack_from(self._map, _LOCKED_UNTIL)[0])

    def locked_for(self, now: int, *tags: int) -> int:
        """Return for how many more seconds one of the tags is locked (0: not)."""
        remaining = 0
        for each in tags:
            at = self._find(self._failure_bucket(each), each)
            if at:
                remaining = max(remaining, _SLOT.unpack_from(self._map, at)[3] - now)
        return remaining

    def record_failure(
        self, now: int, limits: dict[int, int], *, amount: int = 1, seconds: int = LOCK_SECONDS
    ) -> bool:
        """Count a failed signature (or `amount` misses) for tags with their thresholds.

        Returns True when one got locked, for `seconds`.
        """
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            locked = [self._fail(now, each, most, amount, seconds) for each, most in limits.items()]
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        return any(locked)

    def usage(self, grant: QuotaHandle, now_ms: int) -> tuple[int, int]:
        """Return (this minute, today) as counted so far."""
        at = self._quota_find(grant)
        if not at:
            return 0, 0
        _tag, day, today, minute, this_minute = _SLOT.unpack_from(self._map, at)
        return (
            this_minute if minute == now_ms // _PERIOD_MS else 0,
            today if day == day_of(now_ms) else 0,
        )

    def _remember(self, nonce: int, client_ms: int) -> Verdict:
        # A replay carries the time-stamp that was signed, so one period's bucket decides.
        period = client_ms // _PERIOD_MS
        bucket = (period % _PERIODS) * self._buckets + nonce % self._buckets
        at = self._nonce_at + bucket * _NONCE_BYTES
        epoch, count = _NONCE_HEAD.unpack_from(self._map, at)
        if epoch != period & 0xFFFFFFFF:
            count = 0
        start = at + _NONCE_HEAD.size
        end = start + 8 * count
        name = _U64.pack(nonce)
        found = self._map.find(name, start, end)
        while found >= 0:
            if (found - start) % 8 == 0:
                return Verdict.REPLAYED
            found = self._map.find(name, found + 1, end)
        if count >= _NONCE_WAYS:
            return Verdict.BUSY
        self._map[end : end + 8] = name
        _NONCE_HEAD.pack_into(self._map, at, period & 0xFFFFFFFF, count + 1)
        return Verdict.ADMITTED

    def _count(self, handle: QuotaHandle, now_ms: int, amount: int = 1) -> Verdict:
        at = self._quota_find(handle) or self._quota_claim(handle, now_ms)
        _tag, day, today, minute, this_minute = _SLOT.unpack_from(self._map, at)
        now_minute, now_day = now_ms // _PERIOD_MS, day_of(now_ms)
        if minute != now_minute:
            this_minute = 0
        if day != now_day:
            today = 0
        if handle.per_minute is not None and this_minute + amount > handle.per_minute:
            return Verdict.MINUTE
        if handle.per_day is not None and today + amount > handle.per_day:
            return Verdict.DAY
        today, this_minute = today + amount, this_minute + amount
        _SLOT.pack_into(self._map, at, handle.tag, now_day, today, now_minute, this_minute)
        return Verdict.ADMITTED

    def _quota_buckets(self, handle: QuotaHandle) -> Iterator[int]:
        first = handle.tag % _QUOTA_BUCKETS
        for step in range(_PROBES):
            yield self._quota_at + (first + step) % _QUOTA_BUCKETS * _BUCKET_BYTES

    def _quota_find(self, handle: QuotaHandle) -> int:
        at = handle.offset
        if at and _U64.unpack_from(self._map, at)[0] == handle.tag:
            return at
        handle.offset = next(
            filter(None, (self._find(each, handle.tag) for each in self._quota_buckets(handle))), 0
        )
        return handle.offset

    def _quota_claim(self, handle: QuotaHandle, now_ms: int) -> int:
        """Take an empty slot, or one that was last counted before yesterday."""
        stale = day_of(now_ms) - 1
        for bucket in self._quota_buckets(handle):
            for at in range(bucket, bucket + _BUCKET_BYTES, _SLOT.size):
                name, day, *_counts = _SLOT.unpack_from(self._map, at)
                if name == 0 or day < stale:
                    _SLOT.pack_into(self._map, at, handle.tag, 0, 0, 0, 0)
                    handle.offset = at
                    return at
        raise TableFullError("限额计数表已满，请清空 state 目录并重启网关。")

    def _guess_slot(self, name: int, today: int) -> tuple[int, int]:
        """Return the place of a record's tries and how many were taken today."""
        first = name % _GUESS_BUCKETS
        free = 0
        for step in range(_PROBES):
            bucket = self._guess_at + (first + step) % _GUESS_BUCKETS * _BUCKET_BYTES
            if at := self._find(bucket, name):
                _tag, day, count, _unused, _also = _SLOT.unpack_from(self._map, at)
                return at, count if day == today else 0
            for at in range(bucket, bucket + _BUCKET_BYTES, _SLOT.size):
                _tag, day, count, _unused, _also = _SLOT.unpack_from(self._map, at)
                if not free and (day != today or count == 0):
                    free = at
        if not free:
            raise TableFullError("核验计数表已满，北京时间零点恢复。")
        return free, 0

    def _failure_bucket(self, name: int) -> int:
        return self._failure_at + name % _FAILURE_BUCKETS * _BUCKET_BYTES

    def _find(self, bucket: int, name: int) -> int:
        packed = _U64.pack(name)
        found = self._map.find(packed, bucket, bucket + _BUCKET_BYTES)
        while found >= 0:
            if (found - bucket) % _SLOT.size == 0:
                return found
            found = self._map.find(packed, found + 1, bucket + _BUCKET_BYTES)
        return 0

    def _fail(self, now: int, name: int, most: int, amount: int, seconds: int) -> bool:
        bucket = self._failure_bucket(name)
        at = self._find(bucket, name) or self._oldest(bucket)
        kept, since, count, until, _unused = _SLOT.unpack_from(self._map, at)
        if kept != name:
            since, count, until = now, 0, 0
        if now - since >= FAILURE_WINDOW:
            since, count = now, 0
        count += amount
        if count >= most:
            until = now + seconds
            (latest,) = _U32.unpack_from(self._map, _LOCKED_UNTIL)
            _U32.pack_into(self._map, _LOCKED_UNTIL, max(latest, until))
        _SLOT.pack_into(self._map, at, name, since, count, until, 0)
        return bool(count >= most)

    def _oldest(self, bucket: int) -> int:
        def age(at: int) -> tuple[int, int]:
            _tag, since, _count, until, _unused = _SLOT.unpack_from(self._map, at)
            return until, since

        return min(range(bucket, bucket + _BUCKET_BYTES, _SLOT.size), key=age)

    def _restore(self, used: Used) -> None:
        self._remember(used.nonce, used.client_ms)
        self._count(QuotaHandle(tag("app", used.app), None, None), used.at_ms)
        if used.counted:
            handle = QuotaHandle(tag("grant", used.app, used.interface), None, None)
            self._count(handle, used.at_ms, used.amount)
        if used.guess:
            name = guess_tag(used.app, used.interface, used.guess)
            at, count = self._guess_slot(name, day_of(used.at_ms))
            _SLOT.pack_into(self._map, at, name, day_of(used.at_ms), count + 1, 0, 0)


def boot_id() -> bytes:
    """Return 16 bytes that are others after a reboot."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
    except OSError:
        text = ""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
