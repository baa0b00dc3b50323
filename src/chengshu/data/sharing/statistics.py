"""Hourly sums of calls: added in a handful of statements, read within what a person may see."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from chengshu.data.sharing.models import CallStatistic

UNKNOWN = "-"
_CHUNK = 2_000
_LENGTHS = (64, 64, 40)


class Sum(NamedTuple):
    """Calls of one hour (a full hour, time-zone aware).

    ``micros`` is their time together, ``charged`` what they took from the quota.
    """

    hour: datetime
    application: str
    interface: str
    outcome: str
    calls: int
    micros: int
    charged: int = 0


Key = tuple[datetime, str, str, str]


def add(rows: Iterable[Sum]) -> int:
    """Add sums to the statistics inside the caller's transaction; return the number of calls.

    The caller holds a lock that keeps other writers of statistics out (the row of its cursor).
    """
    new: dict[Key, CallStatistic] = {}
    total = 0
    for row in rows:
        words = zip((row.application, row.interface, row.outcome), _LENGTHS, strict=True)
        application, interface, outcome = (word[:length] or UNKNOWN for word, length in words)
        key = (row.hour, application, interface, outcome)
        item = new.get(key)
        if item is None:
            item = new[key] = CallStatistic(
                hour=row.hour, application=application, interface=interface, outcome=outcome
            )
        item.calls += row.calls
        item.micros += row.micros
        item.charged += row.charged
        total += row.calls
    if new:
        _merge(new)
    return total


def _merge(new: dict[Key, CallStatistic]) -> None:
    hours = [key[0] for key in new]
    stored = CallStatistic.objects.filter(hour__gte=min(hours), hour__lte=max(hours))
    known = []
    for item in stored.iterator(_CHUNK):
        added = new.pop((item.hour, item.application, item.interface, item.outcome), None)
        if added is not None:
            item.calls += added.calls
            item.micros += added.micros
            item.charged += added.charged
            known.append(item)
    CallStatistic.objects.bulk_update(known, ["calls", "micros", "charged"], batch_size=200)
    CallStatistic.objects.bulk_create(new.values(), batch_size=_CHUNK)
