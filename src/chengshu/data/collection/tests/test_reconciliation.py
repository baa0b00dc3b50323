"""Source and lake side by side: equal, explained by the quarantine, or different down to the keys."""

from datetime import time, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chengshu.data.collection.choices import CheckState
from chengshu.data.collection.models import Plan, Reconciliation
from chengshu.data.collection.services import plans, reconciliation, runs, scheduling
from chengshu.data.collection.tests.factories import ITEMS, LOG_ITEMS, go, make_plan
from chengshu.data.collection.tests.shop import Shop
from chengshu.data.ingest.sources.sql import digest_of
from chengshu.data.ingest.tests import factories
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.events.models import Event
from chengshu.kernel.jobs.models import Job, JobState
from chengshu.kernel.jobs.services import run_job
from chengshu.kernel.notices.models import Notice

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def resource(cast, lake_dir):
    return factories.publish(cast.department_a, ITEMS)


def reconcile(actor, plan) -> Reconciliation:
    item = reconciliation.ask(actor=actor, plan=plan)
    run_job.func(str(item.job_id))
    item.refresh_from_db()
    return item


def dated(shop: Shop) -> None:
    for n in range(30):
        shop.put(n, at=f"2026-{1 + n // 10:02d}-{1 + n % 10:02d} 08:00:00")


def test_equal_data_are_equal_by_sums_alone(resource, source, shop: Shop, officer):
    dated(shop)
    plan = make_plan(officer, resource, source, mode="incremental")
    go(officer, plan)
    reads = shop.reads
    item = reconcile(officer, plan)
    assert (item.state, item.source_rows, item.lake_rows) == (CheckState.EQUAL, 30, 30)
    assert [p.label for p in item.periods.all()] == ["2026-01", "2026-02", "2026-03"]
    assert shop.reads == reads  # nothing had to be read


def test_every_kind_of_difference_is_found_in_its_period_with_its_key(
    resource, source, shop: Shop, officer
):
    dated(shop)
    plan = make_plan(officer, resource, source, mode="incremental")
    go(officer, plan)
    del shop.rows["P00001"]
    shop.rows["P00012"]["amount"] = "99.00"
    shop.put(77, at="2026-02-20 08:00:00")
    item = reconcile(officer, plan)
    assert (item.state, item.missing, item.extra, item.changed) == (CheckState.DIFFERENT, 1, 1, 1)
    found = {(p.label, s["kind"], s["key"][0]) for p in item.periods.all() for s in p.samples}
    assert found == {
        ("2026-01", "extra", "P00001"), ("2026-02", "missing", "P00077"),
        ("2026-02", "changed", "P00012"),
    }  # fmt: skip
    assert item.periods.get(label="2026-03").state == CheckState.EQUAL
    assert Event.objects.filter(type="city.collection.reconciliation.differs").count() == 1


def test_other_writing_is_no_difference_and_rejects_are_named_apart(
    resource, source, shop: Shop, officer
):
    plan = make_plan(officer, resource, source, mode="incremental")
    shop.put(1, name=" 张三 ", day="2026/11/23")
    shop.put(2, sex="9")
    go(officer, plan)
    item = reconcile(officer, plan)
    assert (item.state, item.quarantined) == (CheckState.EXPLAINED, 1)
    assert (item.missing, item.extra, item.changed) == (0, 0, 0)


def test_a_log_without_key_is_compared_as_a_heap_of_rows(
    cast, lake_dir, source, shop: Shop, officer
):
    log = factories.publish(cast.department_a, LOG_ITEMS, title="流水", physical_name="log")
    plan = make_plan(officer, log, source, mode="append")
    for n in range(3):
        shop.put(n)
    go(officer, plan)
    assert reconcile(officer, plan).state == CheckState.EQUAL
    shop.put(9)
    item = reconcile(officer, plan)
    assert (item.state, item.missing, item.extra) == (CheckState.DIFFERENT, 1, 0)


NIGHTLY = {"check_schedule": "daily", "check_at": time(2, 30)}


def tick(plan: Plan, **later: int) -> list[Reconciliation]:
    """The clock at the next slot; what it queued is done."""
    plan.refresh_from_db()
    scheduling.tick(plan.next_check_at + timedelta(seconds=20, **later))
    made = list(plan.reconciliations.filter(state=CheckState.QUEUED))
    for item in made:
        run_job.func(str(item.job_id))
        item.refresh_from_db()
    return made


def test_a_plan_is_reconciled_at_its_own_times_once(resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source, mode="incremental", **NIGHTLY)
    shop.put(1)
    go(officer, plan)
    slot = plan.next_check_at
    assert timezone.localtime(slot).time() == time(2, 30)
    [item] = tick(plan)
    assert (item.state, item.slot) == (CheckState.EQUAL, slot)
    # The clock goes back: the slot has its reconciliation.
    Plan.objects.filter(pk=plan.pk).update(next_check_at=slot)
    assert tick(plan) == []
    # Three nights were missed: made good once, for the newest.
    [item] = tick(plan, days=3)
    assert timezone.localtime(item.slot).time() == time(2, 30)
    assert plan.reconciliations.count() == 2


def test_it_waits_while_the_resource_is_being_written(resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source, mode="incremental", **NIGHTLY)
    other = make_plan(officer, resource, source)
    shop.put(1)
    go(officer, plan)
    run = runs.run_now(actor=officer, plan=other)
    assert tick(plan) == []
    runs.cancel(actor=officer, run=run)
    assert len(tick(plan)) == 1


def test_a_difference_that_stays_alarms_each_night_and_stands_on_board_list_and_entry(
    *, resource, source, shop: Shop, officer, client_for, cast
):
    plan = make_plan(officer, resource, source, mode="incremental", **NIGHTLY)
    shop.put(1)
    go(officer, plan)
    client = client_for(cast.officer_a)
    entry = reverse("catalog:resource-basics", args=[resource.pk])
    assert "还没有对过账" in client.get(entry).content.decode()
    shop.put(2, at="2026-11-20 08:00:00")  # behind the cursor: never collected
    for _ in range(2):
        [item] = tick(plan)
        assert item.state == CheckState.DIFFERENT
    titles = list(Notice.objects.order_by("pk").values_list("title", flat=True))
    assert titles == [f"对账不一致：{plan.name}", f"对账不一致（连续 2 次）：{plan.name}"]
    board = client.get(reverse("collection:board")).content.decode()
    assert "对账没对上的任务" in board
    assert reverse("collection:check", args=[item.pk]) in board
    assert "不一致" in client.get(reverse("collection:plans")).content.decode()
    page = client.get(entry).content.decode()
    assert reverse("collection:check", args=[item.pk]) in page
    assert "每天 02:30" in page
    # Mended: nothing on the board any more.
    plans.set_high_water(actor=officer, plan=plan, value="")
    go(officer, plan)
    [item] = tick(plan)
    assert item.state == CheckState.EQUAL
    board = client.get(reverse("collection:board")).content.decode()
    assert "最近的对账都对得上" in board


def test_one_that_could_not_be_done_at_night_is_told_and_does_not_block_the_next(
    resource, source, shop: Shop, officer
):
    plan = make_plan(officer, resource, source, **NIGHTLY)
    shop.put(1)
    go(officer, plan)
    scheduling.tick(plan.next_check_at)
    died = plan.reconciliations.get()
    Reconciliation.objects.filter(pk=died.pk).update(state=CheckState.RUNNING)
    Job.objects.filter(pk=died.job_id).update(state=JobState.DEAD, error="多次中断。")
    [item] = tick(plan)
    died.refresh_from_db()
    assert (died.state, died.message, item.state) == (
        CheckState.FAILED, "多次中断。", CheckState.EQUAL,
    )  # fmt: skip
    assert Notice.objects.filter(title__startswith="定时对账没有对成").count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"check_schedule": "daily"}, "check_at"),
        ({"check_schedule": "cron", "check_cron": "nonsense"}, "check_cron"),
        ({"check_schedule": "cron", "check_cron": "0 0 31 2 *"}, "check_cron"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_at_its_field(
    resource, source, officer, changes, field
):
    with pytest.raises(InvalidInput) as refused:
        make_plan(officer, resource, source, **changes)
    assert field in refused.value.fields


def test_a_paused_plan_is_not_reconciled(resource, source, officer):
    plan = make_plan(officer, resource, source, **NIGHTLY)
    plans.pause(actor=officer, plan=plan, reason="对方停机")
    plan.refresh_from_db()
    assert plan.next_check_at is None
    plans.resume(actor=officer, plan=plan)
    plan.refresh_from_db()
    assert plan.next_check_at is not None


def test_without_data_in_the_lake_it_says_so(resource, source, officer):
    item = reconcile(officer, make_plan(officer, resource, source))
    assert item.state == CheckState.FAILED
    assert "还没有这个资源的数据" in item.message


@given(st.lists(st.tuples(st.text(max_size=5), st.none() | st.text(max_size=3)), max_size=8))
def test_the_digest_does_not_know_the_order_of_rows(rows):
    assert digest_of(rows) == digest_of(list(reversed(rows)))
