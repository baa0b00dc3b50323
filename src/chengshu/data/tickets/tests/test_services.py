"""A ticket's life: opened once, signed for, mended, re-checked, contested, late."""

from collections.abc import Callable
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from chengshu.data.catalog.models import Resource
from chengshu.data.tickets import clock, reminders
from chengshu.data.tickets.choices import Escalation, State
from chengshu.data.tickets.facade import (
    RecheckResult,
    Ticket,
    counters,
    open_counts,
    open_ticket,
    report_recheck,
    tickets_of,
)
from chengshu.data.tickets.services import notes, rechecks
from chengshu.data.tickets.services.moves import act_on
from chengshu.data.tickets.services.policies import change_policy
from chengshu.data.tickets.subscribers import batch_loaded
from chengshu.data.tickets.tests.conftest import KIND, Judge
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.calendar.deadlines import due
from chengshu.kernel.calendar.working_days import last_day, local_date, working_days_between
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.events.models import Event
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import run_job
from chengshu.kernel.notices.models import Receipt

pytestmark = pytest.mark.django_db
Open = Callable[..., Ticket]


def told(account: Account) -> list[str]:
    """Titles of what somebody was told, oldest first."""
    rows = Receipt.objects.filter(account=account).order_by("pk")
    return [receipt.notice.title for receipt in rows.select_related("notice")]


def test_the_same_problem_opens_one_ticket_and_renews_its_counts(opened: Open, cast: Cast) -> None:
    first = opened(rows=3)
    again = opened(rows=8)
    assert again.pk == first.pk
    assert Ticket.objects.count() == 1
    again.refresh_from_db()
    assert (again.first_rows, again.affected_rows) == (3, 8)
    assert [e.action for e in again.history.all()] == ["recount", "open"]
    assert len(told(cast.officer_a)) == 1
    assert told(cast.officer_b) == []
    opened(rows=8)
    assert again.history.count() == 2


def test_two_problems_open_two_tickets(opened: Open, resource: Resource) -> None:
    opened("a")
    opened("b")
    assert open_counts([resource.pk]) == {resource.pk: 2}
    assert counters()["open"] == 2
    assert tickets_of(resource.pk).count() == 2


def test_only_who_may_opens_tickets_and_only_for_own_departments(
    resource: Resource, judge: Judge, cast: Cast, actor_for: Callable[[Account], Actor]
) -> None:
    for account in (cast.officer_b, cast.stranger, cast.leader):
        with pytest.raises(NotAllowed):
            open_ticket(
                actor=actor_for(account), kind=KIND, resource_id=resource.pk, title="问题", key="x"
            )
    assert judge.asked == []
    assert Ticket.objects.count() == 0


def test_mended_and_resubmitted_closes_by_itself(
    opened: Open, judge: Judge, officer: Actor
) -> None:
    ticket = act_on(actor=officer, ticket=opened(), act="claim")
    judge.remaining, judge.note = 2, "还有 2 行"
    ticket, job = rechecks.submit(actor=officer, ticket=ticket, reason="源系统已改")
    assert ticket.state == State.CHECKING
    run_job.func(str(job.pk))
    ticket.refresh_from_db()
    assert (ticket.state, ticket.affected_rows) == (State.WORKING, 2)
    judge.remaining = 0
    ticket, job = rechecks.submit(actor=officer, ticket=ticket)
    run_job.func(str(job.pk))
    ticket.refresh_from_db()
    assert (ticket.state, ticket.resolution, ticket.on_time) == (State.CLOSED, "fixed", True)
    run_job.func(str(job.pk))
    rechecks.run(ticket)
    assert ticket.history.filter(action="pass").count() == 1


def test_a_new_batch_looks_again_at_the_open_tickets_of_that_resource(
    opened: Open, judge: Judge, resource: Resource
) -> None:
    ticket = opened()
    event = Event(type="city.ingest.batch.loaded", data={"resource_id": resource.pk})
    batch_loaded(event)
    batch_loaded(event)
    (job,) = Job.objects.filter(kind="tickets.recheck")
    run_job.func(str(job.pk))
    ticket.refresh_from_db()
    assert judge.asked == [ticket.pk]
    assert ticket.resolution == "fixed"


def test_what_cannot_be_told_yet_goes_on_waiting_with_its_clock(
    opened: Open, judge: Judge, officer: Actor
) -> None:
    ticket = act_on(actor=officer, ticket=opened(), act="claim")
    judge.remaining, judge.note = None, "等下一批数据"
    ticket, job = rechecks.submit(actor=officer, ticket=ticket)
    run_job.func(str(job.pk))
    ticket.refresh_from_db()
    assert ticket.state == State.CHECKING
    assert ticket.due_at is not None
    assert ticket.check_note == "等下一批数据"


def test_a_problem_that_comes_back_reopens_its_ticket(opened: Open, cast: Cast) -> None:
    ticket = opened()
    report_recheck(actor=platform(), kind=KIND, key="k1", result=RecheckResult(remaining=0))
    again = opened(rows=7)
    assert again.pk == ticket.pk
    assert (again.state, again.reopened, again.affected_rows) == (State.PENDING, 1, 7)
    assert "重新打开" in told(cast.officer_a)[-1]


def test_a_problem_that_comes_back_much_later_is_a_new_ticket(opened: Open) -> None:
    ticket = opened()
    report_recheck(actor=platform(), ticket=ticket, result=RecheckResult(remaining=0))
    Ticket.objects.update(closed_at=timezone.now() - timedelta(days=31))
    assert opened().pk != ticket.pk


def test_an_upheld_objection_closes_as_invalid_and_asks_for_another_rule(
    opened: Open, officer: Actor, admin: Actor
) -> None:
    files = [notes.Attachment("证明.pdf", [b"%PDF-1.4 evidence"])]
    ticket = opened()
    kept = notes.keep_files(actor=officer, ticket=ticket, attachments=files)
    ticket = act_on(actor=officer, ticket=ticket, act="contest", reason="外国人证件", files=kept)
    assert ticket.state == State.CONTESTED
    assert ticket.history.first().files.get().name == "证明.pdf"  # type: ignore[union-attr]
    with pytest.raises(NotAllowed):
        act_on(actor=officer, ticket=ticket, act="uphold", reason="我同意我自己")
    ticket = act_on(actor=admin, ticket=ticket, act="uphold", reason="规则没考虑外国人")
    assert (ticket.state, ticket.resolution) == (State.CLOSED, "invalid")
    event = Event.objects.get(type="city.tickets.rule.disputed")
    assert event.data["rule"] == "check_digit"
    assert opened(rows=9).state == State.CLOSED, "the same rule does not open it again"


def test_nobody_judges_an_objection_of_their_own(opened: Open, admin: Actor) -> None:
    ticket = act_on(actor=admin, ticket=opened(), act="contest", reason="我觉得不对")
    with pytest.raises(NotAllowed):
        act_on(actor=admin, ticket=ticket, act="uphold", reason="我同意我自己")


def test_the_department_s_clock_stands_still_while_the_bureau_decides(
    opened: Open, officer: Actor, admin: Actor
) -> None:
    ticket = act_on(actor=officer, ticket=opened(), act="claim")
    start, before = ticket.clock_started_at, ticket.due_at
    ticket = act_on(actor=officer, ticket=ticket, act="contest", reason="不是问题")
    begun = timezone.now()
    assert ticket.due_at == due(begun, 10).at
    later = begun + timedelta(days=14)
    with patch("django.utils.timezone.now", return_value=later):
        ticket = act_on(actor=admin, ticket=ticket, act="overrule", reason="就是问题")
    assert before is not None
    assert ticket.due_at is not None
    gained = working_days_between(last_day(before), last_day(ticket.due_at))
    # Parts of two days make one: the stop began and ended at the same time of day.
    assert gained == working_days_between(local_date(begun), local_date(later))
    assert ticket.clock_started_at == start


def test_suspended_waits_for_its_day_and_goes_on_by_itself(
    opened: Open, officer: Actor, cast: Cast
) -> None:
    ticket = act_on(actor=officer, ticket=opened(), act="claim")
    today = timezone.localdate()
    for wrong in (None, today, today + timedelta(days=90)):
        with pytest.raises(InvalidInput):
            act_on(actor=officer, ticket=ticket, act="suspend", reason="等公安核实", until=wrong)
    until = today + timedelta(days=3)
    ticket = act_on(actor=officer, ticket=ticket, act="suspend", reason="等公安核实", until=until)
    assert ticket.waiting_for == "等公安核实"
    reminders.run(timezone.now() + timedelta(days=2))
    ticket.refresh_from_db()
    assert ticket.state == State.SUSPENDED
    reminders.run(timezone.now() + timedelta(days=5))
    ticket.refresh_from_db()
    assert ticket.state == State.WORKING
    assert "自动恢复" in told(cast.officer_a)[-1] or any("恢复" in t for t in told(cast.officer_a))


def test_reminders_come_once_a_day_and_escalate_day_by_day(
    opened: Open, officer: Actor, cast: Cast
) -> None:
    ticket = act_on(actor=officer, ticket=opened(), act="claim")
    assert ticket.due_at is not None
    working = _working_days_from(ticket.due_at, -2, 4)
    assert reminders.run(working[0]).get("reminded") == 1
    assert reminders.run(working[0]).get("reminded", 0) == 0
    assert "还剩 1 个工作日" in told(cast.officer_a)[-1]
    reminders.run(working[1])
    assert "今天到期" in told(cast.officer_a)[-1]
    levels = []
    for moment in working[2:5]:
        reminders.run(moment)
        reminders.run(moment)
        ticket.refresh_from_db()
        levels.append(ticket.escalation)
    assert levels == [Escalation.HEAD, Escalation.BUREAU, Escalation.LEADERS]
    assert ticket.history.filter(action="escalate").count() == 3
    assert sum("超期" in title for title in told(cast.officer_a)) == 3
    assert any("超期" in title for title in told(cast.leader))


def _working_days_from(due_at, first: int, count: int) -> list:
    """10:00 of working days around the end of a term: −1 is its last day."""
    from chengshu.kernel.calendar.working_days import is_working_day, local_date, start_of_day

    day = local_date(due_at)
    found, step = [], day - timedelta(days=1)
    while len(found) < -first:
        if is_working_day(step):
            found.insert(0, step)
        step -= timedelta(days=1)
    step = day
    while len(found) < count - first:
        if is_working_day(step):
            found.append(step)
        step += timedelta(days=1)
    return [start_of_day(d) + timedelta(hours=10) for d in found]


def test_what_a_disabled_officer_held_goes_back_to_the_queue(
    opened: Open, officer: Actor, cast: Cast
) -> None:
    ticket = act_on(actor=officer, ticket=opened(), act="claim")
    Account.objects.filter(pk=cast.officer_a.pk).update(is_active=False)
    assert reminders.run()["orphaned"] == 1
    ticket.refresh_from_db()
    assert (ticket.state, ticket.owner) == (State.PENDING, None)


def test_transfer_gives_the_other_department_a_whole_term(
    opened: Open, officer: Actor, admin: Actor, cast: Cast
) -> None:
    ticket = act_on(actor=officer, ticket=opened(), act="return", reason="不是我们的数据")
    assert (ticket.state, ticket.owner) == (State.RETURNED, None)
    with pytest.raises(InvalidInput):
        act_on(actor=admin, ticket=ticket, act="transfer", reason="给谁呢")
    ticket = act_on(
        actor=admin, ticket=ticket, act="transfer", reason="归市监管", department=cast.department_b
    )
    assert (ticket.department, ticket.state, ticket.stops) == (cast.department_b, State.PENDING, [])
    assert "转办" in told(cast.officer_b)[-1]
    with pytest.raises(NotAllowed):
        act_on(actor=officer, ticket=ticket, act="claim")


def test_more_time_needs_somebody_else_s_consent(
    opened: Open, officer: Actor, admin: Actor
) -> None:
    ticket = act_on(actor=officer, ticket=opened(), act="claim")
    wish = notes.ask_extension(actor=officer, ticket=ticket, days=3, reason="要逐户核实")
    with pytest.raises(Conflict):
        notes.ask_extension(actor=officer, ticket=ticket, days=2, reason="再要一点")
    with pytest.raises(NotAllowed):
        notes.decide_extension(actor=officer, extension=wish, agree=True)
    before = ticket.due_at
    after = notes.decide_extension(actor=admin, extension=wish, agree=True)
    assert before is not None
    assert after.due_at is not None
    assert working_days_between(last_day(before), last_day(after.due_at)) == 3
    assert after.term_days == 8
    with pytest.raises(Conflict):
        notes.decide_extension(actor=admin, extension=wish, agree=False, answer="晚了")


def test_two_people_at_once_the_second_is_told(opened: Open, officer: Actor, admin: Actor) -> None:
    ticket = opened()
    act_on(actor=officer, ticket=ticket, act="claim", version=ticket.version)
    with pytest.raises(Conflict, match="别人处理过"):
        act_on(actor=admin, ticket=ticket, act="withdraw", reason="不用了", version=1)


def test_supervision_is_told_to_the_officer(
    opened: Open, officer: Actor, admin: Actor, cast: Cast
) -> None:
    ticket = act_on(actor=officer, ticket=opened(), act="claim")
    with pytest.raises(NotAllowed):
        notes.supervise(actor=officer, ticket=ticket, reason="快点")
    notes.supervise(actor=admin, ticket=ticket, reason="三天内办结")
    assert "督办" in told(cast.officer_a)[-1]


def test_terms_are_changed_with_a_basis_and_count_for_new_tickets(
    opened: Open, admin: Actor, officer: Actor
) -> None:
    old = opened("old")
    with pytest.raises(NotAllowed):
        change_policy(actor=officer, reason="想快点", problem_days=3)
    with pytest.raises(InvalidInput):
        change_policy(actor=admin, reason="", problem_days=3)
    with pytest.raises(InvalidInput):
        change_policy(actor=admin, reason="太久", problem_days=0)
    change_policy(actor=admin, reason="市大数据局通知", problem_days=3)
    assert clock.policy().problem_days == 3
    assert (opened("new").term_days, Ticket.objects.get(pk=old.pk).term_days) == (3, 5)


def test_attachments_are_only_what_people_need(opened: Open, officer: Actor) -> None:
    ticket = opened()
    with pytest.raises(InvalidInput):
        notes.keep_files(
            actor=officer, ticket=ticket, attachments=[notes.Attachment("a.exe", [b"MZ"])]
        )
    with pytest.raises(InvalidInput):
        notes.comment(actor=officer, ticket=ticket, text=" ")
