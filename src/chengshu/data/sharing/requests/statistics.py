"""How long requests take and who is late: figures of the overdue board, all from records, few queries."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Count, Q, QuerySet
from django.utils import timezone

from chengshu.data.sharing.requests.choices import State
from chengshu.data.sharing.requests.flow import HOLDERS, OPEN, Holder
from chengshu.data.sharing.requests.models import AccessRequest, RequestEvent


@dataclass(frozen=True, slots=True)
class Stage:
    """One state: how many stand in it, how many of them are late, and how it went for those that left it.

    ``days`` is the mean in working days and ``on_time`` a rate in per cent; None where none has left it.
    """

    state: str
    open: int
    overdue: int
    left: int
    days: float | None
    on_time: float | None


def stages() -> list[Stage]:
    """Every state with a clock, in the order of the flow (two queries)."""
    late = Q(due_at__lte=timezone.now())
    standing: dict[str, Any] = {
        row["state"]: row
        for row in AccessRequest.objects.filter(state__in=OPEN).order_by().values("state").annotate(
            open=Count("pk"), overdue=Count("pk", filter=late)
        )
    }  # fmt: skip
    gone: dict[str, Any] = {
        row["before"]: row
        for row in RequestEvent.objects.filter(late__isnull=False).order_by().values("before").annotate(
            left=Count("pk"), days=Avg("worked_days"), punctual=Count("pk", filter=Q(late=False))
        )
    }  # fmt: skip
    return [_stage(state, standing.get(state, {}), gone.get(state, {})) for state in OPEN]


def _stage(state: State, now: Any, gone: Any) -> Stage:
    left = int(gone.get("left", 0))
    return Stage(
        state=state.label, open=now.get("open", 0), overdue=now.get("overdue", 0), left=left,
        days=round(float(gone["days"]), 1) if left else None,
        on_time=round(gone["punctual"] * 100 / left, 1) if left else None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Provider:
    """One department: what waits for its answer or delivery, and what of it is late."""

    code: str
    name: str
    waiting: int
    overdue: int


def providers(rows: QuerySet[AccessRequest]) -> list[Provider]:
    """Departments with something to answer, the most overdue first (one query)."""
    held = [state for state, who in HOLDERS.items() if who is Holder.PROVIDER]
    found = (
        rows.filter(state__in=held)
        .order_by()
        .values("provider__code", "provider__short")
        .annotate(n=Count("pk"), late=Count("pk", filter=Q(due_at__lte=timezone.now())))
    )
    listed = [Provider(r["provider__code"], r["provider__short"], r["n"], r["late"]) for r in found]
    return sorted(listed, key=lambda p: (-p.overdue, -p.waiting, p.name))
