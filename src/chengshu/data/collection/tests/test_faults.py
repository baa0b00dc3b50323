"""What goes wrong at the source: a clear state, a clear sentence, nothing lost, and it can go on."""

import pytest

from chengshu.data.collection.choices import RunState
from chengshu.data.collection.models import Lease, Plan
from chengshu.data.collection.services import plans, runs
from chengshu.data.collection.tests.factories import ITEMS, books, go, held, make_plan, work
from chengshu.data.collection.tests.shop import MAPPING, Shop
from chengshu.data.ingest.facade import BatchState, Reason, SourceError, loading
from chengshu.data.ingest.tests import factories
from chengshu.kernel.events.models import Event
from chengshu.kernel.notices.models import Notice

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def resource(cast, lake_dir):
    return factories.publish(cast.department_a, ITEMS)


def test_a_source_that_goes_away_half_way_leaves_nothing_half_and_is_resumed(
    resource, source, shop: Shop, officer
):
    plan = make_plan(officer, resource, source, mode="incremental")
    for n in range(200):
        shop.put(n)
    shop.lost_after = 100
    run = go(officer, plan)
    assert (run.state, run.batch.state) == (RunState.FAILED, BatchState.FAILED)
    assert "连接断了" in run.message
    assert not loading.lake().exists(resource.lake_table)
    assert not run.batch.folder.exists()
    assert not Lease.objects.exists()
    plan.refresh_from_db()
    assert plan.high_water == ""
    assert Notice.objects.filter(title__startswith="失败").count() == 1
    shop.lost_after = None
    run = work(runs.resume(actor=officer, run=run))
    assert books(run)[:4] == (200, 200, 0, 200)


def test_a_changed_password_is_said_in_words(resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source)
    shop.put(1)
    shop.refuse = SourceError(Reason.WRONG_PASSWORD, "用户名或密码不对。", "请更换密码。")
    run = go(officer, plan)
    assert run.state == RunState.FAILED
    assert run.message.startswith("用户名或密码不对。请更换密码。")
    shop.refuse = None
    assert work(runs.resume(actor=officer, run=run)).state == RunState.SUCCEEDED


def test_a_vanished_column_stops_before_anything_is_read(resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source)
    shop.put(1)
    go(officer, plan)
    before, reads = loading.lake().version(resource.lake_table), shop.reads
    del shop.columns["amount"]
    shop.columns["total"] = "numeric"
    run = go(officer, plan)
    assert (run.state, shop.reads) == (RunState.DRIFTED, reads)
    assert "“amount”不见了（可能改名为“total”）" in run.message
    assert loading.lake().version(resource.lake_table) == before
    event = Event.objects.get(type="city.collection.source.drifted")
    assert (event.subject, event.data["gone"]) == (resource.code, ["amount"])
    # The mapping is confirmed anew against what is there now, and the same run goes on.
    mapping = {("total" if c == "amount" else c): t for c, t in MAPPING.items()}
    for row in shop.rows.values():
        row["total"] = row.pop("amount")
    plans.change(
        actor=officer, plan=plan, settings=plans.Settings(name="甲", mode="merge"), mapping=mapping
    )
    assert work(runs.resume(actor=officer, run=run)).state == RunState.SUCCEEDED


def test_a_changed_type_stops_and_a_new_column_only_tells(resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source)
    shop.put(1)
    shop.columns["extra"] = "varchar"
    assert go(officer, plan).state == RunState.SUCCEEDED
    assert Event.objects.get(type="city.collection.source.drifted").data["breaks"] is False
    shop.columns["amount"] = "varchar"
    run = go(officer, plan)
    assert run.state == RunState.DRIFTED
    assert "由 numeric 变为 varchar" in run.message


def test_rejects_without_end_stay_in_the_books(resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source)
    for n in range(2_000):
        shop.put(n, sex="9")
    run = go(officer, plan)
    assert books(run)[:3] == (2_000, 0, 2_000)
    assert run.state == RunState.SUCCEEDED


def test_a_cursor_that_is_no_date_fails_with_its_value(resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source, mode="incremental")
    shop.put(1, changed="昨天")
    run = go(officer, plan)
    assert run.state == RunState.FAILED
    assert "“昨天”不是日期时间" in run.message


def test_a_run_can_be_cancelled_while_it_waits(resource, source, officer):
    plan = make_plan(officer, resource, source)
    run = runs.run_now(actor=officer, plan=plan)
    run = runs.cancel(actor=officer, run=run)
    assert run.state == RunState.CANCELLED
    assert Plan.objects.get().runs.count() == 1


def test_a_run_killed_between_commit_and_books_is_booked_once(
    resource, source, shop: Shop, officer, monkeypatch
):
    plan = make_plan(officer, resource, source, mode="incremental")
    for n in range(10):
        shop.put(n)

    def die(**_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loading, "measure", die)
        run = runs.run_now(actor=officer, plan=plan)
        with pytest.raises(KeyboardInterrupt):
            run_job_of(run)
    shop.rows.clear()  # the source has moved on: what was read must not be read again
    run.job.__class__.objects.filter(pk=run.job_id).update(state="queued")
    run = work(run)
    assert books(run)[:4] == (10, 10, 0, 10)
    plan.refresh_from_db()
    assert plan.high_water == "2026-11-23 08:00:00"
    assert len(held(resource.lake_table)) == 10


def run_job_of(run) -> None:
    from chengshu.kernel.jobs.services import run_job

    run_job.func(str(run.job_id))
