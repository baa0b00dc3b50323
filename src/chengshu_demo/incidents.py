"""What stands out in the demo city's history of calls: a rush, calls at night, somebody trying keys.

They are part of the city's total, not added to it, and lie a few days before the end of the history.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from chengshu_demo.encoding import Ints
from chengshu_demo.randomness import stream
from chengshu_demo.world import Scale

_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Incident:
    """Calls of one application within one hour of the city's time, ``days_before`` the end or the working day before.

    ``sizes`` are calls by scale. ``outcomes`` are ``(word, HTTP status, share)``; with ``trying`` every call asks for
    a key of its own that no record has.
    """

    application: str
    interface: str
    days_before: int
    hour: int
    sizes: dict[Scale, int]
    outcomes: tuple[tuple[str, int, float], ...]
    trying: bool = False
    working_day: bool = True

    def day(self, reference: dt.date) -> dt.date:
        """The day it happened."""
        found = reference - dt.timedelta(days=self.days_before)
        while self.working_day and found.weekday() >= _SATURDAY:
            found -= dt.timedelta(days=1)
        return found

    def outcome_of(self, count: int) -> Ints:
        """Which outcome each of the calls has, in order of time."""
        ends = np.cumsum([share for _, _, share in self.outcomes]) * count
        return np.searchsorted(ends, np.arange(count), side="right").astype(np.int64)

    def keys(self, count: int, scale: Scale, vocabulary: int) -> Ints:
        """Which known key each call asks for; of no meaning where keys are tried."""
        generator = stream("incident", scale, self.application, self.interface)
        return generator.integers(0, vocabulary, size=count).astype(np.int64)

    def tried(self, count: int, hashing: Callable[[str], str]) -> list[str]:
        """Hashes of keys that no record has, one a call."""
        return [hashing(f"{self.interface}-tried-{n}") for n in range(count)]


INCIDENTS: Final = (
    Incident(
        "zwfw", "yb-canbao", days_before=8, hour=10, sizes={"small": 90, "full": 900},
        outcomes=(("ok", 200, 1.0),),
    ),
    Incident(
        "ygt", "cj-xinxi", days_before=3, hour=2, sizes={"small": 60, "full": 420},
        outcomes=(("ok", 200, 1.0),), working_day=False,
    ),
    Incident(
        "jcgk", "rk-hecha", days_before=1, hour=15, sizes={"small": 100, "full": 640},
        outcomes=(("no_record", 404, 0.88), ("scanning", 429, 0.12)), trying=True,
    ),
)  # fmt: skip
