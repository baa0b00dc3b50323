"""The state machine: complete as declared, and no path leaves a ticket without holder, clock or trace."""

from collections.abc import Callable
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu.data.catalog.models import Resource
from chengshu.data.tickets.choices import State
from chengshu.data.tickets.facade import RecheckResult, Ticket, report_recheck
from chengshu.data.tickets.flow import CLOCKS, HOLDERS, MOVES, NOTES, PLATFORM, Clock, Holder
from chengshu.data.tickets.services.moves import act_on, take
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import ChengshuError
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.registry import registry


def test_every_state_has_a_holder_a_clock_and_a_way_out() -> None:
    assert set(CLOCKS) == set(HOLDERS) == set(State)
    for state in State:
        ways = [move for move in MOVES.values() if state in move.sources]
        assert ways, state
        if state != State.CLOSED:
            assert CLOCKS[state] is not Clock.NONE
            assert HOLDERS[state] is not Holder.NOBODY
            # A person can always go on; nothing depends on the platform alone.
            assert any(move.permission != PLATFORM for move in ways), state


def test_every_state_can_be_reached_and_every_one_can_be_closed() -> None:
    reached, edges = {State.PENDING}, [(m.sources, m.target) for m in MOVES.values()]
    for _ in State:
        reached |= {target for sources, target in edges if sources & reached}
    assert reached == set(State)
    closing = {State.CLOSED}
    for _ in State:
        closing |= {s for sources, target in edges if target in closing for s in sources}
    assert closing == set(State)


def test_every_act_has_a_name_in_the_trace() -> None:
    known = registry.actions()
    assert [key for key in (*MOVES, *NOTES) if f"tickets.{key}" not in known] == []


_STEP = st.tuples(
    st.sampled_from([*MOVES, "report-0", "report-2", "report-none"]),
    st.sampled_from(["officer", "colleague", "admin", "platform"]),
    st.integers(0, 6),
)


@pytest.mark.django_db
@settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(steps=st.lists(_STEP, max_size=14))
def test_no_path_leaves_a_ticket_without_holder_or_clock_and_every_step_is_audited(
    steps: list[tuple[str, str, int]],
    cast: Cast,
    opened: Callable[..., Ticket],
    actor_for: Callable[[Account], Actor],
) -> None:
    actors = {
        "officer": actor_for(cast.officer_a), "colleague": actor_for(cast.officer_b),
        "admin": actor_for(cast.admin), "platform": platform(),
    }  # fmt: skip
    now = timezone.now()
    with transaction.atomic():
        ticket = opened(key="path")
        for act, who, days in steps:
            now += timedelta(days=days, hours=1)
            before = _look(ticket)
            with patch("django.utils.timezone.now", return_value=now):
                changed = _try(ticket, act, actors[who], cast, now)
            ticket.refresh_from_db()
            _require_whole(ticket, now)
            if changed is None:
                assert _look(ticket) == before, "a refused act changes nothing"
            elif ticket.state != before[0]:
                last = AuditRecord.objects.order_by("-seq").first()
                assert last is not None
                assert last.action.removeprefix("tickets.") in MOVES
                assert last.before == {"state": before[0]}
                assert ticket.history.count() == before[3] + 1
        transaction.set_rollback(True)


def _look(ticket: Ticket) -> tuple[str, int, object, int]:
    return (ticket.state, ticket.version, ticket.due_at, ticket.history.count())


def _try(ticket: Ticket, act: str, actor: Actor, cast: Cast, now: datetime) -> bool | None:
    try:
        if act.startswith("report"):
            rows = {"0": 0, "2": 2}.get(act.removeprefix("report-"))
            report_recheck(
                actor=platform(), ticket=ticket, result=RecheckResult(remaining=rows, note="看过了")
            )
            return True
        values = {
            "reason": "因为这样", "owner": cast.officer_a,
            "department": cast.department_b if ticket.department_id == cast.department_a.pk
            else cast.department_a,
            "until": timezone.localdate(now) + timedelta(days=3),
        }  # fmt: skip
        if MOVES[act].permission == PLATFORM:
            with transaction.atomic():
                take(actor=actor, ticket=Ticket.objects.get(pk=ticket.pk), act=act, **values)
        else:
            act_on(actor=actor, ticket=ticket, act=act, **values)
    except ChengshuError:
        return None
    return True


def _require_whole(ticket: Ticket, now: datetime) -> None:
    state = State(ticket.state)
    open_stop = bool(ticket.stops) and ticket.stops[-1][1] is None
    if state == State.CLOSED:
        assert ticket.closed_at
        assert ticket.resolution
        assert ticket.due_at is None
        assert ticket.on_time is not None
        return
    assert ticket.due_at is not None
    assert ticket.department_id
    if HOLDERS[state] is Holder.OWNER or state == State.CHECKING:
        assert ticket.owner_id is not None
    assert open_stop == (CLOCKS[state] in (Clock.BUREAU, Clock.STOPPED)), (state, ticket.stops)
    assert ticket.resolution == ""
    assert ticket.worked_days is None


@pytest.mark.django_db
def test_the_platform_s_own_acts_are_refused_to_people(
    opened: Callable[..., Ticket], admin: Actor
) -> None:
    ticket = opened()
    for key, move in MOVES.items():
        if move.permission == PLATFORM:
            with pytest.raises(ChengshuError):
                act_on(actor=admin, ticket=ticket, act=key)


@pytest.mark.django_db
def test_the_database_refuses_an_open_ticket_without_clock(
    opened: Callable[..., Ticket], resource: Resource
) -> None:
    from django.db import IntegrityError

    ticket = opened()
    for wrong in ({"due_at": None}, {"state": "working", "owner": None}, {"state": "closed"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Ticket.objects.filter(pk=ticket.pk).update(**wrong)
    assert resource.pk == Ticket.objects.get(pk=ticket.pk).resource_id
