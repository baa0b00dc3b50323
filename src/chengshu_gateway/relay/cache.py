"""Answers of sources that may be kept for a while, for one grant and one question each; bounded."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]
MAX_ENTRIES = 2000
MAX_COST = 32 << 20


@dataclass(slots=True)
class Cache:
    """What was answered lately; the oldest goes first. `cost` is the size of the answer in bytes."""

    clock: Callable[[], float] = time.monotonic
    _entries: "OrderedDict[str, tuple[float, int, list[Record]]]" = field(
        default_factory=OrderedDict, init=False
    )
    _cost: int = field(default=0, init=False)

    def get(self, key: str) -> list[Record] | None:
        """Return the records kept under a key while they are fresh."""
        found = self._entries.get(key)
        if found is None:
            return None
        if found[0] <= self.clock():
            self._drop(key)
            return None
        return found[2]

    def put(self, key: str, records: list[Record], *, seconds: float, cost: int) -> None:
        """Keep records."""
        if key in self._entries:
            self._drop(key)
        self._entries[key] = (self.clock() + seconds, cost, records)
        self._cost += cost
        while len(self._entries) > MAX_ENTRIES or self._cost > MAX_COST:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: str) -> None:
        self._cost -= self._entries.pop(key)[1]
