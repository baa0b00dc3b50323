"""Runs jobs by the clock: five-field cron in the city's time zone, each slot exactly once over all workers."""

from datetime import datetime, timedelta
from functools import lru_cache

from django.db import IntegrityError
from django.utils import timezone

from chengshu.kernel.access.actor import platform
from chengshu.kernel.jobs.models import ScheduleRun
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.registry import registry
from chengshu.kernel.registry.manifest import Schedule
from chengshu.kernel.unit_of_work import unit_of_work

_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
CATCH_UP = timedelta(minutes=10)


@lru_cache(maxsize=512)
def parse(cron: str) -> tuple[frozenset[int], ...]:
    """Parse ``minute hour day month weekday`` (lists, ranges, steps; Sunday is 0 or 7).

    Raises:
        ValueError: not a five-field cron expression.
    """
    parts = cron.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"定时表达式应有五段：{cron!r}")
    sets = [_parse_field(p, *bounds) for p, bounds in zip(parts, _FIELDS, strict=True)]
    sets[4] = frozenset(day % 7 for day in sets[4])
    return tuple(sets)


def _parse_field(text: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        else:
            start, _, end = span.partition("-")
            first = int(start)
            last = int(end) if end else (high if step else first)
        if not low <= first <= last <= high:
            raise ValueError(f"定时表达式超出范围：{text!r}")
        found.update(range(first, last + 1, int(step or 1)))
    return frozenset(found)


def due(cron: str, moment: datetime) -> bool:
    """Whether the minute of ``moment`` is a slot of ``cron``; day-of-month and weekday combine as cron does."""
    minute, hour, day, month, weekday = parse(cron)
    local = timezone.localtime(moment)
    fields = cron.split()
    day_ok, weekday_ok = local.day in day, local.isoweekday() % 7 in weekday
    both_given = fields[2] != "*" and fields[4] != "*"
    days = (day_ok or weekday_ok) if both_given else (day_ok and weekday_ok)
    return local.minute in minute and local.hour in hour and local.month in month and days


def tick(now: datetime | None = None) -> int:
    """Enqueue what is due; after a pause the last missed slot of each schedule is made good once."""
    now = (now or timezone.now()).replace(second=0, microsecond=0)
    return sum(_tick_one(schedule, now) for schedule in registry.schedules())


def _tick_one(schedule: Schedule, now: datetime) -> int:
    slot = now
    while not due(schedule.cron, slot):
        slot -= timedelta(minutes=1)
        if now - slot > CATCH_UP:
            return 0
    if ScheduleRun.objects.filter(name=schedule.key, slot=slot).exists():
        return 0
    try:
        with unit_of_work():
            run = ScheduleRun.objects.create(name=schedule.key, slot=slot)
            run.job = enqueue(schedule.job, actor=platform("定时任务"), title=schedule.name)
            run.save(update_fields=["job"])
    except IntegrityError:  # another worker took the slot
        return 0
    return 1
