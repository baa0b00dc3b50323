"""Keeps ``Resource.fresh_at`` and ``due_at``: renewed when data comes in, when an entry changes, and every night.

Collection tells when data last came in through :func:`register_freshness`; the catalogue asks, it does not know who.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime

from django.db.models import Min, QuerySet

from chengshu.data.catalog.choices import ResourceState
from chengshu.data.catalog.due import next_due
from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.services.cycles import lengths
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import local_date

# Entry ids → when data last came in; entries without data are left out.
Freshness = Callable[[Collection[int]], Mapping[int, datetime]]
FRESHNESS: dict[str, Freshness] = {}
_CHUNK = 1_000


def register_freshness(key: str, provider: Freshness) -> None:
    """Add a source of last updates; the latest of all sources counts. The same key replaces the earlier one."""
    FRESHNESS[key] = provider


def renew_due(resource_ids: Iterable[int] | None = None) -> int:
    """Compute ``fresh_at`` and ``due_at`` anew for the entries named, or for all; returns how many changed.

    Only published entries owe updates; the term runs from the last data, else from the first publication.
    """
    found = Resource.objects.all()
    if resource_ids is not None:
        found = found.filter(pk__in=list(resource_ids))
    keys = list(found.order_by("pk").values_list("pk", flat=True))
    clock = _Clock()
    return sum(
        _renew(found, keys[start : start + _CHUNK], clock) for start in range(0, len(keys), _CHUNK)
    )


class _Clock:
    """Remembers terms, because thousands of entries share a cycle and a day."""

    def __init__(self) -> None:
        self._table, self._lengths = stored_table(), lengths()
        self._known: dict[tuple[str, date], datetime | None] = {}

    def due(self, cycle: str, last: datetime) -> datetime | None:
        key = (cycle, local_date(last))
        if key not in self._known:
            self._known[key] = next_due(cycle, last, table=self._table, lengths=self._lengths)
        return self._known[key]


def _renew(found: QuerySet[Resource], keys: list[int], clock: _Clock) -> int:
    latest: dict[int, datetime] = {}
    for provider in FRESHNESS.values():
        for key, moment in provider(keys).items():
            latest[key] = max(moment, latest.get(key, moment))
    changed = []
    rows = found.filter(pk__in=keys).annotate(first=Min("versions__published_at"))
    for row in rows.select_related("published"):
        fresh = latest.get(row.pk)
        start, due = fresh or row.first, None
        if row.state == ResourceState.PUBLISHED and row.published is not None and start:
            due = clock.due(row.published.update_cycle, start)
        if (row.fresh_at, row.due_at) != (fresh, due):
            row.fresh_at, row.due_at = fresh, due
            changed.append(row)
    Resource.objects.bulk_update(changed, ["fresh_at", "due_at"], batch_size=500)
    return len(changed)
