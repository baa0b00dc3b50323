"""A circuit breaker: a source that keeps failing is left alone for a while, then asked by one call.

Own code, because the maintained libraries let every call through when the pause is over, or need a
thread: here exactly one probe goes out, and whoever comes meanwhile is told when to come back.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

FAILURES = 5
"""Failures in a row that open it."""
PAUSE = 15.0
"""Seconds of the first pause; each probe that fails doubles it."""
LONGEST = 300.0


class OpenError(RuntimeError):
    """The source is left alone; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        """Keep when it is worth asking again."""
        super().__init__("open")
        self.retry_after = retry_after


@dataclass(slots=True)
class Breaker:
    """The state of one source in one worker; for one event loop, no locking."""

    clock: Callable[[], float] = time.monotonic
    _failed: int = field(default=0, init=False)
    _pause: float = field(default_factory=lambda: PAUSE, init=False)
    _until: float | None = field(default=None, init=False)
    _probing: bool = field(default=False, init=False)

    def enter(self) -> bool:
        """Let a call through and tell whether it is the probe, or raise OpenError.

        Every call that entered must be reported by `leave`.
        """
        if self._until is None:
            return False
        left = self._until - self.clock()
        if left > 0 or self._probing:
            raise OpenError(max(math.ceil(left), 1))
        self._probing = True
        return True

    def leave(self, *, probe: bool, answered: bool | None) -> None:
        """Note how a call ended; None: nobody knows, it was given up."""
        if probe:
            self._probing = False
        elif self._until is not None:
            return  # sent before the pause began: it says nothing about now
        if answered:
            self._failed, self._pause, self._until = 0, PAUSE, None
        elif answered is False:
            self._failed += 1
            if probe:
                self._pause = min(self._pause * 2, LONGEST)
            if probe or self._failed >= FAILURES:
                self._until = self.clock() + self._pause
