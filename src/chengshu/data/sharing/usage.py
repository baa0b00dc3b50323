"""What the sums of calls say: how many, how well, how fast, by whom, of what, and why some were refused."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from chengshu.data.sharing.models import Application, CallStatistic, ShareInterface
from chengshu_gateway.problems import KINDS

OK = "ok"
# Answered by the rules: the record is not there, which is no failure of the call.
ANSWERED = (OK, "no_record")
MICROS_PER_MS = 1000


def outcome_name(outcome: str) -> str:
    """The word for an outcome of the gateway."""
    if outcome == OK:
        return "成功"
    kind = KINDS.get(outcome)
    return kind.title if kind else outcome


@dataclass(frozen=True, slots=True)
class Totals:
    """Calls of a period; ``mean_ms`` is the average handling time in milliseconds.

    ``charged`` is what they took from the quota: records, so that a batch is one call and many of these.
    """

    calls: int
    answered: int
    mean_ms: float | None
    charged: int = 0

    @property
    def refused(self) -> int:
        """Calls that were refused or failed."""
        return self.calls - self.answered


@dataclass(frozen=True, slots=True)
class Reason:
    """Why calls were refused; ``advice`` is what the caller is told."""

    outcome: str
    title: str
    status: int
    calls: int
    advice: str


@dataclass(frozen=True, slots=True)
class Share:
    """Calls of one application or interface."""

    code: str
    title: str
    calls: int


@dataclass(frozen=True, slots=True)
class Day:
    """Calls of one day in the city's time."""

    day: date
    answered: int
    refused: int


def since(days: int) -> datetime:
    """Midnight ``days - 1`` days ago: a period of ``days`` calendar days that ends today."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=days - 1)


def totals(rows: QuerySet[CallStatistic]) -> Totals:
    """Sums over the rows, in two queries."""
    found = rows.aggregate(calls=Sum("calls"), micros=Sum("micros"), charged=Sum("charged"))
    calls = int(found["calls"] or 0)
    answered = int(rows.filter(outcome__in=ANSWERED).aggregate(n=Sum("calls"))["n"] or 0)
    mean = int(found["micros"] or 0) / calls / MICROS_PER_MS if calls else None
    return Totals(calls, answered, mean, int(found["charged"] or 0))


def reasons(rows: QuerySet[CallStatistic]) -> list[Reason]:
    """Refusals by reason, most frequent first."""
    refused = rows.exclude(outcome__in=ANSWERED).order_by()
    found = refused.values("outcome").annotate(total=Sum("calls")).order_by("-total")
    return [
        Reason(
            row["outcome"],
            outcome_name(row["outcome"]),
            KINDS[row["outcome"]].status if row["outcome"] in KINDS else 0,
            int(row["total"]),
            KINDS[row["outcome"]].detail if row["outcome"] in KINDS else "",
        )
        for row in found
    ]


def by_application(rows: QuerySet[CallStatistic], limit: int = 10) -> list[Share]:
    """The applications that call most."""
    return _shares(
        rows, "application", dict(Application.objects.values_list("code", "name")), limit
    )


def by_interface(rows: QuerySet[CallStatistic], limit: int = 10) -> list[Share]:
    """The interfaces that are called most."""
    titles = dict(ShareInterface.objects.values_list("code", "title"))
    return _shares(rows, "interface", titles, limit)


def _shares(
    rows: QuerySet[CallStatistic], field: str, titles: dict[str, str], limit: int
) -> list[Share]:
    # Requests for tokens, and calls that name nothing, belong to no interface.
    named = rows.exclude(**{field: ""}).order_by()
    found = named.values(field).annotate(total=Sum("calls")).order_by("-total")[:limit]
    return [
        Share(row[field], titles.get(row[field], row[field]), int(row["total"])) for row in found
    ]


def by_day(rows: QuerySet[CallStatistic], days: int) -> list[Day]:
    """Calls of each of the last ``days`` days, days without calls included."""
    sums: dict[date, tuple[int, int]] = {}
    # Grouped by hour along the index and into days here: the database would truncate every row by a function.
    answered = Sum("calls", filter=Q(outcome__in=ANSWERED), default=0)
    found = rows.order_by().values("hour").annotate(answered=answered, total=Sum("calls"))
    for row in found:
        day = timezone.localtime(row["hour"]).date()
        good, bad = sums.get(day, (0, 0))
        sums[day] = (good + row["answered"], bad + row["total"] - row["answered"])
    first = since(days).date()
    every = [first + timedelta(days=n) for n in range(days)]
    return [Day(d, *sums.get(d, (0, 0))) for d in every]
