"""Reads of the sharing package within the actor's scope."""

from dataclasses import dataclass

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncMonth

from chengshu.data.sharing.choices import ApplicationState, GrantState, InterfaceState
from chengshu.data.sharing.models import Application, CallStatistic, Grant, ShareInterface
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope


def count_calls() -> int:
    """All audited calls taken over so far."""
    return int(CallStatistic.objects.aggregate(total=Sum("calls"))["total"] or 0)


def count_applications() -> int:
    """Connected applications in use."""
    return Application.objects.filter(state=ApplicationState.ACTIVE).count()


def count_interfaces() -> int:
    """Interfaces that answer."""
    return ShareInterface.objects.filter(state=InterfaceState.ONLINE).count()


def applications(actor: Actor) -> QuerySet[Application]:
    """Applications the actor may see."""
    return scope(actor, "sharing.view", Application.objects.select_related("owner"))


def interfaces(actor: Actor) -> QuerySet[ShareInterface]:
    """Interfaces: visible to everybody who may view sharing, because one cannot apply for what one cannot find."""
    if not (actor.system or actor.scopes.get("sharing.view")):
        return ShareInterface.objects.none()
    return ShareInterface.objects.select_related("resource", "resource__provider")


def grants(actor: Actor) -> QuerySet[Grant]:
    """Grants on the actor's interfaces and grants of the actor's applications."""
    rows = Grant.objects.select_related("application", "interface", "interface__resource")
    given = scope(actor, "sharing.view", rows)
    received = rows.filter(application__in=applications(actor))
    return (given | received).distinct()


def open_grants(interface: ShareInterface) -> QuerySet[Grant]:
    """Grants in force on an interface."""
    return interface.grants.exclude(state=GrantState.REVOKED).select_related("application")


@dataclass(frozen=True, slots=True)
class MonthCalls:
    """Calls of one month, ``2026-11``."""

    month: str
    calls: int


@dataclass(frozen=True, slots=True)
class InterfaceCalls:
    """Calls of one interface over all time."""

    code: str
    title: str
    calls: int


def calls_by_month() -> list[MonthCalls]:
    """Calls by month in the city's time, oldest first."""
    rows = (
        CallStatistic.objects.annotate(month=TruncMonth("hour"))
        .values("month")
        .annotate(total=Sum("calls"))
        .order_by("month")
    )
    return [MonthCalls(f"{r['month']:%Y-%m}", int(r["total"])) for r in rows]


def busiest_interfaces() -> list[InterfaceCalls]:
    """Interfaces by number of calls, most called first."""
    titles = dict(ShareInterface.objects.values_list("code", "title"))
    rows = CallStatistic.objects.values("interface").annotate(total=Sum("calls")).order_by("-total")
    return [
        InterfaceCalls(r["interface"], titles[r["interface"]], int(r["total"]))
        for r in rows
        if r["interface"] in titles
    ]
