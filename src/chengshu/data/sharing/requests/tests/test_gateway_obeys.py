"""What requests and both sides decide is obeyed by the real gateway within two seconds, while it is being called."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Self

import pytest
from django.utils import timezone

from chengshu.data.sharing.choices import GrantState
from chengshu.data.sharing.models import Grant
from chengshu.data.sharing.requests.content import Wanted
from chengshu.data.sharing.requests.services.moves import act_on
from chengshu.data.sharing.requests.services.submission import submit_change
from chengshu.data.sharing.requests.tests.conftest import FIELDS, common
from chengshu.data.sharing.services import applications, grants
from chengshu.data.sharing.tests.cast import dispatch_all
from chengshu_gateway.client import GatewayRefusedError
from chengshu_gateway.tests.sample_city import served

pytestmark = pytest.mark.service

PROMISED = 2.0
PER_SECOND = 100


class Load:
    """Somebody else who keeps calling, about a hundred times a second."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call, self._stop = call, threading.Event()
        self.answered = 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self._stop.wait(1 / PER_SECOND):
            self._call()
            self.answered += 1

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()


def seconds_until(decide: Callable[[], object], seen: Callable[[], bool]) -> float:
    """From the decision to the first answer that shows it; the worker delivers the event in between."""
    began = time.monotonic()
    decide()
    dispatch_all()
    while not seen():
        assert time.monotonic() - began < 2 * PROMISED
        time.sleep(0.02)
    return time.monotonic() - began


def test_renewal_change_suspension_resumption_and_revocation_show_within_two_seconds(asked):
    act_on(actor=asked.bureau, item=asked.item, act="forward")
    held = act_on(actor=asked.provider, item=asked.item, act="grant").grant
    key, secret = applications.issue_key(actor=asked.applicant, application=held.application)
    other = asked.scene.application("loader")
    asked.scene.grant(application=other, interface=held.interface)
    other_key, other_secret = applications.issue_key(actor=asked.applicant, application=other)
    Grant.objects.filter(pk=held.pk).update(valid_until=timezone.now() - timedelta(minutes=1))
    dispatch_all()

    def outcome(client, **options) -> str:
        try:
            return ",".join(client.lookup(held.interface.code, "R0", **options).data)
        except GatewayRefusedError as error:
            return error.code

    def approve(**changes) -> None:
        wanted = Wanted(
            interface=held.interface, fields=changes.pop("fields", FIELDS),
            kinds=changes.pop("kinds", ["lookup"]),
        )  # fmt: skip
        item = submit_change(
            actor=asked.applicant,
            grant=Grant.objects.get(pk=held.pk),
            common=common(**changes),
            wanted=wanted,
        )
        act_on(actor=asked.bureau, item=item, act="forward")
        decisions.append(item)

    def state(to: GrantState, actor) -> Callable[[], object]:
        return lambda: grants.set_state(
            actor=actor, item=Grant.objects.get(pk=held.pk), state=to, reason="核查"
        )

    decisions: list = []
    took: dict[str, float] = {}
    with served(asked.scene.gateway) as server:
        mine = server.client(app=held.application.code, key_id=key.key_id, secret=secret)
        theirs = server.client(app=other.code, key_id=other_key.key_id, secret=other_secret)
        with Load(lambda: theirs.lookup(held.interface.code, "R2")) as load:
            assert outcome(mine) == "not_granted"
            approve(valid_until=timezone.now() + timedelta(days=400))
            took["renewal"] = seconds_until(
                lambda: act_on(actor=asked.provider, item=decisions[-1], act="grant"),
                lambda: outcome(mine) == ",".join(FIELDS),
            )
            approve(
                fields=[*FIELDS, "mobile"],
                kinds=["lookup", "batch"],
                valid_until=timezone.now() + timedelta(days=400),
            )
            took["change"] = seconds_until(
                lambda: act_on(actor=asked.provider, item=decisions[-1], act="grant"),
                lambda: outcome(mine) == ",".join([*FIELDS, "mobile"]),
            )
            assert mine.batch(held.interface.code, ["R0", "R1"]).document["found"] == 2
            took["suspension"] = seconds_until(
                state(GrantState.SUSPENDED, asked.bureau), lambda: outcome(mine) == "not_granted"
            )
            took["resumption"] = seconds_until(
                state(GrantState.ACTIVE, asked.bureau), lambda: "mobile" in outcome(mine)
            )
            took["revocation"] = seconds_until(
                state(GrantState.REVOKED, asked.provider), lambda: outcome(mine) == "not_granted"
            )
        mine.close()
        theirs.close()
        server.stop()
    assert load.answered > 10, "it was being called all the while"
    assert {name: t for name, t in took.items() if t >= PROMISED} == {}
