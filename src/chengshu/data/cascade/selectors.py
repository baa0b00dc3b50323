"""Reads of cascading within the actor's scope. Platforms are the whole city's; their names show with the batches."""

from typing import TypeVar

from django.db.models import Count, Max, Model, Q, QuerySet
from django.utils import timezone

from chengshu.data.cascade.adapters.sftp import source_of
from chengshu.data.cascade.choices import OutgoingState, Way
from chengshu.data.cascade.models import (
    Channel,
    Entry,
    Incoming,
    LowerEntry,
    Outgoing,
    Plan,
    Platform,
)
from chengshu.data.cascade.services.platforms import VIEW
from chengshu.data.catalog.facade import Resource
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.errors import NotFound

M = TypeVar("M", bound=Model)


def platforms(actor: Actor) -> QuerySet[Platform]:
    """Platforms with how much is late and when something last went either way."""
    late = Q(
        plans__outgoing__state=OutgoingState.DELIVERED,
        plans__outgoing__receipt_due_at__lte=timezone.now(),
    )
    return scope(actor, VIEW, Platform.objects.all()).annotate(
        last_sent=Max("plans__outgoing__sent_at"), last_received=Max("channels__incoming__settled_at"),
        late=Count("plans__outgoing", filter=late, distinct=True),
    )  # fmt: skip


def platform(actor: Actor, pk: int) -> Platform:
    """One platform.

    Raises:
        NotFound: there is none, or the actor does not see the whole city.
    """
    return _one(platforms(actor), pk, "平台")


def place(item: Platform) -> str:
    """Where a platform is, as people read it: the data source instead of its number."""
    if item.way != Way.SFTP:
        return item.address
    source = source_of(item.address)
    return f"{source.name}（{source.place}）" if source else "数据源不在了"


def channels(actor: Actor) -> QuerySet[Channel]:
    """What is received."""
    rows = Channel.objects.select_related("platform", "resource__provider", "source")
    return scope(actor, VIEW, rows)


def incoming(actor: Actor) -> QuerySet[Incoming]:
    """Batches handed to us."""
    rows = Incoming.objects.select_related(
        "channel__platform", "channel__resource__provider", "batch"
    )
    return scope(actor, VIEW, rows)


def incoming_batch(actor: Actor, pk: int) -> Incoming:
    """One batch handed to us.

    Raises:
        NotFound: there is none in the actor's scope.
    """
    return _one(incoming(actor), pk, "批次")


def plans(actor: Actor) -> QuerySet[Plan]:
    """Plans of deliveries, with their newest one."""
    rows = Plan.objects.select_related(
        "platform", "resource__provider", "planned_by", "approved_by"
    )
    return scope(actor, VIEW, rows).annotate(last_sent=Max("outgoing__sent_at"))


def plan(actor: Actor, pk: int) -> Plan:
    """One plan.

    Raises:
        NotFound: there is none in the actor's scope.
    """
    return _one(plans(actor), pk, "上报计划")


def outgoing(actor: Actor) -> QuerySet[Outgoing]:
    """Deliveries of ours."""
    rows = Outgoing.objects.select_related("plan__platform", "plan__resource__provider")
    return scope(actor, VIEW, rows)


def delivery(actor: Actor, pk: int) -> Outgoing:
    """One delivery.

    Raises:
        NotFound: there is none in the actor's scope.
    """
    return _one(outgoing(actor), pk, "上报批次")


def entries(actor: Actor) -> QuerySet[Entry]:
    """Catalogue entries on their way up."""
    return scope(actor, VIEW, Entry.objects.select_related("platform", "resource__provider"))


def lower_entries(actor: Actor) -> QuerySet[LowerEntry]:
    """Catalogue entries of lower platforms."""
    return scope(actor, VIEW, LowerEntry.objects.select_related("platform", "decided_by"))


def late(rows: QuerySet[Outgoing]) -> QuerySet[Outgoing]:
    """Those whose receipt is late."""
    return rows.filter(state=OutgoingState.DELIVERED, receipt_due_at__lte=timezone.now())


def count_late() -> int:
    """Deliveries whose receipt is late."""
    return late(Outgoing.objects.all()).count()


def returned_to(resource: Resource) -> list[Channel]:
    """Through which channels an entry is received."""
    return list(Channel.objects.select_related("platform").filter(resource=resource))


def _one(rows: QuerySet[M], pk: int, what: str) -> M:
    item = rows.filter(pk=pk).first()
    if item is None:
        raise NotFound(f"没有找到这个{what}。", advice="它可能不在您的权限范围内。")
    return item
