"""How often one address may ask the open interfaces, so that one careless loop does not slow everybody down.

A bucket per address: it holds a burst and fills up evenly. Kept in the memory of each web process: nothing is written
per question, and who asked is forgotten as soon as the bucket is full again. IPv6 counts by network (/64), because one
connection has them all.
"""

import ipaddress
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.http import HttpRequest

from chengshu.kernel.access.middleware import client_address
from chengshu.kernel.errors import TooMany

_NETWORK = 64
_MOST_ADDRESSES = 50_000


@dataclass(slots=True)
class Buckets:
    """The buckets of one process. ``clock`` counts seconds and never goes back."""

    clock: Callable[[], float] = time.monotonic
    most: int = _MOST_ADDRESSES
    _levels: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, address: str, *, per_minute: int, burst: int) -> float:
        """Take one question out; returns 0, or the seconds until there is one again."""
        now, rate = self.clock(), per_minute / 60
        with self._lock:
            left, seen = self._levels.pop(address, (float(burst), now))
            left = min(float(burst), left + (now - seen) * rate)
            wait = 0.0 if left >= 1 else (1 - left) / rate
            # Put back at the end: the dictionary stays in the order of the last question.
            self._levels[address] = (left if wait else left - 1, now)
            self._forget(now, burst / rate)
        return wait

    def _forget(self, now: float, seconds_to_fill: float) -> None:
        """Drop those that are full again, and the longest silent when there are too many."""
        while self._levels:
            oldest = next(iter(self._levels))
            if len(self._levels) <= self.most and now - self._levels[oldest][1] < seconds_to_fill:
                break
            del self._levels[oldest]

    def clear(self) -> None:
        """Forget everybody."""
        with self._lock:
            self._levels.clear()


BUCKETS = Buckets()


def count(request: HttpRequest) -> None:
    """Count one question to the open interfaces.

    Raises:
        TooMany: this address asked too often; says how many seconds to wait.
    """
    per_minute, burst = settings.OPEN_API_PER_MINUTE, settings.OPEN_API_BURST
    if per_minute <= 0:
        return
    wait = BUCKETS.take(_network(client_address(request)), per_minute=per_minute, burst=burst)
    if wait:
        seconds = math.ceil(wait)
        raise TooMany(
            f"您这个网络地址问得太快了，每分钟最多 {per_minute:,} 次。",
            advice=f"请等 {seconds} 秒再试；要整份数据，下载文件更快，不计次数。",
            retry_after=seconds,
        )


def _network(address: str) -> str:
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address, _NETWORK), strict=False))
