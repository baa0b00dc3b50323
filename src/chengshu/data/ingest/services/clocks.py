"""What the clock of a source says: asked at each connection test and each run, shown when it strays from ours."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from chengshu.data.ingest.models import DataSource
from chengshu.data.ingest.sources import Connection, SourceError

NOTED = ("clock_skew", "clock_read_at")


@dataclass(frozen=True, slots=True)
class Reading:
    """The source's time, and how far it is ahead of ours (negative: behind)."""

    at: datetime
    skew: timedelta


def look(source: DataSource, to: Connection) -> Reading | None:
    """Ask a source for its time and note the difference on it (fields ``NOTED``, not saved).

    The answer came between two looks at our own clock: within these, nothing can be said against the source.
    None: the kind has no clock, or would not tell; whoever reads from the source hears why it does not answer.
    """
    before = timezone.now()
    try:
        there = source.connector.clock(to)
    except SourceError:
        there = None
    after = timezone.now()
    if there is None:
        source.clock_skew = source.clock_read_at = None
        return None
    skew = max(there - after, timedelta(0)) + min(there - before, timedelta(0))
    source.clock_skew, source.clock_read_at = round(skew.total_seconds(), 3), after
    return Reading(there, skew)


def strays(source: DataSource) -> bool:
    """Whether the clocks differed by more than is tolerated when they were last compared."""
    tolerated = float(settings.SOURCE_CLOCK_TOLERATED_SECONDS)
    return source.clock_skew is not None and abs(source.clock_skew) > tolerated
