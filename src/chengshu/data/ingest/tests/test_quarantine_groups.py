"""The quarantine over all batches: grouped, corrected by value, given up, sent as a ticket and looked at again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.models import Resource
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.ingest import groups, ticketing
from chengshu.data.ingest.choices import BatchState, DecisionKind
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.services import bulk, drafts, quarantine
from chengshu.data.ingest.services.deciding import seen_mark
from chengshu.data.ingest.suggestions import ValueProbe, hint, suggest
from chengshu.data.ingest.tests import factories
from chengshu.data.ingest.tests.factories import id_number, row, table
from chengshu.data.tickets.facade import State, Ticket
from chengshu.data.tickets.services import rechecks
from chengshu.data.tickets.services.moves import act_on
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.events.dispatch import dispatch
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import run_job
from chengshu.kernel.notices.models import Receipt

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(officer: Actor, resource: Resource) -> Batch:
    """Two good rows, three with 约50, one with an unknown code, one with a wrong check digit."""
    rows = [
        row(1), row(2, 金额="约50"), row(3, 金额="约50"), row(4, 性别="9"), row(5),
        row(6, 金额="约50"), row(7, 身份证号="339983198001010010"),
    ]  # fmt: skip
    return factories.load(officer, resource, table(rows))


def amounts(actor: Actor, resource: Resource) -> groups.Group:
    return groups.group(actor, resource_id=resource.pk, rule="type", column="amount")


def run_replays(resource: Resource) -> None:
    for item in Batch.objects.filter(resource=resource, state=BatchState.QUEUED):
        factories.run(item)


def settle(ticket: Ticket) -> Ticket:
    """Let the outbox and the re-checks run, as the worker would."""
    for _ in range(3):
        dispatch()
    for job in Job.objects.filter(kind="tickets.recheck", state="queued"):
        run_job.func(str(job.pk))
    ticket.refresh_from_db()
    return ticket


def test_groups_count_what_nobody_has_decided_over_all_batches(
    officer: Actor, resource: Resource, batch: Batch
) -> None:
    factories.load(officer, resource, table([row(8, 金额="约50")]))
    found = {(g.rule, g.column): (g.open, len(g.batches)) for g in groups.groups(officer)}
    assert found == {
        ("type", "amount"): (4, 2), ("code", "gender"): (1, 1), ("check_digit", "id_number"): (1, 1),
    }  # fmt: skip
    quarantine.give_up(actor=officer, batch=batch, row_numbers=[3], reason="已经注销")
    assert amounts(officer, resource).open == 3
    books = groups.books(officer)
    assert (books.quarantined, books.open, books.given_up) == (6, 5, 1)


def test_who_sees_nothing_of_a_department_sees_no_groups(
    batch: Batch, cast: Cast, actor_for: Callable[[Account], Actor]
) -> None:
    assert batch.quarantined == 5
    assert groups.groups(actor_for(cast.officer_b)) == []
    assert len(groups.groups(actor_for(cast.admin))) == 3


def test_one_correction_mends_every_row_with_the_same_wrong_value(
    officer: Actor, resource: Resource, batch: Batch
) -> None:
    second = factories.load(officer, resource, table([row(8, 金额="约50")]))
    item = amounts(officer, resource)
    with pytest.raises(InvalidInput, match="仍不符合"):
        bulk.correct_value(actor=officer, group=item, value="约50", replacement="五十")
    done = bulk.correct_value(actor=officer, group=item, value="约50", replacement="50")
    assert (done.rows, done.batches) == (4, 2)
    with pytest.raises(Conflict):
        bulk.correct_value(actor=officer, group=item, value="约50", replacement="50")
    bulk.replay_resource(actor=officer, resource_id=resource.pk)
    run_replays(resource)
    assert amounts(officer, resource).open == 0
    assert {d.kind for d in [*batch.decisions.all(), *second.decisions.all()]} == {"replayed"}
    trail = AuditRecord.objects.filter(action="ingest.value_corrected")
    assert trail.count() == 2
    assert "约50" not in str([t.after for t in trail])


def test_a_bulk_correction_leaves_alone_what_somebody_decided_meanwhile(
    officer: Actor, resource: Resource, batch: Batch
) -> None:
    quarantine.correct(actor=officer, batch=batch, row_number=3, values={"amount": "49"})
    done = bulk.correct_value(
        actor=officer, group=amounts(officer, resource), value="约50", replacement="50"
    )
    assert done.rows == 2
    assert batch.decisions.get(row_number=3).values == {"amount": "49"}


def test_only_the_department_and_the_bureau_correct(
    resource: Resource, batch: Batch, cast: Cast, actor_for: Callable[[Account], Actor]
) -> None:
    item = amounts(platform(), resource)
    for account in (cast.officer_b, cast.leader):
        with pytest.raises((NotAllowed, Conflict)):
            bulk.correct_value(actor=actor_for(account), group=item, value="约50", replacement="50")
    assert batch.decisions.count() == 0


def test_the_second_of_two_people_sees_a_conflict(
    officer: Actor, batch: Batch, cast: Cast, actor_for: Callable[[Account], Actor]
) -> None:
    admin = actor_for(cast.admin)
    quarantine.correct(actor=officer, batch=batch, row_number=3, values={"amount": "50"}, seen="")
    with pytest.raises(Conflict, match="王社事"):
        quarantine.correct(actor=admin, batch=batch, row_number=3, values={"amount": "5"}, seen="")
    assert batch.decisions.get(row_number=3).values == {"amount": "50"}
    mark = seen_mark(batch.decisions.get(row_number=3))
    quarantine.correct(actor=admin, batch=batch, row_number=3, values={"amount": "5"}, seen=mark)
    assert batch.decisions.get(row_number=3).values == {"amount": "5"}


def test_given_up_rows_need_a_reason_stay_counted_and_can_be_taken_up_again(
    officer: Actor, resource: Resource, batch: Batch
) -> None:
    with pytest.raises(InvalidInput):
        quarantine.give_up(actor=officer, batch=batch, row_numbers=[3], reason="无")
    bulk.give_up_group(actor=officer, group=amounts(officer, resource), reason="测试数据")
    batch.refresh_from_db()
    assert batch.source_rows == batch.accepted + batch.quarantined + batch.duplicates
    assert groups.books(officer).given_up == 3
    quarantine.correct(actor=officer, batch=batch, row_number=3, values={"amount": "50"})
    assert factories.run(quarantine.replay(actor=officer, batch=batch)).accepted == 1


def test_chosen_rows_are_replayed_and_the_others_wait(officer: Actor, batch: Batch) -> None:
    for number in (3, 4):
        quarantine.correct(actor=officer, batch=batch, row_number=number, values={"amount": "50"})
    child = factories.run(quarantine.replay(actor=officer, batch=batch, row_numbers=[3]))
    assert child.accepted == 1
    assert batch.decisions.get(row_number=4).kind == DecisionKind.CORRECTED


@pytest.fixture
def ticket(officer: Actor, resource: Resource, batch: Batch) -> Ticket:
    """The ticket about the three amounts, signed for."""
    assert batch.quarantined
    item = amounts(officer, resource)
    opened = ticketing.send_ticket(actor=officer, item=item, remark="月底前要用")
    assert ticketing.send_ticket(actor=officer, item=item).pk == opened.pk
    return act_on(actor=officer, ticket=opened, act="claim")


def test_a_ticket_closes_by_itself_when_its_rows_are_corrected_and_replayed(
    officer: Actor, resource: Resource, ticket: Ticket
) -> None:
    bulk.correct_value(
        actor=officer, group=amounts(officer, resource), value="约50", replacement="50"
    )
    moved, _job = rechecks.submit(actor=officer, ticket=ticket)
    assert settle(moved).state == State.WORKING, "corrected but not replayed is not mended"
    bulk.replay_resource(actor=officer, resource_id=resource.pk)
    run_replays(resource)
    closed = settle(ticket)
    assert (closed.state, closed.resolution) == (State.CLOSED, "fixed")


def test_a_ticket_closes_when_the_next_delivery_is_free_of_the_problem(
    officer: Actor, resource: Resource, ticket: Ticket
) -> None:
    moved, _job = rechecks.submit(actor=officer, ticket=ticket, reason="源系统已改")
    assert settle(moved).state == State.CHECKING, "nothing new came: it waits"
    small = table([row(9)])
    factories.load(officer, resource, small)
    assert settle(ticket).state != State.CLOSED, "a few rows are not the whole delivery"
    factories.load(officer, resource, table([row(n) for n in range(1, 8)]))
    closed = settle(ticket)
    assert closed.resolution == "fixed"
    assert "源头已改正" in closed.check_note


def test_a_plan_that_merges_the_whole_table_shows_what_the_source_corrected(
    officer: Actor, resource: Resource, ticket: Ticket
) -> None:
    whole = table([row(n) for n in range(1, 8)])
    merged = factories.load(officer, resource, whole)
    window = {"column": "changed", "low": "2026-11-23"}
    Batch.objects.filter(pk=merged.pk).update(options={"write": "merge", "window": window})
    moved, _job = rechecks.submit(actor=officer, ticket=ticket, reason="源系统已改")
    assert settle(moved).state != State.CLOSED, "from a cursor on is not the whole table"
    Batch.objects.filter(pk=merged.pk).update(options={"write": "merge"})
    again, _job = rechecks.submit(actor=officer, ticket=moved, reason="再看一次")
    assert settle(again).resolution == "fixed"


def test_a_delivery_that_still_has_the_problem_sends_the_ticket_back(
    officer: Actor, resource: Resource, ticket: Ticket
) -> None:
    moved, _job = rechecks.submit(actor=officer, ticket=ticket, reason="源系统已改")
    settle(moved)
    rows = [row(n) for n in range(1, 7)]
    factories.load(officer, resource, table([*rows, row(7, 金额="约50")]))
    back = settle(ticket)
    assert (back.state, back.affected_rows) == (State.WORKING, 1)


def test_rows_replayed_but_still_wrong_keep_the_ticket_open(
    officer: Actor, batch: Batch, ticket: Ticket
) -> None:
    for number in (3, 4, 7):
        quarantine.correct(actor=officer, batch=batch, row_number=number, values={"amount": "多"})
    factories.run(quarantine.replay(actor=officer, batch=batch))
    assert settle(ticket).affected_rows == 3
    assert ticket.is_open


COLUMNS = {
    "date": ColumnSpec(name="d", title="日期", type="date"),  # type: ignore[arg-type]
    "number": ColumnSpec(name="n", title="面积", type="decimal", precision=12, scale=2),  # type: ignore[arg-type]
    "code": ColumnSpec(name="g", title="性别", codes={"1": "男性", "2": "女性"}),
    "mobile": ColumnSpec(name="m", title="手机", format="mobile"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(
    ("column", "value", "wanted"),
    [
        ("number", "约50", "50"),
        ("number", "１２００元", "1200"),
        ("number", "1.2万", "12000"),
        ("number", "很多", None),
        ("date", "26.3.15", "2026-03-15"),
        ("date", "25/12/2026", "2026-12-25"),
        ("date", "3/4/2026", None),
        ("date", "2026-02-30", None),
        ("date", "46000", "2025-12-09"),
        ("code", " 男 ", "1"),
        ("code", "女", "2"),
        ("code", "人", None),
        ("code", "01", "1"),
        ("mobile", "+86 154-0000-1234", "15400001234"),
    ],
)
def test_a_suggestion_is_made_only_where_it_can_be_computed(
    column: str, value: str, wanted: str | None
) -> None:
    probe = ValueProbe(COLUMNS[column])
    found = suggest(probe, value)
    assert (found.value if found else None) == wanted
    if found:
        assert probe.objection(found.value) == ""


def test_a_wrong_check_digit_is_a_hint_and_never_a_suggestion() -> None:
    column = ColumnSpec(name="i", title="身份证号", format="id_number")  # type: ignore[arg-type]
    right = id_number(1)
    wrong = right[:-1] + ("1" if right[-1] != "1" else "2")
    assert suggest(ValueProbe(column), wrong) is None
    assert f"末位应为 {right[-1]}" in hint(column, wrong)


def test_unconfirmed_uploads_are_warned_of_and_then_dropped(
    officer: Actor, resource: Resource, cast: Cast
) -> None:
    draft = factories.upload(officer, resource, table([row(1)]))
    now = timezone.now()
    assert drafts.expire_drafts(now) == {"warned": 0, "expired": 0}
    assert drafts.expire_drafts(now + timedelta(days=6))["warned"] == 1
    assert drafts.expire_drafts(now + timedelta(days=6))["warned"] == 0
    assert drafts.expire_drafts(now + timedelta(days=7, minutes=1))["expired"] == 1
    draft.refresh_from_db()
    assert draft.state == BatchState.CANCELLED
    titles = [r.notice.title for r in Receipt.objects.filter(account=cast.officer_a)]
    assert len(titles) == 2


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_the_pages_show_groups_values_and_the_way_to_a_ticket(
    resource: Resource, batch: Batch, cast: Cast, client_for: Callable[[Account], Client]
) -> None:
    client = client_for(cast.officer_a)
    page = text(client.get(reverse("ingest:quarantine-groups")))
    for words in ("金额 · 类型", "性别 · 代码表", "未处理"):
        assert words in page
    assert "性别 · 代码表" not in text(
        client.get(reverse("ingest:quarantine-groups"), {"rule": "type"})
    )
    url = ticketing.group_url(resource.pk, "type", "amount")
    page = text(client.get(url))
    assert "约50" in page
    assert 'value="50"' in page
    data = {"rule": "type", "column": "amount"}
    correct = reverse("ingest:quarantine-correct", args=[resource.pk])
    refused = client.post(correct, data | {"value": "约50", "replacement": "约60"})
    assert refused.status_code == 422
    sent = client.post(
        reverse("ingest:quarantine-ticket", args=[resource.pk]),
        data | {"severity": "high", "remark": "急"}, follow=True,
    )  # fmt: skip
    assert "约50" in text(sent)
    assert "在隔离区更正" in text(sent)
    client.post(correct, data | {"value": "约50", "replacement": "50"})
    assert batch.decisions.count() == 3
    replayed = client.post(reverse("ingest:quarantine-replay", args=[resource.pk]), data)
    assert replayed.status_code == 302
    assert "都已处理" in text(client.get(url))
    assert client_for(cast.officer_b).get(url).status_code == 404


def test_personal_values_are_masked_until_a_reason_is_given(
    resource: Resource, batch: Batch, cast: Cast, client_for: Callable[[Account], Client]
) -> None:
    assert batch.quarantined
    client = client_for(cast.officer_a)
    url = ticketing.group_url(resource.pk, "check_digit", "id_number")
    assert "339983198001010010" not in text(client.get(url))
    data = {"rule": "check_digit", "column": "id_number", "reason": "x"}
    unmask = reverse("ingest:quarantine-unmask", args=[resource.pk])
    assert client.post(unmask, data).status_code == 422
    assert "339983198001010010" in text(client.post(unmask, data | {"reason": "与原件核对"}))
    assert AuditRecord.objects.filter(action="ingest.personal.unmask").count() == 1
    ticket_url = reverse("ingest:quarantine-ticket", args=[resource.pk])
    sent = client.post(ticket_url, data | {"severity": "normal", "remark": ""}, follow=True)
    assert "339983198001010010" not in text(sent)


def test_the_row_form_knows_what_the_person_saw(
    batch: Batch, cast: Cast, officer: Actor, client_for: Callable[[Account], Client]
) -> None:
    client = client_for(cast.admin)
    assert 'name="seen" value=""' in text(client.get(reverse("ingest:quarantine", args=[batch.pk])))
    quarantine.correct(actor=officer, batch=batch, row_number=3, values={"amount": "50"})
    url = reverse("ingest:row", args=[batch.pk, 3])
    answer = client.post(url, {"seen": "", "cell-amount": "5"}, headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "刚刚由 王社事 处理过" in text(answer)
    give_up = reverse("ingest:give-up", args=[batch.pk])
    client.post(give_up, {"row": ["4"], "note": "已经注销"})
    assert batch.decisions.get(row_number=4).kind == DecisionKind.GIVEN_UP
    replay = reverse("ingest:replay", args=[batch.pk])
    client.post(replay, {"selected": "1"})
    assert batch.replays.count() == 0
    client.post(replay, {"selected": "1", "row": ["3"]})
    assert batch.replays.count() == 1
