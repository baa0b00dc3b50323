"""Source and lake side by side: equal, explained by the quarantine, or different down to the keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengshu.data.collection.choices import CheckState
from chengshu.data.collection.models import Reconciliation
from chengshu.data.collection.services import reconciliation
from chengshu.data.collection.tests.factories import ITEMS, LOG_ITEMS, go, make_plan
from chengshu.data.collection.tests.shop import Shop
from chengshu.data.ingest.sources.sql import digest_of
from chengshu.data.ingest.tests import factories
from chengshu.kernel.events.models import Event
from chengshu.kernel.jobs.services import run_job

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


def test_without_data_in_the_lake_it_says_so(resource, source, officer):
    item = reconcile(officer, make_plan(officer, resource, source))
    assert item.state == CheckState.FAILED
    assert "还没有这个资源的数据" in item.message


@given(st.lists(st.tuples(st.text(max_size=5), st.none() | st.text(max_size=3)), max_size=8))
def test_the_digest_does_not_know_the_order_of_rows(rows):
    assert digest_of(rows) == digest_of(list(reversed(rows)))
