import multiprocessing
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu_gateway.limits import (
    FAILURES_PER_PAIR,
    LOCK_SECONDS,
    QuotaHandle,
    SharedLimits,
    Used,
    Verdict,
    day_of,
    tag,
)

NOW = 1_795_000_000_000
MINUTE = 60_000
APP = QuotaHandle(tag("app", "a"), 10**9, None)


@pytest.fixture
def limits(tmp_path):
    shared = SharedLimits(tmp_path / "limits.bin", nonce_buckets=8)
    yield shared
    shared.close()


def admit(limits, nonce, *, grant=None, now=NOW, client=None, app=APP):
    return limits.admit(
        nonce=tag(str(nonce)),
        client_ms=now if client is None else client,
        now_ms=now,
        app=app,
        grant=grant,
    )


def test_a_nonce_is_accepted_once_even_after_reopening(tmp_path, limits):
    assert admit(limits, "n") is Verdict.ADMITTED
    assert admit(limits, "n") is Verdict.REPLAYED
    other = SharedLimits(tmp_path / "limits.bin", nonce_buckets=8)
    assert not other.rebuilt
    assert admit(other, "n", now=NOW + 290_000, client=NOW) is Verdict.REPLAYED
    other.close()


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(-5, 5)), max_size=120))
@settings(deadline=None, max_examples=40)
def test_within_the_window_every_repetition_is_found(tmp_path_factory, attempts):
    limits = SharedLimits(tmp_path_factory.mktemp("limits") / "limits.bin", nonce_buckets=8)
    seen = set()
    for nonce, minutes in attempts:
        client = NOW + minutes * MINUTE
        expected = Verdict.REPLAYED if (nonce, minutes) in seen else Verdict.ADMITTED
        assert admit(limits, nonce, client=client) is expected
        seen.add((nonce, minutes))
    limits.close()


def test_a_full_nonce_table_refuses_instead_of_forgetting(limits):
    verdicts = [admit(limits, at) for at in range(8 * 255 + 200)]
    assert Verdict.BUSY in verdicts
    assert admit(limits, 0) is Verdict.REPLAYED
    assert admit(limits, "later", now=NOW + 12 * MINUTE) is Verdict.ADMITTED


def test_one_application_cannot_use_up_the_nonces_of_the_others(limits):
    greedy = QuotaHandle(tag("app", "greedy"), 5, None)
    verdicts = [admit(limits, at, app=greedy) for at in range(7)]
    assert verdicts == [Verdict.ADMITTED] * 5 + [Verdict.BUSY] * 2
    assert admit(limits, "x") is Verdict.ADMITTED


@given(
    per_minute=st.none() | st.integers(0, 4),
    per_day=st.none() | st.integers(0, 8),
    steps=st.lists(st.sampled_from([0, 1, 20_000, MINUTE, 86_400_000]), max_size=40),
)
@settings(deadline=None, max_examples=60)
def test_quotas_follow_a_plain_count(tmp_path_factory, per_minute, per_day, steps):
    limits = SharedLimits(tmp_path_factory.mktemp("limits") / "limits.bin", nonce_buckets=8)
    grant = QuotaHandle(tag("grant", "a", "i"), per_minute, per_day)
    now, minutes, days = NOW, {}, {}
    for number, step in enumerate(steps):
        now += step
        minute, day = now // MINUTE, day_of(now)
        expected = Verdict.ADMITTED
        if per_minute is not None and minutes.get(minute, 0) >= per_minute:
            expected = Verdict.MINUTE
        elif per_day is not None and days.get(day, 0) >= per_day:
            expected = Verdict.DAY
        assert admit(limits, number, grant=grant, now=now) is expected
        if expected is Verdict.ADMITTED:
            minutes[minute] = minutes.get(minute, 0) + 1
            days[day] = days.get(day, 0) + 1
        if grant.tag and days:
            assert limits.usage(grant, now) == (minutes.get(minute, 0), days.get(day, 0))
    limits.close()


def test_the_quota_day_begins_at_midnight_in_beijing():
    midnight = 1_795_017_600_000 // 86_400_000 * 86_400_000 - 8 * 3_600_000
    assert day_of(midnight) == day_of(midnight - 1) + 1


def spend(path, start, count, results):
    limits = SharedLimits(path, nonce_buckets=8)
    grant = QuotaHandle(tag("grant", "a", "i"), None, 500)
    admitted = 0
    for at in range(start, start + count):
        admitted += admit(limits, at, grant=grant) is Verdict.ADMITTED
    results.put(admitted)
    limits.close()


def test_two_processes_share_one_quota_exactly(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [
        context.Process(target=spend, args=(tmp_path / "limits.bin", at * 1000, 400, results))
        for at in range(2)
    ]
    for worker in workers:
        worker.start()
    assert sum(results.get(timeout=60) for _ in workers) == 500
    for worker in workers:
        worker.join(30)


def test_after_a_reboot_the_counters_come_back_from_the_audit(tmp_path, monkeypatch):
    monkeypatch.setattr("chengshu_gateway.limits.boot_id", lambda: b"a" * 16)
    SharedLimits(tmp_path / "limits.bin", nonce_buckets=8).close()
    monkeypatch.setattr("chengshu_gateway.limits.boot_id", lambda: b"b" * 16)
    used = [Used("a", "i", tag(str(at)), NOW, NOW, counted=at < 3) for at in range(4)]
    limits = SharedLimits(tmp_path / "limits.bin", nonce_buckets=8, restore=lambda: used)
    assert limits.rebuilt
    assert limits.usage(QuotaHandle(tag("grant", "a", "i"), None, None), NOW) == (3, 3)
    assert admit(limits, 3) is Verdict.REPLAYED
    limits.close()


def test_repeated_failures_lock_and_the_lock_ends(limits):
    now, name = int(time.time()), tag("pair", "1.2.3.4", "a")
    for _ in range(FAILURES_PER_PAIR - 1):
        assert not limits.record_failure(now, {name: FAILURES_PER_PAIR})
    assert limits.locked_for(now, name) <= 0
    assert limits.record_failure(now, {name: FAILURES_PER_PAIR})
    assert limits.any_locked(now)
    assert limits.locked_for(now, name) == LOCK_SECONDS
    assert limits.locked_for(now, tag("pair", "1.2.3.5", "a")) == 0
    assert limits.locked_for(now + LOCK_SECONDS, name) <= 0


def test_slow_failures_do_not_lock(limits):
    now, name = int(time.time()), tag("pair", "1.2.3.4", "a")
    for at in range(3 * FAILURES_PER_PAIR):
        assert not limits.record_failure(now + at * 30, {name: FAILURES_PER_PAIR})


def test_a_flood_of_addresses_keeps_the_table_bounded_and_the_locks_in_it(limits):
    now, victim = int(time.time()), tag("pair", "9.9.9.9", "a")
    limits.record_failure(now, {victim: 1})
    for at in range(40_000):
        limits.record_failure(now, {tag("address", str(at)): 60})
    assert limits.locked_for(now, victim) == LOCK_SECONDS
