"""Hourly sums of calls: added in a handful of statements, read within what a person may see."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar

from django.utils import timezone

from chengshu.data.sharing.models import CallStatistic, DayStatistic

UNKNOWN = "-"
_CHUNK = 2_000
_LENGTHS = (64, 64, 40)

HourKey = tuple[datetime, str, str, str]
DayKey = tuple[date, str, str, str]
T = TypeVar("T", CallStatistic, DayStatistic)


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


def add(rows: Iterable[Sum]) -> int:
    """Add sums to the statistics by hour and by day, inside the caller's transaction; return the number of calls.

    The caller holds a lock that keeps other writers of statistics out (the row of its cursor).
    """
    hours: dict[HourKey, CallStatistic] = {}
    days: dict[DayKey, DayStatistic] = {}
    total = 0
    for row in rows:
        words = zip((row.application, row.interface, row.outcome), _LENGTHS, strict=True)
        application, interface, outcome = (word[:length] or UNKNOWN for word, length in words)
        day = timezone.localtime(row.hour).date()
        hourly = hours.get((row.hour, application, interface, outcome))
        if hourly is None:
            hourly = hours[row.hour, application, interface, outcome] = CallStatistic(
                hour=row.hour, application=application, interface=interface, outcome=outcome
            )
        daily = days.get((day, application, interface, outcome))
        if daily is None:
            daily = days[day, application, interface, outcome] = DayStatistic(
                day=day, application=application, interface=interface, outcome=outcome
            )
        for item in (hourly, daily):
            item.calls += row.calls
            item.micros += row.micros
            item.charged += row.charged
        total += row.calls
    if hours:
        _merge(CallStatistic, "hour", hours)
        _merge(DayStatistic, "day", days)
    return total


def _merge(model: type[T], moment: str, new: dict[Any, T]) -> None:
    times = [key[0] for key in new]
    found = model.objects.filter(**{f"{moment}__gte": min(times), f"{moment}__lte": max(times)})
    known = []
    for item in found.iterator(_CHUNK):
        key = (getattr(item, moment), item.application, item.interface, item.outcome)
        added = new.pop(key, None)
        if added is not None:
            item.calls += added.calls
            item.micros += added.micros
            item.charged += added.charged
            known.append(item)
    model.objects.bulk_update(known, ["calls", "micros", "charged"], batch_size=200)
    model.objects.bulk_create(new.values(), batch_size=_CHUNK)
