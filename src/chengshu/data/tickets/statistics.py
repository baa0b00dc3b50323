"""How departments do with their tickets: figures for the board, all from records, a fixed number of queries."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Avg, Count, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from chengshu.data.tickets.choices import State
from chengshu.data.tickets.models import Ticket

WEEKS = 8


@dataclass(frozen=True, slots=True)
class Performance:
    """One department; rates are in per cent, None where nothing was closed."""

    department_id: int
    code: str
    name: str
    open: int
    overdue: int
    closed: int
    days: float | None
    on_time: float | None
    reopened: float | None
    total: int


def performances(rows: QuerySet[Ticket]) -> list[Performance]:
    """By department, the most overdue first."""
    late = ~Q(state__in=[State.CLOSED, State.SUSPENDED]) & Q(due_at__lte=timezone.now())
    found = (
        rows.order_by()
        .values("department_id", "department__code", "department__short")
        .annotate(
            total=Count("pk"),
            closed=Count("pk", filter=Q(state=State.CLOSED)),
            overdue=Count("pk", filter=late),
            days=Avg("worked_days", filter=Q(state=State.CLOSED)),
            punctual=Count("pk", filter=Q(state=State.CLOSED, on_time=True)),
            again=Count("pk", filter=Q(reopened__gt=0)),
        )
    )
    listed = [
        Performance(
            department_id=r["department_id"], code=r["department__code"],
            name=r["department__short"], open=r["total"] - r["closed"], overdue=r["overdue"],
            closed=r["closed"], days=None if r["days"] is None else round(float(r["days"]), 1),
            on_time=_rate(r["punctual"], r["closed"]), reopened=_rate(r["again"], r["total"]),
            total=r["total"],
        )
        for r in found
    ]  # fmt: skip
    return sorted(listed, key=lambda p: (-p.overdue, -p.open, p.name))


def _rate(part: int, whole: int) -> float | None:
    return round(part * 100 / whole, 1) if whole else None


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days and what happened in them."""

    first: date
    opened: int
    closed: int


def weeks(rows: QuerySet[Ticket], count: int = WEEKS) -> list[Week]:
    """Opened and closed in the last ``count`` weeks (Monday to Sunday), oldest first."""
    today = timezone.localdate()
    monday = today - timedelta(days=today.weekday())
    starts = [monday - timedelta(weeks=back) for back in range(count - 1, -1, -1)]
    opened = _by_day(rows, "opened_at", starts[0])
    closed = _by_day(rows, "closed_at", starts[0])

    def within(days: dict[date, int], start: date) -> int:
        return sum(n for day, n in days.items() if start <= day < start + timedelta(days=7))

    return [Week(start, within(opened, start), within(closed, start)) for start in starts]


def _by_day(rows: QuerySet[Ticket], field: str, since: date) -> dict[date, int]:
    found = (
        rows.order_by()
        .filter(**{f"{field}__date__gte": since})
        .annotate(day=TruncDate(field))
        .values_list("day")
        .annotate(n=Count("pk"))
    )
    return dict(found)


@dataclass(frozen=True, slots=True)
class Totals:
    """The whole of what the actor sees."""

    open: int
    overdue: int
    closed: int
    supervised: int
    escalated: int
    days: float | None
    on_time: float | None
    reopened: float | None


def totals(rows: QuerySet[Ticket]) -> Totals:
    """Sums over all departments (one query)."""
    late = ~Q(state__in=[State.CLOSED, State.SUSPENDED]) & Q(due_at__lte=timezone.now())
    is_open = ~Q(state=State.CLOSED)
    sums = rows.order_by().aggregate(
        total=Count("pk"), closed=Count("pk", filter=Q(state=State.CLOSED)),
        overdue=Count("pk", filter=late),
        supervised=Count("pk", filter=is_open & Q(supervised=True)),
        escalated=Count("pk", filter=is_open & Q(escalation="leaders")),
        days=Avg("worked_days", filter=Q(state=State.CLOSED)),
        punctual=Count("pk", filter=Q(state=State.CLOSED, on_time=True)),
        again=Count("pk", filter=Q(reopened__gt=0)),
    )  # fmt: skip
    return Totals(
        open=sums["total"] - sums["closed"], overdue=sums["overdue"], closed=sums["closed"],
        supervised=sums["supervised"], escalated=sums["escalated"],
        days=None if sums["days"] is None else round(float(sums["days"]), 1),
        on_time=_rate(sums["punctual"], sums["closed"]),
        reopened=_rate(sums["again"], sums["total"]),
    )  # fmt: skip
