"""Reads of the sharing package within the actor's scope."""

from django.db.models import QuerySet, Sum

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
