"""Whatever the order of failures and retries: each batch is loaded exactly once, and its books balance."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu.data.cascade.choices import IncomingState, OutgoingState
from chengshu.data.cascade.models import Incoming, Outgoing
from chengshu.data.cascade.notes import Note, receipt_of
from chengshu.data.cascade.services import delivering, receiving
from chengshu.data.cascade.tests.cast import Scene, run_jobs

pytestmark = pytest.mark.service
FAULTS = st.lists(
    st.sampled_from(["", "", "timeout", "lost", "twice", "garbage", "list"]), max_size=14
)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Which batches were loaded; loading itself takes no time here."""
    found: list[int] = []

    def load(item: Incoming, note: Note) -> None:
        found.append(item.number)
        receiving._settle(
            item, receipt_of(note, loaded=note.rows, accepted=note.rows, quarantined=0, duplicates=0, reasons=[])
        )  # fmt: skip

    monkeypatch.setattr(receiving, "_load", load)
    return found


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(wrong=FAULTS)
def test_any_interleaving_of_retries_loads_each_batch_exactly_once(
    scene: Scene, faults: list[str], loads: list[int], wrong: list[str]
):
    loads.clear()
    faults.clear()
    with transaction.atomic():
        plan: Any = scene.plan()
        faults += wrong
        for number in (1, 2):
            delivering.start(actor=scene.admin, plan=plan)
            run_jobs()
            for _round in range(len(wrong) + 2):
                scene.round()
            item = Outgoing.objects.get(number=number)
            assert (item.state, item.unexplained) == (OutgoingState.ACCEPTED, 0)
            assert item.rows == item.accepted + item.refused + item.duplicates == 10
        assert loads == [1, 2]
        assert set(Incoming.objects.values_list("state", flat=True)) == {IncomingState.ACCEPTED}
        transaction.set_rollback(True)
