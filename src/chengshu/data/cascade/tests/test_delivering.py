"""A delivery from plan to receipt, both sides, with everything that can go wrong on the way."""

from contextlib import suppress
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.conf import settings

from chengshu.data.cascade.adapters import UpperError
from chengshu.data.cascade.choices import IncomingState, OutgoingState
from chengshu.data.cascade.models import Incoming, Outgoing
from chengshu.data.cascade.notes import Note, receipt_of, refusal_of
from chengshu.data.cascade.services import building, delivering, planning, settling
from chengshu.data.cascade.services.platforms import conversation
from chengshu.data.cascade.tests.cast import FIELDS, Scene, put, rows, run_jobs
from chengshu.data.tickets.models import Ticket
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu_gateway.rowfilter import compile_filter
from chengshu_lake import Lake


def test_a_delivery_is_loaded_above_and_its_receipt_accounts_for_every_row(scene: Scene):
    put(scene.resource, [rows(1)[0] | {"resident_no": "R00003", "family": 12}])
    item = scene.deliver(scene.plan())
    assert (item.state, item.rows) == (OutgoingState.PARTLY, 10)
    assert (item.accepted, item.refused, item.duplicates, item.unexplained) == (9, 1, 0, 0)
    assert scene.count() == 9
    ticket = Ticket.objects.get(kind="cascade.refused")
    assert (ticket.department, ticket.affected_rows) == (scene.resource.provider, 1)
    assert "家庭人口" in ticket.title
    put(scene.resource, [rows(1)[0] | {"resident_no": "R00003", "family": 2}])
    again = scene.deliver(item.plan)
    ticket.refresh_from_db()
    assert (again.state, ticket.state) == (OutgoingState.ACCEPTED, "closed")


@pytest.mark.service
def test_l4_and_bare_personal_data_never_leave(scene: Scene):
    with pytest.raises(InvalidInput, match="计划没有保存"):
        scene.plan(fields=[*FIELDS, "income"])
    item = scene.deliver(scene.plan())
    assert item.state == OutgoingState.ACCEPTED
    told = Lake(settings.LAKE_ROOT).read(scene.upper_resource.lake_table).read_all().to_pylist()
    assert {row["name"] for row in told} == {"王**"}
    assert all("*" in row["mobile"] for row in told)


def test_nobody_approves_an_own_plan_and_a_changed_one_delivers_nothing(scene: Scene):
    plan = planning.create(
        actor=scene.admin, platform=scene.upper, resource_code=scene.resource.code,
        content=planning.PlanContent(fields=FIELDS, basis="文号"),
    )  # fmt: skip
    with pytest.raises(Conflict):
        delivering.start(actor=scene.admin, plan=plan)
    planning.submit(actor=scene.admin, plan=plan)
    with pytest.raises(NotAllowed):
        planning.decide(actor=scene.admin, plan=plan, agree=True)
    planning.decide(actor=scene.city.second_admin, plan=plan, agree=True)
    plan.fields = ["resident_no"]
    plan.save()
    with pytest.raises(Conflict, match="没有生效的审批"):
        delivering.start(actor=scene.admin, plan=plan)


@pytest.mark.service
@pytest.mark.parametrize(
    "wrong",
    [
        ["timeout"], ["lost"], ["garbage"], ["list"], ["twice"], ["", "lost"], ["", "", "", "lost"],
        ["", "", "", "twice"], ["twice", "twice", "twice", "twice", "twice"],
        ["", "", "", "garbage", "timeout", "", "lost"],
    ],
    ids=str,
)  # fmt: skip
def test_whatever_goes_wrong_on_the_wire_a_batch_is_loaded_once(
    scene: Scene, faults: list[str], wrong: list[str]
):
    plan = scene.plan()
    faults += wrong
    item = scene.deliver(plan)
    for _round in range(5):
        scene.round()
    item.refresh_from_db()
    assert (item.state, item.accepted) == (OutgoingState.ACCEPTED, 10)
    assert (scene.loads(), Incoming.objects.count(), scene.count()) == (1, 1, 10)


@pytest.mark.service
def test_a_file_that_was_altered_is_not_loaded_and_comes_again_under_the_same_number(scene: Scene):
    item = delivering.start(actor=scene.admin, plan=scene.plan())
    building.build(item)
    path = building.path_of(item, item.parts.first().name)
    whole = path.read_bytes()
    path.write_bytes(whole[:-2] + b"9\n")
    for file in item.parsed.files:
        with suppress(UpperError):  # the first is told not to be what was sent
            conversation(scene.upper).send_part(
                item.parsed, file, building.path_of(item, file.name)
            )
    item.parts.update(sent_at=item.created_at)
    path.write_bytes(whole)
    run_jobs()
    scene.round()
    item.refresh_from_db()
    assert item.state == OutgoingState.REFUSED
    assert [d["code"] for d in item.receipt["differences"]] == ["file_digest"]
    assert scene.loads() == 0
    delivering.retry(actor=scene.admin, outgoing=item)
    for _round in range(3):
        scene.round()
    item.refresh_from_db()
    assert (item.state, item.accepted, scene.loads()) == (OutgoingState.ACCEPTED, 10, 1)


@pytest.mark.service
def test_a_batch_number_used_for_other_content_is_refused(scene: Scene):
    scene.deliver(scene.plan())
    first = Outgoing.objects.get()
    other = Note(dataset="resident", number=first.number, rows=0)
    with pytest.raises(UpperError, match="内容不同"):
        conversation(scene.upper).commit(other)
    kept = Incoming.objects.get()
    assert (kept.state, kept.digest) == (IncomingState.ACCEPTED, first.parsed.digest)
    assert [d["code"] for d in kept.differences] == ["batch_reused"]


@pytest.mark.service
def test_changes_only_send_what_is_new_since_the_last_accepted_delivery(scene: Scene):
    plan = scene.plan(mode="changes")
    assert scene.deliver(plan).rows == 10
    put(scene.resource, rows(1, family=4))
    put(scene.resource, [rows(1)[0] | {"resident_no": "R90000"}])
    second: Any = scene.deliver(plan)
    assert (second.number, second.mode, second.rows, second.accepted) == (2, "changes", 2, 2)
    assert scene.count() == 11


@pytest.mark.service
def test_rows_that_were_refused_come_again_with_the_next_changes(scene: Scene):
    plan = scene.plan(mode="changes")
    put(scene.resource, rows(1, family=12))
    assert scene.deliver(plan).state == OutgoingState.PARTLY
    second = scene.deliver(plan)
    assert (second.mode, second.refused, second.state) == ("full", 1, OutgoingState.PARTLY)
    assert Ticket.objects.get(kind="cascade.refused").is_open


def test_a_second_receipt_does_not_replace_the_first(scene: Scene):
    item = delivering.start(actor=scene.admin, plan=scene.plan())
    note = building.build(item)
    first = receipt_of(note, loaded=10, accepted=10, quarantined=0, duplicates=0, reasons=[])
    later = refusal_of(note, [])
    for receipt in (first, later):
        settling.take_receipt(outgoing=item, receipt=receipt)
    assert (item.state, item.accepted, item.refused) == (OutgoingState.ACCEPTED, 10, 0)


@pytest.mark.parametrize(
    "row_filter",
    [
        {"le": ["family", 2]},
        {"in": ["family", [1, 3]]},
        {"not": {"eq": ["family", 0]}},
        {"prefix": ["resident_no", "R0000"]},
        {"and": [{"ge": ["family", 1]}, {"or": [{"eq": ["income", "12000"]}, {"eq": ["income", "9"]}]}]},
        {"eq": ["mobile", "' OR 1=1 --"]},
    ],
)  # fmt: skip
def test_only_the_rows_of_the_plan_leave(scene: Scene, row_filter: dict[str, Any]):
    """As the gateway's own filter chooses them, values that are empty and columns that stay included."""
    kept = [*rows(10), rows(1)[0] | {"resident_no": "R00010", "family": None, "income": None}]
    put(scene.resource, kept)
    names = list(kept[0])
    chosen = compile_filter(row_filter, {name: at for at, name in enumerate(names)})
    wanted = {
        row["resident_no"] for row in kept if chosen(tuple(row[name] for name in names)) is True
    }
    plan = scene.plan(fields=["resident_no", "name"], row_filter=row_filter, file_format="parquet")
    item = delivering.start(actor=scene.admin, plan=plan)
    building.build(item)
    sent = [
        row["resident_no"]
        for file in sorted(item.folder.iterdir())
        for row in pq.read_table(file).to_pylist()
    ]
    assert sorted(sent) == sorted(wanted)
    assert item.rows == len(wanted)
