"""Each mode against a source that changes: the books balance, nothing is lost, nothing stands twice."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from chengshu.data.collection.choices import RunState
from chengshu.data.collection.models import Run
from chengshu.data.collection.services import plans, runs
from chengshu.data.collection.tests.factories import (
    ITEMS,
    LOG_ITEMS,
    books,
    go,
    held,
    make_plan,
    work,
)
from chengshu.data.collection.tests.shop import Shop
from chengshu.data.ingest.facade import BatchState, loading, stamp_of
from chengshu.data.ingest.tests import factories
from chengshu.kernel.errors import Conflict, InvalidInput

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def resource(cast, lake_dir):
    return factories.publish(cast.department_a, ITEMS)


@pytest.fixture
def log(cast, lake_dir):
    return factories.publish(cast.department_a, LOG_ITEMS, title="流水", physical_name="log")


def test_an_increment_reads_what_changed_and_ties_are_neither_lost_nor_doubled(
    resource, source, shop: Shop, officer
):
    plan = make_plan(officer, resource, source, mode="incremental")
    for n in range(5):
        shop.put(n, at="2026-11-20 08:00:00")
    assert books(go(officer, plan)) == (5, 5, 0, 5, 0, 0, 0)
    # Written in the very moment that was read last, after it was read.
    shop.put(5, at="2026-11-20 08:00:00")
    shop.put(0, at="2026-11-20 09:00:00", name="李四")
    run = go(officer, plan)
    assert books(run) == (6, 6, 0, 1, 1, 4, 0)
    plan.refresh_from_db()
    assert plan.high_water == "2026-11-20 09:00:00"
    assert len(held(resource.lake_table)) == 6


def test_late_rows_are_found_within_the_lag_and_counted(resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source, mode="incremental", lag=60)
    shop.put(1, at="2026-11-20 08:00:00")
    go(officer, plan)
    shop.put(2, at="2026-11-20 07:30:00")
    shop.put(3, at="2026-11-20 06:00:00")
    run = go(officer, plan)
    assert (run.late, books(run)[3]) == (1, 1)
    assert set(held(resource.lake_table)) == {"P00001", "P00002"}


def test_a_row_from_the_future_does_not_hide_the_meantime(resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source, mode="incremental")
    shop.put(1, at="2025-11-20 08:00:00")
    shop.put(2, at="2099-01-01 00:00:00")
    run = go(officer, plan)
    assert (run.state, run.future) == (RunState.SUCCEEDED, 1)
    assert run.skew_seconds
    assert run.skew_seconds > 86_400
    assert "时钟" in run.message
    plan.refresh_from_db()
    assert plan.high_water == "2025-11-20 08:00:00"
    shop.put(3, at="2025-11-21 08:00:00")
    go(officer, plan)
    assert set(held(resource.lake_table)) == {"P00001", "P00002", "P00003"}


def local(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"


def test_how_far_an_increment_came_is_judged_by_the_sources_clock(
    resource, source, shop: Shop, officer
):
    plan = make_plan(officer, resource, source, mode="incremental")
    shop.now = timezone.now() - timedelta(hours=1)
    shop.put(1, at=local(shop.now - timedelta(minutes=1)))
    # Ten minutes ahead over there, and yet fifty minutes ago by our clock.
    shop.put(2, at=local(shop.now + timedelta(minutes=10)))
    run = go(officer, plan)
    assert (run.future, set(held(resource.lake_table))) == (1, {"P00001", "P00002"})
    assert "比来源自己的时钟快" in run.message
    plan.refresh_from_db()
    assert plan.high_water == shop.rows["P00001"]["changed"]
    source.refresh_from_db()
    assert source.clock_skew == pytest.approx(-3600, abs=5)
    shop.put(3, at=local(shop.now + timedelta(minutes=5)))
    shop.now += timedelta(minutes=20)
    run = go(officer, plan)
    assert (run.future, len(held(resource.lake_table))) == (0, 3)
    plan.refresh_from_db()
    assert plan.high_water == shop.rows["P00002"]["changed"]


def test_a_source_ahead_of_us_has_no_rows_from_the_future(resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source, mode="incremental")
    shop.now = timezone.now() + timedelta(hours=2)
    shop.put(1, at=local(shop.now - timedelta(seconds=1)))
    # Written while the reading went on: not passed, and no fault.
    shop.put(2, at=local(shop.now + timedelta(seconds=3)))
    run = go(officer, plan)
    assert (run.future, run.message) == (0, "")
    plan.refresh_from_db()
    assert plan.high_water == shop.rows["P00001"]["changed"]


def test_a_snapshot_removes_what_the_source_no_longer_has(resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source, mode="snapshot", max_lost_percent=20)
    for n in range(10):
        shop.put(n)
    first = go(officer, plan)
    del shop.rows["P00003"]
    shop.put(4, name="王五")
    shop.put(10)
    second = go(officer, plan)
    assert books(second) == (10, 10, 0, 1, 1, 8, 1)
    rows = held(resource.lake_table)
    assert set(rows) == set(shop.rows)
    stamps = {key: (row["_batch"], row["_row"]) for key, row in rows.items()}
    assert stamps["P00000"] == (stamp_of(first.batch.pk), 1)
    assert stamps["P00004"][0] == stamps["P00010"][0] == stamp_of(second.batch.pk)


@pytest.mark.parametrize("mode", ["snapshot", "full"])
def test_too_many_deletions_wait_for_a_word_and_then_happen_without_reading_again(
    resource, source, shop: Shop, officer, mode
):
    plan = make_plan(officer, resource, source, mode=mode, max_lost_percent=20)
    for n in range(10):
        shop.put(n)
    go(officer, plan)
    for n in range(5):
        del shop.rows[f"P{n:05d}"]
    run = go(officer, plan)
    assert (run.state, run.batch.state) == (RunState.HELD, BatchState.FAILED)
    assert "超过了任务允许的 20%" in run.message
    assert len(held(resource.lake_table)) == 10
    reads = shop.reads
    run = work(runs.confirm_deletion(actor=officer, run=run))
    assert (run.state, shop.reads) == (RunState.SUCCEEDED, reads)
    assert set(held(resource.lake_table)) == set(shop.rows)
    assert run.deleted == (5 if mode == "snapshot" else 10)


def test_a_deletion_confirmed_after_a_newer_load_is_refused(resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source, mode="snapshot")
    for n in range(10):
        shop.put(n)
    go(officer, plan)
    kept = dict(shop.rows)
    shop.rows = {"P00001": kept["P00001"]}
    stale = go(officer, plan)
    shop.rows = kept
    go(officer, plan)
    with pytest.raises(Conflict, match="过时"):
        runs.confirm_deletion(actor=officer, run=stale)
    assert len(held(resource.lake_table)) == 10
    assert runs.cancel(actor=officer, run=stale).state == RunState.CANCELLED


def test_a_log_without_key_takes_each_row_once(log, source, shop: Shop, officer):
    plan = make_plan(
        officer, log, source, mode="append", cursor_column="changed", cursor_kind="datetime"
    )
    shop.put(1, at="2026-11-20 08:00:00")
    go(officer, plan)
    shop.put(2, at="2026-11-20 09:00:00")
    go(officer, plan)
    assert books(go(officer, plan))[3:6] == (0, 0, 1)  # the border is read again, and known
    assert loading.lake().count(log.lake_table) == 2


def test_a_log_with_key_never_changes_what_it_holds(resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source, mode="append")
    shop.put(1, name="甲")
    go(officer, plan)
    shop.put(1, name="乙")
    shop.put(2)
    assert books(go(officer, plan))[3:6] == (1, 0, 1)
    assert held(resource.lake_table)["P00001"]["full_name"] == "甲"


def test_rejected_rows_are_in_the_books_and_a_repeat_changes_nothing(
    resource, source, shop: Shop, officer
):
    plan = make_plan(officer, resource, source, mode="incremental")
    shop.put(1)
    shop.put(2, sex="9", at="2026-11-23 09:00:00")
    run = go(officer, plan)
    assert books(run)[:3] == (2, 1, 1)
    version = loading.lake().version(resource.lake_table)
    again = Run.objects.select_related("plan__resource__provider", "batch").get(pk=run.pk)
    assert runs.execute(None, again) == {"state": RunState.SUCCEEDED}
    assert loading.lake().version(resource.lake_table) == version
    # Read to the rejected row, so that it is not rejected once more with every run.
    plan.refresh_from_db()
    assert plan.high_water == "2026-11-23 09:00:00"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"mode": "incremental", "cursor_column": ""}, "cursor_column"),
        ({"mode": "incremental", "cursor_column": "nowhere"}, "cursor_column"),
        ({"mode": "nonsense"}, "mode"),
        ({"schedule": "cron", "cron": "61 * * * *"}, "cron"),
        ({"schedule": "cron", "cron": "0 0 31 2 *"}, "cron"),
        ({"schedule": "workday"}, "at_time"),
        ({"source_zone": "Mars/Base"}, "source_zone"),
        ({"name": " "}, "name"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_at_its_field(resource, source, officer, changes, field):
    with pytest.raises(InvalidInput) as refused:
        make_plan(officer, resource, source, **changes)
    assert field in refused.value.fields


def test_modes_that_compare_need_a_key(log, source, officer):
    with pytest.raises(InvalidInput) as refused:
        make_plan(officer, log, source, mode="snapshot")
    assert "主键" in refused.value.fields["mode"]


def test_another_cursor_begins_anew(resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source, mode="incremental")
    shop.put(1)
    go(officer, plan)
    plan.refresh_from_db()
    plans.change(
        actor=officer, plan=plan,
        settings=plans.Settings(name="新", mode="incremental", cursor_column="day", cursor_kind="date"),
    )  # fmt: skip
    assert plan.high_water == ""
