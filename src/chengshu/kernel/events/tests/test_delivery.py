import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.crypto.facade import seal
from chengshu.kernel.errors import Conflict
from chengshu.kernel.events import dispatch as dispatching
from chengshu.kernel.events.dispatch import dispatch
from chengshu.kernel.events.models import Delivery, DeliveryState, Event, WebHook
from chengshu.kernel.events.services import (
    SUBSCRIBERS,
    URGENT,
    emit,
    retry_delivery,
    subscribe,
)
from chengshu.kernel.identity.models import Account, Region
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.unit_of_work import unit_of_work

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_subscribers() -> Iterator[None]:
    kept, urgent = dict(SUBSCRIBERS), set(URGENT)
    SUBSCRIBERS.clear()
    URGENT.clear()
    yield
    SUBSCRIBERS.clear()
    SUBSCRIBERS.update(kept)
    URGENT.clear()
    URGENT.update(urgent)


def tell(kind: str = "city.test.happened", key: str = "", **data: Any) -> Event:
    with unit_of_work():
        return emit(type=kind, source="test", subject="s1", data=data, idempotency_key=key)


@pytest.mark.django_db(transaction=True)
def test_an_event_needs_the_transaction_of_its_change() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        emit(type="city.test", source="test")


def test_a_retried_service_emits_once() -> None:
    assert tell(key="batch-1") == tell(key="batch-1")
    assert Event.objects.count() == 1


def test_an_event_that_was_rolled_back_never_happened() -> None:
    def fails() -> None:
        with unit_of_work():
            emit(type="city.test", source="test")
            raise Conflict("没有成功")

    with pytest.raises(Conflict):
        fails()
    assert dispatch() == 0


def test_subscribers_get_the_types_they_asked_for() -> None:
    got: list[str] = []
    subscribe("city.test.", name="all")(lambda e: got.append(f"all {e.type}"))
    subscribe("city.test.b", name="b")(lambda e: got.append(f"b {e.type}"))
    tell("city.test.a")
    tell("city.test.b")
    tell("city.other")
    dispatch()
    assert sorted(got) == ["all city.test.a", "all city.test.b", "b city.test.b"]
    dispatch()
    assert len(got) == 3


def test_effects_on_the_database_happen_once_though_the_handler_runs_again() -> None:
    runs = 0

    @subscribe("city.test.", name="writes")
    def handler(event: Event) -> None:
        nonlocal runs
        runs += 1
        Region.objects.create(code=f"3303830010{runs:02}", name=event.subject, level="grid")
        if runs == 1:
            raise OSError("killed after the write")

    tell()
    dispatch()
    assert (runs, Region.objects.count()) == (1, 0)
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        dispatch()
    assert (runs, Region.objects.count()) == (2, 1)


def test_a_failing_subscriber_stops_no_other() -> None:
    got: list[str] = []

    @subscribe("city.test.", name="a-fails")
    def fails(_event: Event) -> None:
        raise ValueError("这个接收方坏了")

    subscribe("city.test.", name="b-works")(lambda e: got.append(e.subject))
    tell()
    dispatch()
    assert got == ["s1"]
    failed = Delivery.objects.get(subscriber="a-fails")
    assert (failed.state, failed.attempts) == (DeliveryState.PENDING, 1)
    assert "这个接收方坏了" in failed.error


def test_an_urgent_subscriber_is_served_before_the_backlog_of_others() -> None:
    got: list[str] = []
    subscribe("city.test.", name="slow")(lambda e: got.append(f"slow {e.data['n']}"))
    subscribe("city.rights.", name="fast", urgent=True)(lambda _e: got.append("fast"))
    for number in range(5):
        tell(n=number)
    tell("city.rights.revoked")
    dispatch(batch=2)
    assert got[0] == "fast"
    while dispatch(batch=2):
        pass
    assert got == ["fast", *(f"slow {n}" for n in range(5))]


def test_a_right_revoked_in_the_middle_of_a_long_backlog_does_not_wait_for_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatching, "URGENT_EVERY_SECONDS", 0)
    got: list[str] = []

    @subscribe("city.test.", name="slow")
    def slow(event: Event) -> None:
        got.append(f"slow {event.data['n']}")
        if event.data["n"] == 1:
            emit(type="city.rights.revoked", source="test")

    subscribe("city.rights.", name="fast", urgent=True)(lambda _e: got.append("fast"))
    for number in range(4):
        tell(n=number)
    dispatch()
    assert got == ["slow 0", "slow 1", "fast", "slow 2", "slow 3"]


def test_retries_wait_longer_each_time_and_end_as_dead() -> None:
    @subscribe("city.test.", name="fails")
    def fails(_event: Event) -> None:
        raise ValueError("坏了")

    tell()
    waits = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(dispatching.MAX_ATTEMPTS):
            dispatch()
            item = Delivery.objects.get()
            waits.append((item.next_at - timezone.now()).total_seconds())
            assert dispatch() == 0  # not before its time
            clock.move_to(item.next_at)
        assert item.state == DeliveryState.DEAD
        assert dispatch() == 0
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280]


def test_a_subscriber_that_was_removed_is_told_not_forgotten() -> None:
    subscribe("city.test.", name="old")(lambda _e: None)
    tell()
    dispatching._fan_out(10)
    SUBSCRIBERS.clear()
    dispatch()
    assert "no longer exists" in Delivery.objects.get().error


def test_the_same_name_cannot_be_taken_twice() -> None:
    subscribe("a.", name="same")(lambda _e: None)
    with pytest.raises(ValueError, match="registered twice"):
        subscribe("b.", name="same")(lambda _e: None)


class Receiver(BaseHTTPRequestHandler):
    received: list[tuple[dict[str, str], bytes]] = []
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((dict(self.headers), body))
        self.send_response(self.status)
        if self.status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def do_GET(self) -> None:
        self.received.append((dict(self.headers), b"followed"))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        return


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    Receiver.received, Receiver.status = [], 200
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def hook(server: HTTPServer, **more: Any) -> WebHook:
    url = f"http://127.0.0.1:{server.server_port}/in"
    secret = seal("秘密", place="events.webhook.secret")
    return WebHook.objects.create(
        name="市级平台", url=url, secret_sealed=secret, types=["city.test."], **more
    )


@pytest.mark.service
def test_a_web_hook_gets_a_signed_cloud_event(receiver: HTTPServer) -> None:
    hook(receiver)
    event = tell(n=1)
    tell("city.other")
    dispatch()
    ((headers, body),) = Receiver.received
    told = json.loads(body)
    assert (told["specversion"], told["id"], told["type"]) == ("1.0", str(event.id), event.type)
    assert told["data"] == {"n": 1}
    expected = hmac.new("秘密".encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Cs-Signature"] == expected
    assert Delivery.objects.get().state == DeliveryState.DELIVERED


@pytest.mark.service
def test_a_web_hook_that_answers_with_an_error_is_tried_again(receiver: HTTPServer) -> None:
    hook(receiver)
    Receiver.status = 503
    tell()
    dispatch()
    assert "503" in Delivery.objects.get().error
    Receiver.status = 200
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        dispatch()
    assert Delivery.objects.get().state == DeliveryState.DELIVERED
    assert len({json.loads(body)["id"] for _, body in Receiver.received}) == 1


@pytest.mark.service
def test_a_web_hook_cannot_send_events_on_to_another_address(receiver: HTTPServer) -> None:
    hook(receiver)
    Receiver.status = 302
    tell()
    dispatch()
    assert [body for _, body in Receiver.received if body == b"followed"] == []
    assert "302" in Delivery.objects.get().error


@pytest.mark.service
def test_a_web_hook_switched_off_gets_nothing(receiver: HTTPServer) -> None:
    hook(receiver, active=False)
    tell()
    dispatch()
    assert Receiver.received == []


def dead_delivery() -> Delivery:
    event = tell()
    return Delivery.objects.create(
        event=event, subscriber="search.refresh", state=DeliveryState.DEAD, attempts=8, error="坏了"
    )


def test_dead_letters_are_shown_and_sent_again(
    cast: Cast, client_for: Callable[[Account], Client]
) -> None:
    item = dead_delivery()
    operator = client_for(cast.operator)
    assert "多次失败 1 条" in operator.get("/console/events/").content.decode()
    assert "坏了" in operator.get("/console/events/?state=dead").content.decode()
    page = operator.get(f"/console/events/{item.event_id}/")
    assert "重新投递" in page.content.decode()
    got: list[str] = []
    subscribe("city.", name="search.refresh")(lambda e: got.append(e.subject))
    assert operator.post(f"/console/events/deliveries/{item.pk}/retry/").status_code == 302
    dispatch()
    assert got.count("s1") >= 1
    assert Delivery.objects.get(pk=item.pk).state == DeliveryState.DELIVERED


def test_what_has_arrived_is_not_sent_again(
    cast: Cast, actor_for: Callable[[Account], Actor]
) -> None:
    item = dead_delivery()
    Delivery.objects.update(state=DeliveryState.DELIVERED)
    with pytest.raises(Conflict, match="已经送达"):
        retry_delivery(actor=actor_for(cast.operator), delivery=item)


def test_who_may_only_look_cannot_send(cast: Cast, client_for: Callable[[Account], Client]) -> None:
    item = dead_delivery()
    admin = client_for(cast.admin)
    assert "重新投递" not in admin.get(f"/console/events/{item.event_id}/").content.decode()
    assert admin.post(f"/console/events/deliveries/{item.pk}/retry/").status_code == 403
    assert client_for(cast.officer_a).get("/console/events/").status_code == 403


def test_the_outbox_lists_events_by_name(
    cast: Cast, client_for: Callable[[Account], Client]
) -> None:
    tell("city.identity.account.locked")
    text = client_for(cast.operator).get("/console/events/all/").content.decode()
    assert "账号被锁定" in text
