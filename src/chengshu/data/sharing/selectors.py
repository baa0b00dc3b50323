"""Reads of the sharing package within the actor's scope."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from chengshu.data.sharing.choices import (
    ApplicationState,
    GrantState,
    InterfaceState,
    KeyState,
)
from chengshu.data.sharing.models import (
    Application,
    CallStatistic,
    DayStatistic,
    Export,
    Grant,
    ShareInterface,
)
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows, scope
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import NotFound

VIEW = "sharing.view"
S = TypeVar("S", CallStatistic, DayStatistic)
RECENT = timedelta(days=30)


def count_calls() -> int:
    """All audited calls taken over so far."""
    return int(DayStatistic.objects.aggregate(total=Sum("calls"))["total"] or 0)


def count_applications() -> int:
    """Connected applications in use."""
    return Application.objects.filter(state=ApplicationState.ACTIVE).count()


def count_interfaces() -> int:
    """Interfaces that answer."""
    return ShareInterface.objects.filter(state=InterfaceState.ONLINE).count()


def applications(actor: Actor) -> QuerySet[Application]:
    """Applications the actor may see."""
    return scope(actor, VIEW, Application.objects.select_related("owner"))


def application(actor: Actor, code: str) -> Application:
    """One application.

    Raises:
        NotFound: none of this code, or not the actor's to see.
    """
    found = applications(actor).filter(code=code).first()
    if found is None:
        raise NotFound(f"没有找到编号为“{code}”的接入应用。")
    return found


def exports(actor: Actor, item: Application, *, most: int = 20) -> list[Export]:
    """The newest files an application asked for."""
    found = scope(actor, VIEW, Export.objects.filter(grant__application=item))
    return list(found.select_related("grant__interface")[:most])


def listed_applications(actor: Actor) -> QuerySet[Application]:
    """Applications with what the list shows: valid keys, grants in force, calls of the last 30 days."""
    now = timezone.now()
    valid = Q(keys__state=KeyState.ACTIVE) & (
        Q(keys__expires_at=None) | Q(keys__expires_at__gt=now)
    )
    return applications(actor).annotate(
        valid_keys=Count("keys", filter=valid, distinct=True),
        open_grants=Count("grants", filter=Q(grants__state=GrantState.ACTIVE), distinct=True),
        recent_calls=_recent_calls("application"),
    )


def interfaces(actor: Actor) -> QuerySet[ShareInterface]:
    """Interfaces: visible to everybody who may view sharing, because one cannot apply for what one cannot find."""
    if not (actor.system or actor.scopes.get(VIEW)):
        return ShareInterface.objects.none()
    return ShareInterface.objects.select_related("resource", "resource__provider")


def interface(actor: Actor, code: str) -> ShareInterface:
    """One interface.

    Raises:
        NotFound: none of this code.
    """
    found = interfaces(actor).filter(code=code).first()
    if found is None:
        raise NotFound(f"没有找到编号为“{code}”的共享接口。")
    return found


def listed_interfaces(actor: Actor) -> QuerySet[ShareInterface]:
    """Interfaces with what the list shows: grants in force and calls of the last 30 days."""
    return interfaces(actor).annotate(
        open_grants=Count("grants", filter=Q(grants__state=GrantState.ACTIVE)),
        recent_calls=_recent_calls("interface"),
    )


def _recent_calls(field: str) -> Coalesce:
    sums = (
        DayStatistic.objects.filter(
            **{field: OuterRef("code")}, day__gt=timezone.localdate() - RECENT
        )
        .order_by()
        .values(field)
        .annotate(total=Sum("calls"))
        .values("total")
    )
    return Coalesce(Subquery(sums), 0)


def grants(actor: Actor) -> QuerySet[Grant]:
    """Grants on the actor's interfaces and grants of the actor's applications."""
    rows = Grant.objects.select_related(
        "application", "application__owner", "interface", "interface__resource",
        "interface__resource__provider",
    )  # fmt: skip
    given = scope(actor, VIEW, rows)
    received = rows.filter(application__in=applications(actor))
    return (given | received).distinct()


def grant(actor: Actor, pk: int) -> Grant:
    """One grant.

    Raises:
        NotFound: none, or neither given nor received by the actor's organisation.
    """
    found = grants(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("没有找到这项共享授权。")
    return found


def open_grants(interface: ShareInterface) -> QuerySet[Grant]:
    """Grants in force on an interface."""
    return interface.grants.exclude(state=GrantState.REVOKED).select_related(
        "application", "application__owner"
    )


def sees_all_calls(actor: Actor) -> bool:
    """Whether the actor may see everybody's calls: the right at the root of the city."""
    return allows(actor, VIEW, CallStatistic())


def call_scope(actor: Actor) -> tuple[list[str], list[str]]:
    """Codes of the applications and of the interfaces whose calls the actor may see."""
    owned = scope(actor, VIEW, ShareInterface.objects.all())
    return (
        list(applications(actor).values_list("code", flat=True)),
        list(owned.values_list("code", flat=True)),
    )


def statistics(actor: Actor) -> QuerySet[DayStatistic]:
    """Daily sums of the calls the actor may see: of own applications and on own interfaces."""
    return _visible(actor, DayStatistic.objects.all())


def hourly_statistics(actor: Actor) -> QuerySet[CallStatistic]:
    """Hourly sums of the same calls."""
    return _visible(actor, CallStatistic.objects.all())


def _visible(actor: Actor, rows: QuerySet[S]) -> QuerySet[S]:
    if sees_all_calls(actor):
        return rows
    asking, asked = call_scope(actor)
    return rows.filter(Q(application__in=asking) | Q(interface__in=asked))


def history(item: Application | ShareInterface | Grant, limit: int = 12) -> list[AuditRecord]:
    """What happened to an object, newest first."""
    trail = AuditRecord.objects.filter(object_type=item._meta.label_lower, object_id=str(item.pk))
    return list(trail.order_by("-seq")[:limit])


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
    sums: dict[str, int] = {}
    # Grouped by day along the index and into months here: truncating every row takes longer than reading them.
    found = DayStatistic.objects.order_by("day").values("day").annotate(total=Sum("calls"))
    for row in found:
        month = f"{row['day']:%Y-%m}"
        sums[month] = sums.get(month, 0) + int(row["total"])
    return [MonthCalls(month, calls) for month, calls in sums.items()]


def busiest_interfaces() -> list[InterfaceCalls]:
    """Interfaces by number of calls, most called first."""
    titles = dict(ShareInterface.objects.values_list("code", "title"))
    rows = DayStatistic.objects.values("interface").annotate(total=Sum("calls")).order_by("-total")
    return [
        InterfaceCalls(r["interface"], titles[r["interface"]], int(r["total"]))
        for r in rows
        if r["interface"] in titles
    ]
