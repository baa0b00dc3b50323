"""What the sums of calls say: how many, how well, how fast, by whom, of what, and why some were refused."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from chengshu.data.sharing.models import Application, CallStatistic, DayStatistic, ShareInterface
from chengshu.data.sharing.statistics import UNKNOWN
from chengshu_gateway.problems import KINDS

OK = "ok"
# Answered by the rules: the record is not there, which is no failure of the call.
NOT_THERE = "no_record"
ANSWERED = (OK, NOT_THERE)
UNKNOWN_UNIT = "单位未登记"
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


def first_day(days: int) -> date:
    """The first day of a period of ``days`` calendar days that ends today, in the city's time."""
    return since(days).date()


def totals(rows: QuerySet[DayStatistic]) -> Totals:
    """Sums over the rows, in two queries."""
    found = rows.aggregate(calls=Sum("calls"), micros=Sum("micros"), charged=Sum("charged"))
    calls = int(found["calls"] or 0)
    answered = int(rows.filter(outcome__in=ANSWERED).aggregate(n=Sum("calls"))["n"] or 0)
    mean = int(found["micros"] or 0) / calls / MICROS_PER_MS if calls else None
    return Totals(calls, answered, mean, int(found["charged"] or 0))


def reasons(rows: QuerySet[DayStatistic]) -> list[Reason]:
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


def by_application(rows: QuerySet[DayStatistic], limit: int = 10) -> list[Share]:
    """The applications that call most."""
    return _shares(
        rows, "application", dict(Application.objects.values_list("code", "name")), limit
    )


def by_interface(rows: QuerySet[DayStatistic], limit: int = 10) -> list[Share]:
    """The interfaces that are called most."""
    titles = dict(ShareInterface.objects.values_list("code", "title"))
    return _shares(rows, "interface", titles, limit)


def _shares(
    rows: QuerySet[DayStatistic], field: str, titles: dict[str, str], limit: int
) -> list[Share]:
    # Requests for tokens, and calls that name nothing, belong to no interface.
    named = rows.exclude(**{f"{field}__in": ("", UNKNOWN)}).order_by()
    found = named.values(field).annotate(total=Sum("calls")).order_by("-total")[:limit]
    return [
        Share(row[field], titles.get(row[field], row[field]), int(row["total"])) for row in found
    ]


def by_day(rows: QuerySet[DayStatistic], days: int) -> list[Day]:
    """Calls of each of the last ``days`` days, days without calls included."""
    answered = Sum("calls", filter=Q(outcome__in=ANSWERED), default=0)
    found = rows.order_by().values("day").annotate(answered=answered, total=Sum("calls"))
    sums = {row["day"]: (row["answered"], row["total"] - row["answered"]) for row in found}
    first = first_day(days)
    every = [first + timedelta(days=n) for n in range(days)]
    return [Day(d, *sums.get(d, (0, 0))) for d in every]


def by_hour(rows: QuerySet[CallStatistic]) -> list[int]:
    """Calls by hour of the day in the city's time, 0 to 23."""
    sums = [0] * 24
    for row in rows.order_by().values("hour").annotate(total=Sum("calls")):
        sums[timezone.localtime(row["hour"]).hour] += row["total"]
    return sums


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the reports: an application, an interface or a department with its calls.

    ``found`` calls were answered with data, ``missing`` ones found no record, the others were refused; ``mean_ms``
    as in :class:`Totals`. ``users`` counts departments that were answered, ``applications`` likewise.
    """

    code: str
    title: str
    unit: str
    calls: int
    found: int
    missing: int
    mean_ms: float
    applications: int
    users: int

    @property
    def refused(self) -> int:
        """Calls that were refused or failed."""
        return self.calls - self.found - self.missing


def lines(rows: QuerySet[DayStatistic], group: str) -> list[Line]:
    """The report by interface, application or department of the caller, busiest first (three queries)."""
    applications = {
        a.code: (a.name, a.owner.name) for a in Application.objects.select_related("owner")
    }
    interfaces = {
        i.code: (i.title, i.resource.provider.name)
        for i in ShareInterface.objects.select_related("resource__provider")
    }
    sums: dict[str, list[int]] = {}
    callers: dict[str, set[str]] = {}
    found = rows.order_by().values_list("application", "interface", "outcome")
    for asking, asked, outcome, total, micros in found.annotate(Sum("calls"), Sum("micros")):
        unit = applications.get(asking, ("", UNKNOWN_UNIT))[1]
        key = {"interface": asked, "application": asking}.get(group, unit)
        own = sums.setdefault(key, [0, 0, 0, 0])
        own[0] += total
        own[1] += total if outcome == OK else 0
        own[2] += total if outcome == NOT_THERE else 0
        own[3] += micros
        if outcome in ANSWERED:
            callers.setdefault(key, set()).add(asking)
    names = {"interface": interfaces, "application": applications}.get(group, {})
    made = []
    for key, (calls, told, missing, spent) in sums.items():
        title, unit = names.get(key, (key, ""))
        users = callers.get(key, set())
        made.append(
            Line(
                key, title, unit, calls, told, missing, spent / calls / MICROS_PER_MS, len(users),
                len({applications.get(code, ("", UNKNOWN_UNIT))[1] for code in users}),
            )
        )  # fmt: skip
    return sorted(made, key=lambda line: (-line.calls, line.code))
