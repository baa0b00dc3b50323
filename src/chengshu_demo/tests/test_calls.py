"""The history of sharing calls."""

import datetime as dt
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chengshu_demo import CALL_SCHEMA, INCIDENTS, calls, city
from chengshu_gateway.bundle import CALL_KINDS


def history(scale: str = "small") -> pa.Table:
    return pa.Table.from_batches(calls(scale), schema=CALL_SCHEMA)


def test_the_number_of_calls_is_exact() -> None:
    assert sum(batch.num_rows for batch in calls("full")) == 1_738_598
    assert history().num_rows == 17_386


def test_calls_lie_in_order_within_eighteen_months_before_the_reference_day() -> None:
    reference = dt.date(2026, 3, 15)
    table = pa.Table.from_batches(calls("small", reference=reference))
    times = table.column("called_at").to_numpy()
    assert (np.diff(times.astype("int64")) >= 0).all()
    china = dt.timezone(dt.timedelta(hours=8))
    first = table.column("called_at")[0].as_py().astimezone(china)
    last = table.column("called_at")[-1].as_py().astimezone(china)
    assert reference - dt.timedelta(days=548) <= first.date() < reference
    assert last.date() == reference - dt.timedelta(days=1)


def test_working_days_and_office_hours_are_busier() -> None:
    local = pc.add(history().column("called_at"), pa.scalar(dt.timedelta(hours=8)))
    weekdays = Counter(pc.day_of_week(local).to_pylist())
    assert min(weekdays[d] for d in range(5)) > 2 * max(weekdays[5], weekdays[6])
    hours = Counter(pc.hour(local).to_pylist())
    assert hours[10] > 20 * hours[3]


def test_only_granted_applications_call_and_most_calls_succeed() -> None:
    table = history()
    granted = {(a, i.code) for i in city().interfaces for a in i.applications}
    seen = set(zip(table["application"].to_pylist(), table["interface"].to_pylist(), strict=True))
    assert seen == granted
    outcomes = Counter(table["outcome"].to_pylist())
    assert outcomes["ok"] / table.num_rows > 0.95
    assert {"no_record", "field_not_granted", "bad_signature"} <= set(outcomes)
    assert pc.min(table["micros"]).as_py() > 0


def test_keys_recur_and_are_hashed() -> None:
    hashes = history()["key_hash"].to_pylist()
    assert len(set(hashes)) < len(hashes)
    assert all(len(h) == 32 and int(h, 16) >= 0 for h in hashes[:200])


def test_what_stands_out_is_part_of_the_total_and_lies_at_the_end() -> None:
    reference = dt.date(2026, 11, 30)  # a Monday: the working day before is Friday
    table = pa.Table.from_batches(calls("small", reference=reference, incidents=INCIDENTS))
    assert table.num_rows == 17_386
    times = table.column("called_at").to_numpy()
    assert (np.diff(times.astype("int64")) >= 0).all()
    friday = dt.datetime(2026, 11, 26, 16, tzinfo=dt.UTC)
    hour = pc.floor_temporal(table.column("called_at"), unit="hour")

    def at(clock: int) -> pa.Table:
        moment = pa.scalar(friday + dt.timedelta(hours=clock), hour.type)
        return table.filter(pc.equal(hour, moment))

    tries = at(15).filter(pc.field("outcome") == "no_record")["key_hash"].to_pylist()
    assert len(set(tries)) == len(tries) >= 88
    assert Counter(at(2)["application"].to_pylist())["ygt"] >= 60


def test_ways_of_calling_are_the_gateways_and_queries_ask_for_granted_fields() -> None:
    for interface in city().interfaces:
        assert set(interface.kinds) <= set(interface.applications)
        assert {kind for kinds in interface.kinds.values() for kind in kinds} <= set(CALL_KINDS)
        assert set(interface.queries) <= set(interface.fields)


def test_the_history_is_the_same_every_time() -> None:
    assert history().equals(history())
