"""Logs without key: readings overlap, and every line of the source stands in the lake as often as there."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu.data.collection.choices import CheckState, RunState
from chengshu.data.collection.services import backfill, plans, reconciliation, runs
from chengshu.data.collection.tests.factories import LOG_ITEMS, books, go, make_plan, work
from chengshu.data.collection.tests.shop import Shop
from chengshu.data.ingest.facade import loading
from chengshu.data.ingest.tests import factories
from chengshu.kernel.jobs.services import run_job

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 11, 20, 8, tzinfo=ZoneInfo("Asia/Shanghai"))
STEP = timedelta(minutes=20)
NUMBERS = count(1)


@pytest.fixture
def log(cast, lake_dir):
    return factories.publish(cast.department_a, LOG_ITEMS, title="流水", physical_name="log")


def write(shop: Shop, at: datetime, **changes: str) -> None:
    """One more line of the log; lines may be equal."""
    shop.rows[f"line {len(shop.rows)}"] = {
        "no": "P1", "name": "张三", "sex": "1", "day": "2026-11-20", "amount": "1.00",
        "changed": f"{at:%Y-%m-%d %H:%M:%S}",
    } | changes  # fmt: skip


def lines(shop: Shop) -> Counter[tuple[str, str]]:
    """What the lake should hold: the lines the catalogue accepts."""
    good = (r for r in shop.rows.values() if r["sex"] == "1")
    return Counter((str(r["name"]), str(r["changed"])) for r in good)


def held(table: str) -> Counter[tuple[str, str]]:
    rows = loading.lake().sql(
        "SELECT full_name AS a, strftime(changed_at + INTERVAL 8 HOUR, '%Y-%m-%d %H:%M:%S') AS b FROM t",
        tables={"t": table},
    )
    return Counter((r["a"], r["b"]) for r in rows.read_all().to_pylist())


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lag=st.sampled_from([0, 2]),
    deliveries=st.lists(
        st.lists(st.tuples(st.integers(0, 3), st.sampled_from("甲乙丙")), min_size=1, max_size=4),
        min_size=2, max_size=4,
    ),
)  # fmt: skip
def test_ties_and_late_lines_are_neither_lost_nor_doubled(
    *, cast, lake_dir, source, shop: Shop, officer, lag, deliveries
):
    shop.clear()
    number = next(NUMBERS)
    log = factories.publish(
        cast.department_a, LOG_ITEMS, title=f"流水{number}", physical_name=f"log{number}"
    )
    plan = make_plan(
        officer, log, source, mode="append", cursor_column="changed", cursor_kind="datetime",
        lag=lag * 20,
    )  # fmt: skip
    highest = START
    for delivery in deliveries:
        lowest = highest - lag * STEP
        for offset, name in delivery:
            at = lowest + offset * STEP
            highest = max(highest, at)
            # 丙 is a line the catalogue refuses.
            write(shop, at, name=name, sex="9" if name == "丙" else "1")
        run = go(officer, plan)
        assert run.state == RunState.SUCCEEDED, run.message
        read, accepted, refused, new, changed, known, _ = books(run)
        assert (read, accepted, changed) == (accepted + refused, new + known, 0)
        assert held(log.lake_table) == lines(shop)


def test_equal_lines_of_one_moment_stay_as_many_as_they_are(log, source, shop: Shop, officer):
    plan = make_plan(
        officer, log, source, mode="append", cursor_column="changed", cursor_kind="datetime"
    )
    write(shop, START)
    go(officer, plan)
    write(shop, START)  # in the very moment that was read last, and equal
    run = go(officer, plan)
    assert books(run)[3:6] == (1, 0, 1)
    assert held(log.lake_table) == {("张三", "2026-11-20 08:00:00"): 2}
    assert books(go(officer, plan))[3:6] == (0, 0, 2)


def test_a_log_can_be_read_again_from_anywhere(log, source, shop: Shop, officer):
    plan = make_plan(
        officer, log, source, mode="append", cursor_column="changed", cursor_kind="datetime"
    )
    for day in range(4):
        write(shop, START + timedelta(days=day))
    first = go(officer, plan)
    again = work(runs.rerun(actor=officer, run=first))
    assert books(again)[3:6] == (0, 0, 4)
    plans.set_high_water(actor=officer, plan=plan, value="2026-11-21 00:00:00")
    plan.refresh_from_db()
    write(shop, START + timedelta(days=1))
    assert books(go(officer, plan))[3:6] == (1, 0, 3)
    item = backfill.start(
        actor=officer, plan=plan, first=START.date(), last=START.date() + timedelta(days=1),
        step="week",
    )  # fmt: skip
    assert books(work(item.runs.get()))[3:6] == (0, 0, 3)
    assert held(log.lake_table) == lines(shop)


def test_lines_without_a_time_come_in_once(log, source, shop: Shop, officer):
    plan = make_plan(
        officer, log, source, mode="append", cursor_column="changed", cursor_kind="datetime"
    )
    write(shop, START)
    go(officer, plan)
    write(shop, START, changed=None)
    assert [books(go(officer, plan))[3] for _ in range(2)] == [1, 0]


def test_a_log_without_cursor_is_topped_up(log, source, shop: Shop, officer):
    plan = make_plan(officer, log, source, mode="append")
    for _ in range(3):
        write(shop, START)
    go(officer, plan)
    write(shop, START)
    assert books(go(officer, plan))[3:6] == (1, 0, 3)
    item = reconciliation.ask(actor=officer, plan=plan)
    run_job.func(str(item.job_id))
    item.refresh_from_db()
    assert (item.state, item.lake_rows) == (CheckState.EQUAL, 4)
