"""Emit events and subscribe to them."""

import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict
from chengshu.kernel.events.models import Delivery, DeliveryState, Event
from chengshu.kernel.unit_of_work import unit_of_work

Handler = Callable[[Event], None]

SUBSCRIBERS: dict[str, tuple[str, Handler]] = {}
TITLES: dict[str, str] = {}
URGENT: set[str] = set()
"""Subscribers whose deliveries overtake all others."""


def emit(
    *,
    type: str,  # noqa: A002 - CloudEvents calls it so
    source: str,
    subject: str = "",
    data: dict[str, Any] | None = None,
    idempotency_key: str = "",
) -> Event:
    """Write an event into the caller's transaction; a second emission with the same key returns the first.

    Raises:
        TransactionManagementError: there is no open transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("events.emit needs the caller's transaction")
    told = {"type": type, "source": source, "subject": subject, "data": data or {}}
    if not idempotency_key:
        # A key of its own cannot be there already: no need to look for it.
        return Event.objects.create(idempotency_key=uuid.uuid4().hex, **told)
    return Event.objects.get_or_create(idempotency_key=idempotency_key, defaults=told)[0]


def subscribe(
    prefix: str, *, name: str, title: str = "", urgent: bool = False
) -> Callable[[Handler], Handler]:
    """Register a handler for event types that start with ``prefix``.

    ``title`` is what the pages call the subscriber. The handler runs in a transaction together with the mark that it
    ran, so its effects on the database happen once. An ``urgent`` subscriber is served before all that waits for
    others, however much that is: for changes with a promised delay, such as a revoked right.
    """

    def register(handler: Handler) -> Handler:
        if name in SUBSCRIBERS and SUBSCRIBERS[name][1] is not handler:
            raise ValueError(f"subscriber {name!r} is registered twice")
        SUBSCRIBERS[name] = (prefix, handler)
        TITLES[name] = title or name
        if urgent:
            URGENT.add(name)
        return handler

    return register


def retry_delivery(*, actor: Actor, delivery: Delivery) -> Delivery:
    """Give a dead or waiting delivery a fresh count of attempts, now.

    Raises:
        Conflict: it has arrived already.
    """
    check(actor, "events.manage", delivery)
    with unit_of_work():
        item = Delivery.objects.select_for_update().get(pk=delivery.pk)
        if item.state == DeliveryState.DELIVERED:
            raise Conflict("这个事件已经送达，无需重新投递。")
        item.state, item.attempts, item.next_at = DeliveryState.PENDING, 0, timezone.now()
        item.save(update_fields=["state", "attempts", "next_at"])
        record(
            actor=actor, action="events.delivery_retried", obj=item,
            after={"subscriber": item.subscriber},
        )  # fmt: skip
    return item
