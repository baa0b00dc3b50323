"""Delivers the outbox: fan out to subscribers and web hooks, then hand over with retries and back-off."""

import hashlib
import hmac
import json
import logging
import time
import urllib.error
import urllib.request
from datetime import timedelta
from typing import Any

from django.utils import timezone

from chengshu.kernel.crypto.facade import open_sealed
from chengshu.kernel.events.models import Delivery, DeliveryState, Event, WebHook
from chengshu.kernel.events.services import SUBSCRIBERS, URGENT
from chengshu.kernel.unit_of_work import unit_of_work

log = logging.getLogger("chengshu.events")

MAX_ATTEMPTS = 8
HOOK_TIMEOUT_SECONDS = 5
URGENT_EVERY_SECONDS = 0.3
"""How long ordinary deliveries may go on before urgent ones are looked for again."""


class _StayThere(urllib.request.HTTPRedirectHandler):
    """A receiver may not send our events on to an address nobody registered."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """Refuse; the redirect then counts as a failed delivery."""


_opener = urllib.request.build_opener(_StayThere)


def dispatch(*, batch: int = 200) -> int:
    """Process what waits, urgent subscribers first; return how many events and deliveries were touched."""
    touched, looked = _serve_urgent(batch), time.monotonic()
    for pk in _waiting(batch):
        if time.monotonic() - looked > URGENT_EVERY_SECONDS:
            touched, looked = touched + _serve_urgent(batch), time.monotonic()
        _deliver_one(pk)
        touched += 1
    return touched


def _serve_urgent(batch: int) -> int:
    """Fan out all new events, so that an urgent one is not behind a thousand others, and deliver the urgent."""
    touched = 0
    while count := _fan_out(batch):
        touched += count
    urgent = _waiting(batch, urgent=True)
    for pk in urgent:
        _deliver_one(pk)
    return touched + len(urgent)


def _fan_out(batch: int) -> int:
    events = list(Event.objects.filter(fanned_out=False).order_by("time")[:batch])
    if not events:
        return 0
    hooks = list(WebHook.objects.filter(active=True))
    with unit_of_work():
        rows = [
            Delivery(event=event, subscriber=name)
            for event in events
            for name in _receivers(event, hooks)
        ]
        Delivery.objects.bulk_create(rows, ignore_conflicts=True)
        Event.objects.filter(id__in=[e.id for e in events]).update(fanned_out=True)
    return len(events)


def _receivers(event: Event, hooks: list[WebHook]) -> list[str]:
    names = [n for n, (prefix, _) in SUBSCRIBERS.items() if event.type.startswith(prefix)]
    names += [
        f"webhook:{hook.pk}"
        for hook in hooks
        if any(event.type.startswith(prefix) for prefix in hook.types)
    ]
    return names


def _waiting(batch: int, *, urgent: bool = False) -> list[int]:
    """Deliveries whose time has come, the oldest first."""
    due = Delivery.objects.filter(state=DeliveryState.PENDING, next_at__lte=timezone.now())
    if urgent:
        due = due.filter(subscriber__in=URGENT)
    else:
        # What waits for a disabled receiver is kept: it is sent when the receiver is enabled again.
        disabled = WebHook.objects.filter(active=False).values_list("pk", flat=True)
        due = due.exclude(subscriber__in=[f"webhook:{pk}" for pk in disabled])
    return list(due.order_by("next_at").values_list("id", flat=True)[:batch])


def _deliver_one(pk: int) -> None:
    try:
        subscriber = Delivery.objects.values_list("subscriber", flat=True).get(pk=pk)
        if subscriber.startswith("webhook:"):
            # A slow receiver must not hold the database: at least once, the receiver knows the event id.
            event = Event.objects.get(deliveries__pk=pk)
            _post(WebHook.objects.get(pk=int(subscriber.partition(":")[2])), event)
        with unit_of_work():
            item = Delivery.objects.select_for_update().select_related("event").get(pk=pk)
            if item.state != DeliveryState.PENDING:
                return
            if not subscriber.startswith("webhook:"):
                _hand_over(item)
            item.state, item.error = DeliveryState.DELIVERED, ""
            item.attempts += 1
            item.save(update_fields=["state", "attempts", "error"])
    except Exception as error:
        log.exception("delivery %s failed", pk)
        _note_failure(pk, error)


def _note_failure(pk: int, error: Exception) -> None:
    with unit_of_work():
        item = Delivery.objects.select_for_update().get(pk=pk)
        item.attempts += 1
        item.error = f"{type(error).__name__}: {error}"[:2000]
        item.next_at = timezone.now() + timedelta(seconds=min(2**item.attempts * 5, 3600))
        if item.attempts >= MAX_ATTEMPTS:
            item.state = DeliveryState.DEAD
        item.save()


def _hand_over(item: Delivery) -> None:
    known = SUBSCRIBERS.get(item.subscriber)
    if known is None:
        raise LookupError(f"subscriber {item.subscriber!r} no longer exists")
    known[1](item.event)


def _post(hook: WebHook, event: Event) -> None:
    body = json.dumps(event.cloud_event(), ensure_ascii=False).encode()
    secret = open_sealed(hook.secret_sealed, place="events.webhook.secret")
    request = urllib.request.Request(  # noqa: S310 - the administrator's own URL, http(s) only by URLField
        hook.url,
        data=body,
        headers={
            "Content-Type": "application/cloudevents+json",
            "X-Cs-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
            "X-Cs-Event": str(event.id),
        },
    )
    with _opener.open(request, timeout=HOOK_TIMEOUT_SECONDS):
        return
