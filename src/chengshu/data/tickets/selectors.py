"""Reads of the ticket package within the actor's scope."""

from collections.abc import Iterable

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from chengshu.data.tickets.choices import State
from chengshu.data.tickets.flow import DISPATCH, HANDLE
from chengshu.data.tickets.models import Ticket
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import holds, scope
from chengshu.kernel.errors import NotFound
from chengshu.kernel.identity.models import Account, Organization, RoleAssignment
from chengshu.kernel.registry import registry

VIEW = "tickets.view"
BUREAU_STATES = (State.RETURNED, State.CONTESTED)
RELATED = ("resource", "department", "owner")


def tickets(actor: Actor) -> QuerySet[Ticket]:
    """Tickets the actor may see, with what lists show."""
    return scope(actor, VIEW, Ticket.objects.select_related(*RELATED))


def ticket(actor: Actor, pk: int) -> Ticket:
    """One ticket.

    Raises:
        NotFound: there is none, or it lies outside the actor's scope.
    """
    found = (
        tickets(actor)
        .select_related("resource__provider", "resource__system", "opened_by")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        raise NotFound("没有找到这个工单。", advice="它可能不在您的权限范围内。")
    return found


def opened(rows: QuerySet[Ticket]) -> QuerySet[Ticket]:
    """Those not closed."""
    return rows.exclude(state=State.CLOSED)


def overdue(rows: QuerySet[Ticket]) -> QuerySet[Ticket]:
    """Those whose term has ended; a suspended one waits for a day, it is not late."""
    late = rows.exclude(state__in=(State.CLOSED, State.SUSPENDED))
    return late.filter(due_at__lte=timezone.now())


def mine(actor: Actor, rows: QuerySet[Ticket]) -> QuerySet[Ticket]:
    """What waits for this actor: own work, the queue of the department, and what the bureau must decide."""
    if actor.account is None:
        return rows.none()
    wanted = Q(owner=actor.account, state__in=(State.WORKING, State.SUSPENDED))
    if holds(actor, HANDLE):
        queue = Q(state=State.PENDING, department=actor.account.organization_id)
        wanted |= queue if actor.account.organization_id else Q(pk__in=[])
    if holds(actor, DISPATCH):
        wanted |= Q(state__in=BUREAU_STATES) | Q(
            extensions__state="pending", state__in=[s for s in State if s != State.CLOSED]
        )
    return rows.filter(pk__in=Ticket.objects.filter(wanted).values("pk"))


def waiting_for(actor: Actor) -> int:
    """How many tickets wait for the actor (badge of the menu)."""
    return mine(actor, scope(actor, VIEW, Ticket.objects.all())).count()


def tickets_of(resource_id: int, *, actor: Actor | None = None) -> QuerySet[Ticket]:
    """Tickets of a resource, newest first; within the actor's scope when one is given."""
    rows = Ticket.objects.all() if actor is None else scope(actor, VIEW, Ticket.objects.all())
    return rows.filter(resource_id=resource_id).select_related(*RELATED).order_by("-pk")


def open_counts(resource_ids: Iterable[int]) -> dict[int, int]:
    """Open tickets by resource, of those that have any (one query)."""
    rows = opened(Ticket.objects.filter(resource_id__in=list(resource_ids)))
    counted = rows.order_by().values_list("resource_id").annotate(n=Count("pk"))
    return dict(counted)


def counters() -> dict[str, int]:
    """The city's figures, computed from records."""
    rows = Ticket.objects.all()
    return {
        "open": opened(rows).count(),
        "overdue": overdue(rows).count(),
        "closed": rows.filter(state=State.CLOSED).count(),
        "reopened": rows.filter(reopened__gt=0).count(),
    }


def count_open() -> int:
    """Open tickets of the whole city."""
    return opened(Ticket.objects.all()).count()


def count_overdue() -> int:
    """Overdue tickets of the whole city."""
    return overdue(Ticket.objects.all()).count()


def officers(department: Organization) -> list[Account]:
    """Active accounts that handle the department's tickets, those of the department itself first."""
    roles = [key for key, role in registry.roles().items() if HANDLE in role.permissions]
    codes = department.path.strip("/").split("/")
    rows = (
        RoleAssignment.objects.filter(
            role__in=roles, organization__code__in=codes, region=None, account__is_active=True
        )
        .exclude(valid_until__lte=timezone.now())
        .select_related("account__organization")
    )
    found = {row.account_id: row.account for row in rows}
    return sorted(
        found.values(), key=lambda a: (a.organization_id != department.pk, a.display_name)
    )


def bureau() -> Organization:
    """The data bureau: where those work who decide about tickets of the whole city; else the city itself."""
    root = Organization.objects.filter(parent=None).order_by("pk").first()
    if root is None:
        raise NotFound("还没有登记本市的机构。", advice="请先导入组织机构。")
    roles = [key for key, role in registry.roles().items() if DISPATCH in role.permissions]
    judges = RoleAssignment.objects.filter(
        role__in=roles, organization=root, region=None, account__is_active=True
    ).exclude(account__organization=None)
    first = judges.select_related("account__organization").order_by("pk").first()
    found = first.account.organization if first else None
    return found or root
