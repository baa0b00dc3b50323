"""Whatever people do in whatever order: the books of a case stay right."""

import random
from collections import Counter
from contextlib import suppress

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu.kernel.errors import ChengshuError
from chengshu.kernel.process import timers
from chengshu.kernel.process.catalogue import plan_of
from chengshu.kernel.process.choices import TraceAct
from chengshu.kernel.process.engine import Marking
from chengshu.kernel.process.models import CaseTimer, HumanTask, ProcessCase, TraceEntry
from chengshu.kernel.process.services import completing, holding, moving, pausing
from chengshu.kernel.process.tests.conftest import Seal, actor, make_seal

ACTS = (
    "complete", "complete", "complete", "against", "claim", "release", "back", "straight", "withdraw", "delegate",
    "add", "supplement", "resume", "jump", "timer", "supply",
)  # fmt: skip


def one_act(  # noqa: C901, PLR0912 - one arm for each act
    seal: Seal, case: ProcessCase, act: str, seed: int
) -> None:
    """Try an act of somebody on something; whether it is allowed is the services' business."""
    pick = random.Random(seed)
    tasks = list(HumanTask.objects.filter(case=case).order_by("pk"))
    task = pick.choice([t for t in tasks if t.state == "open"] or tasks)
    people = [seal.starter, seal.cast.approver, seal.deputy, seal.chief, seal.cast.officer_a]
    who = actor(task.assignee or pick.choice(people))
    step = pick.choice(["apply", "review", "sign", "stamp"])
    outcomes = {
        "apply": "submit",
        "review": "agree",
        "sign": "agree",
        "stamp": "stamped",
        "archive": "kept",
    }
    if act in {"complete", "against"}:
        outcome = (
            {"sign": "oppose", "review": "refuse"}.get(task.step) if act == "against" else None
        )
        completing.complete(
            actor=who, task_id=task.pk, outcome=outcome or outcomes.get(task.step, ""), comment="见",
            values={"copies": "1", "important": pick.choice(["on", ""])},
        )  # fmt: skip
    elif act == "claim":
        holding.claim(actor=who, task_id=task.pk)
    elif act == "release":
        holding.release(actor=who, task_id=task.pk)
    elif act in {"back", "straight"}:
        moving.send_back(
            actor=who, task_id=task.pk, step=step, comment="改", straight=act == "straight"
        )
    elif act == "withdraw":
        done = [t for t in tasks if t.state == "done" and t.finished_by]
        old = pick.choice(done or tasks)
        moving.withdraw(actor=actor(old.finished_by or seal.starter), task_id=old.pk)
    elif act == "delegate":
        holding.delegate(actor=who, task_id=task.pk, to=pick.choice(people))
    elif act == "add":
        holding.add_signer(actor=who, task_id=task.pk, person=pick.choice(people))
    elif act == "supplement":
        pausing.request_supplement(actor=who, task_id=task.pk, reason="缺")
    elif act == "supply":
        pausing.supply(actor=who, task_id=task.pk, comment="补")
    elif act == "resume":
        pausing.resume(actor=who, case_id=case.pk)
    elif act == "jump":
        moving.jump(actor=actor(seal.cast.operator), case_id=case.pk, step=step, reason="急")
    else:
        due = CaseTimer.objects.filter(case=case, state="waiting").order_by("due_at").first()
        if due is not None:
            timers.serve_due(now=due.due_at)


def check_books(case: ProcessCase) -> None:
    case.refresh_from_db()
    tasks = list(HumanTask.objects.filter(case=case))
    waiting = [t for t in tasks if t.state in {"open", "waiting"}]
    # Never two open tasks for one place of one open step, and never one that waits for nobody.
    places = Counter((t.token, t.slot, t.step) for t in waiting)
    assert not [place for place, count in places.items() if count > 1]
    assert all(t.assignee_id or t.group_id for t in waiting if t.state == "open")
    if case.ended:
        assert waiting == []
        assert case.timers.count() == 0
        return
    tokens = {t.number: t.step for t in Marking.of(case.marking).tokens}
    steps = plan_of(case.version).process.steps
    human = {n: s for n, s in tokens.items() if steps[s].kind == "user"}
    # Nothing is lost: every open step waits for somebody, and nobody for a step that is not open.
    served = {t.token for t in waiting if t.kind != "supplement" and t.state == "open"}
    assert served == set(human)
    timers_of = set(case.timers.filter(kind="event").values_list("token", flat=True))
    assert timers_of == set(tokens) - set(human)
    # Clocks never run while the case stands still.
    states = set(case.timers.exclude(state="aside").values_list("state", flat=True))
    assert states <= ({"held"} if case.state == "suspended" else {"waiting"})
    assert {t.held for t in waiting if t.kind != "supplement"} <= {case.state == "suspended"}
    # The trace explains where the case stands.
    lines = list(TraceEntry.objects.filter(case=case).order_by("number"))
    assert [line.number for line in lines] == list(range(1, case.steps + 1))
    opened = {line.token for line in lines if line.act == TraceAct.OPEN}
    assert set(human) <= opened


@pytest.mark.django_db
@settings(
    max_examples=6, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 10**6)), max_size=25))
def test_the_books_of_a_case_stay_right_whatever_is_done(seal_declared: None, acts: list) -> None:
    with transaction.atomic():
        seal = make_seal()
        case = seal.start()
        for act, seed in acts:
            # A refusal is an answer too: then nothing may have changed.
            with suppress(ChengshuError), transaction.atomic():
                one_act(seal, case, act, seed)
            check_books(case)
        transaction.set_rollback(True)
