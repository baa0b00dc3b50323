"""Slots exactly once, working days, dependencies, overlap, what a pause leaves behind, back-fill."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chengshu.data.collection.choices import BackfillState, Reason, RunState
from chengshu.data.collection.models import Lease, Plan, Run
from chengshu.data.collection.services import backfill, plans, runs, scheduling
from chengshu.data.collection.tests.factories import ITEMS, go, held, make_plan, work
from chengshu.data.collection.tests.shop import Shop
from chengshu.data.collection.timing import Timing, missed_slots, next_slot, periods
from chengshu.data.ingest.facade import Reason as SourceReason
from chengshu.data.ingest.facade import SourceError
from chengshu.data.ingest.tests import factories
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.jobs.models import Job, JobState

CHINA = ZoneInfo("Asia/Shanghai")
WORKDAYS = Timing("workday", time(7, 0))


@pytest.fixture
def resource(cast, lake_dir):
    return factories.publish(cast.department_a, ITEMS)


def china(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=CHINA)


def test_a_working_day_schedule_leaves_out_weekends_and_holidays_and_keeps_make_up_days():
    assert next_slot(WORKDAYS, china(2025, 9, 27, 12)) == china(2025, 9, 28, 7)  # 调休上班
    assert next_slot(WORKDAYS, china(2025, 9, 30, 7)) == china(2025, 10, 9, 7)  # 国庆


def test_cron_days_combine_as_cron_does():
    either = Timing("cron", cron="30 6 1 * 1")
    assert next_slot(either, china(2026, 11, 1, 7)) == china(2026, 11, 2, 6, 30)
    assert next_slot(Timing("cron", cron="0 0 31 2 *"), china(2026, 11, 1)) is None
    assert next_slot(Timing("manual"), china(2026, 11, 1)) is None


@given(st.integers(0, 700 * 1440), st.integers(0, 200))
def test_the_next_slot_is_the_first_of_the_missed_ones(minutes, hours):
    timing = Timing("cron", cron="*/17 */5 * * 1-5")
    at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    first = next_slot(timing, at)
    assert first is not None
    assert first > at
    found = missed_slots(timing, first, at + timedelta(hours=hours))
    assert found[:1] == ([first] if first <= at + timedelta(hours=hours) else [])
    assert found == sorted(set(found))


@given(
    st.dates(date(2024, 1, 1), date(2026, 1, 1)), st.integers(0, 400),
    st.sampled_from(["day", "week", "month"]),
)  # fmt: skip
def test_periods_join_without_gap_or_overlap(first, days, step):
    last = first + timedelta(days=days)
    found = periods(first, last, step)
    assert found[0][0] == first
    assert found[-1][1] == last + timedelta(days=1)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(found))


@pytest.mark.django_db(transaction=True)
class TestClock:
    def test_a_slot_runs_once_however_often_and_late_the_clock_ticks(
        self, resource, source, officer
    ):
        plan = make_plan(officer, resource, source, schedule="daily", at_time=time(7))
        due = plan.next_at
        now = due + timedelta(seconds=30)
        assert [scheduling.tick(now) for _ in range(3)] == [1, 0, 0]
        run = plan.runs.get()
        assert (run.slot, run.reason, run.state) == (due, Reason.SCHEDULE, RunState.QUEUED)
        # The clock goes back: the slot has its run.
        Plan.objects.filter(pk=plan.pk).update(next_at=due)
        assert scheduling.tick(now) == 0

    def test_what_a_stop_missed_is_made_good_once(self, resource, source, officer):
        plan = make_plan(officer, resource, source, schedule="daily", at_time=time(7))
        now = plan.next_at + timedelta(days=4, hours=3)
        assert scheduling.tick(now) == 1
        run = plan.runs.get()
        assert (run.slot, run.missed) == (plan.next_at + timedelta(days=4), 4)
        plan.refresh_from_db()
        assert plan.next_at > now

    def test_or_left_out_where_the_plan_says_so(self, resource, source, officer):
        plan = make_plan(
            officer, resource, source, schedule="daily", at_time=time(7), catch_up="skip"
        )
        assert scheduling.tick(plan.next_at + timedelta(hours=3)) == 0
        run = plan.runs.get()
        assert run.state == RunState.SKIPPED
        assert "不补跑" in run.message

    def test_a_paused_plan_rests(self, resource, source, officer):
        plan = make_plan(officer, resource, source, schedule="daily", at_time=time(7))
        due = plan.next_at
        plans.pause(actor=officer, plan=plan, reason="对方停机")
        assert scheduling.tick(due + timedelta(minutes=1)) == 0
        with pytest.raises(Conflict, match="暂停"):
            runs.run_now(actor=officer, plan=plan)
        plans.resume(actor=officer, plan=plan)
        assert plan.next_at is not None

    def test_a_dependant_waits_until_the_first_has_succeeded_that_day(
        self, cast, resource, source, shop: Shop, officer
    ):
        other = factories.publish(cast.department_a, ITEMS, title="先", physical_name="first")
        first = make_plan(officer, other, source, name="先归集")
        second = make_plan(
            officer, resource, source, schedule="daily", at_time=time(0, 1), depends_on=[first]
        )
        slot = timezone.localtime().replace(hour=0, minute=1, second=0, microsecond=0)
        Plan.objects.filter(pk=second.pk).update(next_at=slot)
        scheduling.tick()
        run = second.runs.get()
        assert (run.state, "先归集" in run.message) == (RunState.DEPENDING, True)
        shop.put(1)
        go(officer, first)
        scheduling.tick()
        assert work(run).state == RunState.SUCCEEDED

    def test_a_dependant_is_given_up_when_its_day_is_over(self, cast, resource, source, officer):
        other = factories.publish(cast.department_a, ITEMS, title="先", physical_name="first")
        first = make_plan(officer, other, source)
        second = make_plan(officer, resource, source, depends_on=[first])
        slot = timezone.now() - timedelta(days=1)
        run = runs.ask(actor=officer, plan=second, slot=slot, state=RunState.DEPENDING)
        scheduling.release_dependants(timezone.now())
        run.refresh_from_db()
        assert run.state == RunState.SKIPPED
        assert "前置任务" in run.message

    def test_plans_that_would_wait_for_each_other_are_refused(self, resource, source, officer):
        first = make_plan(officer, resource, source)
        second = make_plan(officer, resource, source, depends_on=[first])
        with pytest.raises(InvalidInput) as refused:
            plans.change(
                actor=officer, plan=first, settings=plans.Settings(name="甲", mode="merge"),
                depends_on=[second],
            )  # fmt: skip
        assert "圈" in refused.value.fields["depends_on"]


@pytest.mark.django_db(transaction=True)
class TestOverlap:
    def test_two_plans_of_one_resource_write_one_after_the_other(
        self, resource, source, shop: Shop, officer
    ):
        shop.put(1)
        one, two = (make_plan(officer, resource, source) for _ in range(2))
        first, second = (runs.run_now(actor=officer, plan=plan) for plan in (one, two))
        Run.objects.filter(pk=first.pk).update(state=RunState.RUNNING)
        Lease.objects.create(resource=resource, run=first)
        waiting = work(second)
        assert waiting.state == RunState.WAITING
        assert one.name in waiting.message
        assert work(first).state == RunState.SUCCEEDED
        waiting.refresh_from_db()
        assert waiting.state == RunState.QUEUED
        assert work(waiting).state == RunState.SUCCEEDED
        assert not Lease.objects.exists()

    def test_a_holder_given_up_for_dead_lets_the_next_one_in(
        self, resource, source, shop: Shop, officer
    ):
        shop.put(1)
        one, two = (make_plan(officer, resource, source) for _ in range(2))
        dead, second = (runs.run_now(actor=officer, plan=plan) for plan in (one, two))
        Run.objects.filter(pk=dead.pk).update(state=RunState.RUNNING)
        Lease.objects.create(resource=resource, run=dead)
        work(second)
        Job.objects.filter(pk=dead.job_id).update(state=JobState.DEAD, error="多次中断。")
        scheduling.tick()
        dead.refresh_from_db()
        assert (dead.state, dead.message) == (RunState.FAILED, "多次中断。")
        assert work(second).state == RunState.SUCCEEDED

    def test_one_plan_never_runs_twice_at_once(self, resource, source, officer):
        plan = make_plan(officer, resource, source, schedule="daily", at_time=time(7))
        runs.run_now(actor=officer, plan=plan)
        with pytest.raises(Conflict):
            runs.run_now(actor=officer, plan=plan)
        scheduling.tick(plan.next_at)
        assert plan.runs.get(slot=plan.next_at).state == RunState.WAITING


@pytest.mark.django_db(transaction=True)
class TestBackfill:
    def _finish(self, item) -> None:
        for _ in range(10):
            queued = item.runs.filter(state=RunState.QUEUED).first()
            if queued is None:
                return
            work(queued)

    def test_each_period_is_a_run_and_a_stop_goes_on_where_it_was(
        self, resource, source, shop: Shop, officer
    ):
        for day in range(1, 6):
            shop.put(day, at=f"2026-11-0{day} 08:00:00")
        plan = make_plan(officer, resource, source, mode="incremental")
        plan.high_water = "2026-11-05 08:00:00"
        plan.save()
        item = backfill.start(
            actor=officer, plan=plan, first=date(2026, 11, 1), last=date(2026, 11, 4), step="day"
        )
        work(item.runs.get())
        shop.refuse = SourceError(SourceReason.LOST, "连接断了。")
        self._finish(item)
        item.refresh_from_db()
        assert (item.state, item.done, item.periods) == (BackfillState.STOPPED, 1, 4)
        assert "2026-11-02" in item.message
        shop.refuse = None
        backfill.resume(actor=officer, item=item)
        self._finish(item)
        item.refresh_from_db()
        assert (item.state, item.done) == (BackfillState.DONE, 4)
        assert set(held(resource.lake_table)) == {f"P0000{n}" for n in range(1, 5)}
        plan.refresh_from_db()
        assert plan.high_water == "2026-11-05 08:00:00"

    def test_a_backfill_of_a_snapshot_never_deletes(self, resource, source, shop: Shop, officer):
        plan = make_plan(
            officer, resource, source, mode="snapshot", cursor_column="changed",
            cursor_kind="datetime",
        )  # fmt: skip
        for day in range(1, 4):
            shop.put(day, at=f"2026-11-0{day} 08:00:00")
        go(officer, plan)
        item = backfill.start(
            actor=officer, plan=plan, first=date(2026, 11, 1), last=date(2026, 11, 1), step="day"
        )
        self._finish(item)
        assert len(held(resource.lake_table)) == 3
        assert item.runs.get().deleted == 0

    def test_only_dates_can_be_filled(self, resource, source, officer):
        plan = make_plan(officer, resource, source)
        with pytest.raises(Conflict, match="日期"):
            backfill.start(
                actor=officer, plan=plan, first=date(2026, 1, 1), last=date(2026, 1, 2), step="day"
            )
