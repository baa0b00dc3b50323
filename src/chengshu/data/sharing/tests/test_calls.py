"""Every audited call is counted once: a row in the lake, one in the sums, whatever dies in between."""

from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pyarrow as pa
import pytest
from django.conf import settings
from django.utils import timezone

from chengshu.data.sharing import calls, jobs, selectors
from chengshu.data.sharing.models import CallCursor, CallStatistic
from chengshu.data.sharing.tests.cast import gateway
from chengshu.kernel.errors import Conflict
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.registration import JobContext
from chengshu_lake import Lake


class Killed(BaseException):
    """The process ends here."""


def in_lake():
    table = Lake(settings.LAKE_ROOT).read(calls.TABLE).read_all()
    return table.column("request_id").to_pylist()


def make(scene, caller, count, offset=0):
    with gateway(scene) as running:
        for number in range(count):
            assert caller.ask(running, f"R{offset + number}").status == 200


def test_calls_are_rows_and_sums_with_outcome_latency_and_no_key(scene):
    caller = scene.shared()
    with gateway(scene) as running:
        caller.ask(running, "R1")
        caller.ask(running, "R1", "fields=family")
        caller.ask(running, "nobody")
    assert calls.collect() == 3
    assert calls.collect() == 0
    sums = {s.outcome: (s.calls, s.micros > 0) for s in CallStatistic.objects.all()}
    assert sums == {"ok": (1, True), "field_not_granted": (1, True), "no_record": (1, True)}
    rows = Lake(settings.LAKE_ROOT).read(calls.TABLE).read_all().to_pylist()
    assert {r["application"] for r in rows} == {"grid-app"}
    assert {r["purpose"] for r in rows} == {"入户走访"}
    assert "R1" not in str(rows)
    assert selectors.count_calls() == 3


@pytest.mark.parametrize("step", ["before_lake", "after_lake", "in_sums"])
def test_a_run_killed_at_any_step_counts_each_call_once_though_more_calls_came(scene, step):
    caller = scene.shared()
    make(scene, caller, 5)
    place = {
        "before_lake": "chengshu.data.sharing.calls.open_table",
        "after_lake": "chengshu.data.sharing.calls.settle",
        "in_sums": "chengshu.data.sharing.statistics._merge",
    }[step]
    with mock.patch(place, side_effect=Killed), pytest.raises(Killed):
        calls.collect()
    assert CallStatistic.objects.count() == 0
    make(scene, caller, 4, offset=10)  # a later run of the gateway: another segment
    assert calls.collect() == 5
    assert calls.collect() == 4
    assert calls.collect() == 0
    found = in_lake()
    assert len(found) == len(set(found)) == 9
    assert selectors.count_calls() == 9


def test_calls_of_an_earlier_chain_that_came_after_a_kill_are_not_mistaken_for_those_of_a_later_one(
    scene,
):
    """The trail is read chain by chain: what the first worker adds meanwhile lies before what the second one had."""
    caller = scene.shared()
    make(scene, caller, 3)
    (scene.gateway / "audit" / "w00").rename(scene.gateway / "audit" / "w01")
    make(scene, caller, 2, offset=10)
    with (
        mock.patch("chengshu.data.sharing.calls.settle", side_effect=Killed),
        pytest.raises(Killed),
    ):
        calls.collect()
    reserved = set(in_lake())
    make(scene, caller, 2, offset=20)
    assert calls.collect() == 5
    assert set(in_lake()) == reserved
    assert calls.collect() == 2
    assert calls.collect() == 0
    found = in_lake()
    assert len(found) == len(set(found)) == 7
    assert selectors.count_calls() == 7


def test_a_limit_cuts_stretches_and_loses_nothing(scene):
    caller = scene.shared()
    make(scene, caller, 7)
    assert [calls.collect(limit=3) for _ in range(4)] == [3, 3, 1, 0]
    assert len(set(in_lake())) == 7


def test_two_runs_over_the_same_stretch_count_it_once(scene):
    caller = scene.shared()
    make(scene, caller, 3)
    first, second = calls.reserve(), calls.reserve()
    assert first == second
    assert calls.settle(first, calls.read(first)) == 3
    assert calls.settle(second, calls.read(second)) == 0
    assert selectors.count_calls() == 3


def test_a_vanished_trail_is_said_and_moves_nothing(scene):
    caller = scene.shared()
    make(scene, caller, 2)
    calls.reserve()
    for path in (scene.gateway / "audit").glob("w*/*.jsonl"):
        path.unlink()
    with pytest.raises(Conflict, match="读不到"):
        calls.collect()
    assert CallCursor.objects.get(name=calls.CURSOR).batch == 0


def test_sums_of_the_same_hour_add_up_over_runs(scene):
    caller = scene.shared()
    for offset in (0, 10):
        make(scene, caller, 2, offset)
        assert calls.collect() == 2
    assert [s.calls for s in CallStatistic.objects.filter(outcome="ok")] in ([4], [2, 2])
    assert selectors.count_calls() == 4


def test_folding_the_files_loses_no_call_and_forgets_no_stretch_while_more_come_in(scene):
    caller = scene.shared()
    for number in range(4):
        make(scene, caller, 2, offset=number * 2)
        assert calls.collect() == 2
    lake = Lake(settings.LAKE_ROOT)
    before, known = lake.stats(calls.TABLE).files, sorted(in_lake())
    make(scene, caller, 1, offset=20)
    with (
        mock.patch("chengshu.data.sharing.calls.settle", side_effect=Killed),
        pytest.raises(Killed),
    ):
        calls.collect()
    job = Job.objects.create(kind="sharing.compact_calls", title="整理调用明细", state="running")
    done = jobs.compact_calls(JobContext(job))
    assert (before, done) == (4, {"files_before": 5, "files_after": 1})
    # The stretch that was written before the folding, and not counted, is not written again.
    assert calls.collect() == 1
    assert len(in_lake()) == len(known) + 1
    assert set(known) < set(in_lake())


def test_a_writer_and_a_folder_at_once_lose_nothing(scene):
    lake = calls.open_table()

    def write(number):
        row = dict.fromkeys(calls.SCHEMA.names) | {
            "called_at": timezone.now(), "application": "a", "interface": "i", "outcome": "ok",
            "status": 200, "micros": number, "request_id": str(number),
        }  # fmt: skip
        rows = pa.Table.from_pylist([row], schema=calls.SCHEMA)
        Lake(settings.LAKE_ROOT).append(calls.TABLE, rows, commit_key=str(number))

    def fold(_number):
        calls.compact()

    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(write if n % 3 else fold, n) for n in range(12)]
        for each in done:
            each.result()
    assert sorted(in_lake(), key=int) == [str(n) for n in range(12) if n % 3]
    calls.compact()
    assert lake.stats(calls.TABLE).files == 1
