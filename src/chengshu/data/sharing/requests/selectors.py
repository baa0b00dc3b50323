"""Reads of access requests within the actor's scope."""

from django.db.models import Q, QuerySet
from django.utils import timezone

from chengshu.data.sharing.choices import ApplicationState, GrantState
from chengshu.data.sharing.models import Application, ShareInterface
from chengshu.data.sharing.requests.choices import State
from chengshu.data.sharing.requests.flow import ANSWER, APPLY, HOLDERS, OPEN, REVIEW, VIEW, Holder
from chengshu.data.sharing.requests.models import AccessRequest, CartItem, RequestPolicy
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows, scope
from chengshu.kernel.errors import NotFound

RELATED = ("application__owner", "interface", "provider", "applicant")


def held_by(holder: Holder) -> list[State]:
    """States in which that side has to act."""
    return [state for state, who in HOLDERS.items() if who is holder]


def reviews(actor: Actor) -> bool:
    """Whether the actor is of the data bureau: may review for the whole city."""
    return allows(actor, REVIEW, RequestPolicy())


def requests(actor: Actor) -> QuerySet[AccessRequest]:
    """Requests of the actor's applications, and those the actor's side answers."""
    rows = AccessRequest.objects.select_related(*RELATED)
    return (scope(actor, VIEW, rows) | _answered(actor, rows)).distinct()


def request(actor: Actor, pk: int) -> AccessRequest:
    """One request.

    Raises:
        NotFound: there is none, or the actor is neither of the applicant's side nor of the provider's.
    """
    found = requests(actor).select_related(
        "interface__resource__published", "form", "grant", "amends"
    )
    item = found.filter(pk=pk).first()
    if item is None:
        raise NotFound("没有找到这件共享申请。", advice="它可能不在您的权限范围内。")
    return item


def own(actor: Actor) -> QuerySet[AccessRequest]:
    """Requests of the actor's own department, whoever of it sent them."""
    return requests(actor).filter(_ours(actor))


def received(actor: Actor) -> QuerySet[AccessRequest]:
    """Requests the actor's side reviews or answers; whoever may view the whole city sees all."""
    rows = AccessRequest.objects.select_related(*RELATED)
    return rows if allows(actor, VIEW, RequestPolicy()) else _answered(actor, rows).distinct()


def waiting(actor: Actor, rows: QuerySet[AccessRequest]) -> QuerySet[AccessRequest]:
    """What waits for this actor as provider or data bureau."""
    if actor.account is None:
        return rows.none()
    wanted = Q(pk__in=[])
    if reviews(actor):
        wanted |= Q(state__in=held_by(Holder.BUREAU))
    if actor.scopes.get(ANSWER) and actor.account.organization_id:
        states = held_by(Holder.PROVIDER)
        wanted |= Q(state__in=states, provider=actor.account.organization_id)
    return rows.filter(wanted).exclude(applicant=actor.account)


def waiting_for(actor: Actor) -> int:
    """How many requests wait for the actor's review or answer (badge of the menu)."""
    return waiting(actor, AccessRequest.objects.all()).count()


def overdue(rows: QuerySet[AccessRequest]) -> QuerySet[AccessRequest]:
    """Those whose term has ended."""
    return rows.filter(state__in=OPEN, due_at__lte=timezone.now())


def cart(actor: Actor) -> QuerySet[CartItem]:
    """The actor's cart, oldest first."""
    related = ("interface__resource__provider", "interface__resource__published")
    return CartItem.objects.filter(account=actor.account).select_related(*related)


def applicable(actor: Actor) -> QuerySet[Application]:
    """Applications the actor may apply for."""
    rows = Application.objects.select_related("owner").filter(state=ApplicationState.ACTIVE)
    return scope(actor, APPLY, rows)


def former(actor: Actor) -> AccessRequest | None:
    """The actor's newest request, else the newest of the department: what the next form begins with."""
    rows = own(actor).order_by("-pk")
    return rows.filter(applicant=actor.account).first() or rows.first()


def former_fields(actor: Actor, interfaces: list[ShareInterface]) -> dict[int, list[str]]:
    """Interface → fields the actor's department asked for last."""
    rows = own(actor).filter(interface__in=interfaces).order_by("pk")
    return dict(rows.values_list("interface_id", "fields"))


def standings(actor: Actor, interfaces: list[ShareInterface]) -> dict[int, list[str]]:
    """Interface → names of the actor's applications that have it or ask for it already (two queries)."""
    found: dict[int, list[str]] = {}
    mine = applicable(actor)
    granted = ShareInterface.objects.filter(
        pk__in=[i.pk for i in interfaces], grants__application__in=mine
    ).exclude(grants__state=GrantState.REVOKED)
    for pk, name in granted.values_list("pk", "grants__application__name"):
        found.setdefault(pk, []).append(f"{name}已有授权")
    asked = AccessRequest.objects.filter(
        interface__in=interfaces, application__in=mine, state__in=OPEN
    )
    for pk, name in asked.values_list("interface_id", "application__name"):
        found.setdefault(pk, []).append(f"{name}正在申请")
    return found


def count_open() -> int:
    """Requests in progress, of the whole city."""
    return AccessRequest.objects.filter(state__in=OPEN).count()


def count_overdue() -> int:
    """Overdue requests of the whole city."""
    return overdue(AccessRequest.objects.all()).count()


def _answered(actor: Actor, rows: QuerySet[AccessRequest]) -> QuerySet[AccessRequest]:
    """Requests for interfaces whose data the actor answers for."""
    return rows.filter(interface__in=scope(actor, ANSWER, ShareInterface.objects.all()))


def _ours(actor: Actor) -> Q:
    if actor.account is None:
        return Q(pk__in=[])
    mine = Q(applicant=actor.account)
    unit = actor.account.organization_id
    return mine | Q(application__owner=unit) if unit else mine
