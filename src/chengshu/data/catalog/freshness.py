"""How fresh an entry is, in one word: what facets, lists and search results call 时效."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, CharField, F, Q, TextChoices, Value, When


class Freshness(TextChoices):
    """Whether the last data came in time."""

    ON_TIME = "on_time", "按时"
    DUE_SOON = "due_soon", "临期"
    OVERDUE = "overdue", "逾期"
    NEVER = "never", "从未归集"
    FREE = "free", "不定期"


SOON = timedelta(days=3)
"""Within so long of the due moment an entry is 临期 …"""

SOON_FOR_SHORT = timedelta(hours=6)
"""… and within so long when the whole term is shorter than :data:`SHORT_TERM`."""

SHORT_TERM = timedelta(days=8)


def freshness_of(fresh_at: datetime | None, due_at: datetime | None, now: datetime) -> Freshness:
    """The word for an entry's last update and due moment (``Resource.fresh_at``, ``due_at``)."""
    if fresh_at is None:
        return Freshness.NEVER
    if due_at is None:
        return Freshness.FREE
    if now >= due_at:
        return Freshness.OVERDUE
    soon = SOON_FOR_SHORT if due_at - fresh_at < SHORT_TERM else SOON
    return Freshness.DUE_SOON if due_at - now <= soon else Freshness.ON_TIME


def freshness_case(now: datetime, *, prefix: str = "") -> Any:
    """:func:`freshness_of` as a database expression over resources."""
    fresh, due = f"{prefix}fresh_at", f"{prefix}due_at"
    short = Q(**{f"{fresh}__gt": F(due) - SHORT_TERM})
    return Case(
        When(Q(**{f"{fresh}__isnull": True}), then=Value(Freshness.NEVER)),
        When(Q(**{f"{due}__isnull": True}), then=Value(Freshness.FREE)),
        When(Q(**{f"{due}__lte": now}), then=Value(Freshness.OVERDUE)),
        When(short & Q(**{f"{due}__lte": now + SOON_FOR_SHORT}), then=Value(Freshness.DUE_SOON)),
        When(~short & Q(**{f"{due}__lte": now + SOON}), then=Value(Freshness.DUE_SOON)),
        default=Value(Freshness.ON_TIME),
        output_field=CharField(),
    )
