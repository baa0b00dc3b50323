"""Planted bursts, night work and key scans are found; ordinary weeks, growth and small applications are not."""

import random

import pytest

from chengshu.data.sharing.hints.detection import (
    HOURS,
    SCAN,
    VOLUME,
    DayKeys,
    key_scanning,
    unusual_hours,
)

DAY = 739_000 * 24  # the first hour of a day
FIRST = DAY - 12 * 168


def weeks(level: int, *, seed: int = 1) -> dict[int, int]:
    """Office hours with noise, quiet nights, growing by a tenth, for twelve weeks and the day."""
    chance = random.Random(seed)
    found = {}
    for hour in range(FIRST, DAY + 24):
        office = 8 <= hour % 24 < 18
        usual = level * (1 + 0.1 * (hour - FIRST) / (DAY - FIRST)) if office else level / 50
        found[hour] = max(0, round(chance.gauss(usual, 0.15 * usual + usual**0.5)))
    return found


def kinds(series, day=DAY):
    return {f.kind: f for f in unusual_hours("app", series, FIRST, day)}


@pytest.mark.parametrize("level", [1, 20, 400])
def test_ordinary_days_are_quiet(level):
    found = [
        f for seed in range(40) for f in unusual_hours("app", weeks(level, seed=seed), FIRST, DAY)
    ]
    assert found == []


def test_a_burst_in_office_hours_is_volume_with_what_is_usual_beside_it():
    series = weeks(100)
    series[DAY + 10] = 480
    found = kinds(series)
    assert set(found) == {VOLUME}
    (row,) = found[VOLUME].evidence["hours"]
    assert (row["hour"], row["calls"]) == (10, 480)
    assert 90 < row["usual"] < 125


def test_work_at_night_is_another_kind_and_needs_fewer_calls():
    series = weeks(100)
    series[DAY + 3] = 40
    assert set(kinds(series)) == {HOURS}
    series[DAY + 3], series[DAY + 10] = 4, 140
    assert kinds(series) == {}


def test_one_former_burst_does_not_hide_the_next_one():
    series = weeks(100)
    series[DAY + 10 - 168] = series[DAY + 10 - 336] = 900
    series[DAY + 10] = 480
    assert set(kinds(series)) == {VOLUME}


def test_a_new_application_is_not_judged_before_it_has_a_past():
    assert unusual_hours("app", {DAY + 10: 5_000}, DAY - 3 * 168, DAY) == []


def test_trying_keys_is_many_different_ones_that_are_not_there():
    def found(*counts, past=(90, 100, 95, 110, 100, 105)):
        return [f.kind for f in key_scanning("app", DayKeys(*counts, past=past))]

    assert found(4_000, 280, 270) == [SCAN]  # in the middle of a busy application's work
    assert found(4_000, 120, 118) == []  # hardly more than usual
    assert (
        found(4_000, 280, 60) == []
    )  # the same absent keys again and again: a broken program, no scan
    assert (
        found(4_000, 280, 270, past=(250, 300, 240, 310)) == []
    )  # this application always misses as many
    assert found(400, 180, 178, past=()) == [SCAN]
    assert found(4_000, 180, 178, past=()) == []  # without a past a small share is nothing
