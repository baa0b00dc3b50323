"""The state machine: complete as declared, and no path grants twice, loses a clock or skips a trace."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu.data.sharing.models import Grant
from chengshu.data.sharing.requests.choices import Refusal, State
from chengshu.data.sharing.requests.flow import (
    HOLDERS,
    MOVES,
    NOTES,
    OPEN,
    TERM_OF,
    Holder,
    fits,
)
from chengshu.data.sharing.requests.models import AccessRequest
from chengshu.data.sharing.requests.services.moves import act_on
from chengshu.data.sharing.requests.tests.conftest import Asked
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import ChengshuError
from chengshu.kernel.registry import registry


def test_every_open_state_has_a_holder_a_term_and_a_way_out():
    assert set(HOLDERS) == set(State)
    for state in State:
        assert (HOLDERS[state] is Holder.NOBODY) == (state not in TERM_OF), state
        if state in OPEN:
            holder = {"applicant": "apply", "provider": "answer", "bureau": "review"}
            own = [
                move
                for move in MOVES.values()
                if state in move.sources
                and move.permission.endswith(holder[HOLDERS[state]])
            ]  # fmt: skip
            assert own, f"whoever holds {state} can do nothing"


def test_every_state_is_reached_and_the_only_end_without_appeal_is_the_authoritys():
    reached = {State.REVIEW}
    for _ in State:
        for move in MOVES.values():
            if move.sources & reached and move.target:
                reached.add(move.target)
    assert reached == set(State)
    ways = {
        (refusal, negotiated): {
            move.key
            for move in MOVES.values()
            if fits(
                move, state=State.REFUSED, sharing="conditional", refusal=refusal,
                negotiated=negotiated,
            )
        }
        for refusal in Refusal
        for negotiated in (False, True)
    }  # fmt: skip
    assert ways == {
        ("conformity", False): {"dispute"}, ("conformity", True): {"dispute"},
        ("provider", False): {"negotiate"}, ("provider", True): {"dispute"},
        ("authority", False): set(), ("authority", True): set(),
    }  # fmt: skip


def test_every_act_has_a_name_in_the_trace():
    known = registry.actions()
    assert [key for key in (*MOVES, *NOTES) if f"access_request.{key}" not in known] == []


# A number picks one of the acts that fit, so that paths get deep; a key tries any act anywhere.
_STEP = st.tuples(
    st.one_of(st.integers(0, 5), st.integers(0, 5), st.sampled_from(list(MOVES))),
    st.sampled_from(["right"] * 9 + ["applicant", "provider", "bureau", "judge"]),
    st.integers(0, 9),
)


@settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(steps=st.lists(_STEP, max_size=12))
def test_no_path_reaches_a_state_without_its_move_grants_twice_or_loses_the_clock(
    steps: list[tuple[int | str, str, int]], asked: Asked
):
    now = timezone.now()
    with transaction.atomic():
        for step, who, days in steps:
            now += timedelta(days=days, hours=1)
            before, grants = asked.fresh(), Grant.objects.count()
            act = _chosen(before, step)
            with patch("django.utils.timezone.now", return_value=now):
                done = _try(asked, before, act, who)
            item = asked.fresh()
            _require_whole(item)
            if not done:
                assert (item.state, item.version, item.due_at) == (
                    before.state, before.version, before.due_at,
                )  # fmt: skip
                assert Grant.objects.count() == grants, "a refused act grants nothing"
                continue
            move = MOVES[act]
            assert before.state in move.sources
            assert item.state == (move.target or before.returned_from)
            assert Grant.objects.count() == grants + move.grants
            last = AuditRecord.objects.order_by("-seq").first()
            assert last.action == f"access_request.{act}"
            assert last.before == {"state": before.state}
            assert item.history.count() == before.history.count()
        assert Grant.objects.count() == (asked.fresh().state == State.GRANTED)
        transaction.set_rollback(True)


def _chosen(item: AccessRequest, act: int | str) -> str:
    if isinstance(act, str):
        return act
    fitting = [
        move.key
        for move in MOVES.values()
        if fits(
            move, state=item.state, sharing=item.sharing_type, refusal=item.refusal,
            negotiated=item.negotiated,
        )
    ]  # fmt: skip
    return fitting[act % len(fitting)] if fitting else "withdraw"


def _try(asked: Asked, item: AccessRequest, act: str, who: str) -> bool:
    right = {"apply": asked.applicant, "answer": asked.provider, "review": asked.bureau}
    if who == "right":
        actor: Actor = right[MOVES[act].permission.rpartition(".")[2]]
        if item.state == State.DISPUTE and MOVES[act].permission.endswith("review"):
            actor = asked.judge
    else:
        actor = getattr(asked, who)
    try:
        act_on(
            actor=actor, item=item, act=act, reason="因为这样", remarks={"purpose": "写具体"},
            values={"purpose": f"更具体的用途 {item.version}"} if act == "correct" else None,
        )  # fmt: skip
    except ChengshuError:
        return False
    return True


def _require_whole(item: AccessRequest) -> None:
    stopped = bool(item.stops) and item.stops[-1][1] is None
    assert stopped == (item.state == State.CORRECTION) or not item.is_open
    assert (item.due_at is None) == (item.state not in OPEN)
    assert (item.closed_at is None) == (item.state in OPEN)
    assert (item.grant_id is not None) == (item.state == State.GRANTED)
    assert bool(item.correction) == (item.state == State.CORRECTION)


def test_the_database_refuses_what_must_never_be(asked: Asked):
    now = timezone.now()
    wrong = (
        {"state": "granted", "due_at": None, "closed_at": now}, {"due_at": None},
        {"state": "correction"}, {"state": "refused", "due_at": None, "closed_at": now},
    )  # fmt: skip
    for values in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            AccessRequest.objects.filter(pk=asked.item.pk).update(**values)
