from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengshu.kernel.ui import formatting

NOW = datetime(2026, 11, 23, 6, 5, tzinfo=UTC)  # 14:05 in Longgang


@pytest.mark.parametrize(
    ("value", "spoken"),
    [
        (0, ("0", "")),
        (4_534, ("4,534", "")),
        (9_999, ("9,999", "")),
        (11_315, ("1.13", "万")),
        (6_322_920, ("632.29", "万")),
        (99_994_999, ("9,999.5", "万")),
        (99_999_999, ("1", "亿")),
        (120_000_000, ("1.2", "亿")),
        (-6_322_920, ("-632.29", "万")),
    ],
)
def test_large_numbers_read_as_people_speak(value, spoken):
    assert formatting.compact(value) == spoken


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_the_spoken_number_is_never_far_from_the_exact_one(value):
    figure, unit = formatting.compact(value)
    spoken = float(figure.replace(",", "")) * {"": 1, "万": 10_000, "亿": 100_000_000}[unit]
    assert abs(spoken - value) <= max(abs(value) * 0.005, 0)


@given(st.integers())
def test_thousands_separators_keep_every_digit(value):
    assert int(formatting.number(value).replace(",", "")) == value


@pytest.mark.parametrize(
    ("gap", "text"),
    [
        (timedelta(seconds=30), "刚刚"),
        (timedelta(minutes=12), "12 分钟前"),
        (timedelta(hours=3), "3 小时前"),
        (timedelta(hours=20), "昨天 18:05"),
        (timedelta(days=3), "3 天前"),
        (timedelta(days=40), "2026-10-14"),
        (-timedelta(minutes=5), "5 分钟后"),
        (-timedelta(days=1), "明天 14:05"),
    ],
)
def test_relative_time_turns_with_the_local_day(gap, text):
    assert formatting.ago(NOW - gap, NOW) == text


def test_yesterday_is_the_local_day_before_even_one_hour_ago():
    just_after_midnight = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
    assert formatting.ago(just_after_midnight - timedelta(hours=2), just_after_midnight) == (
        "昨天 22:30"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 秒"), (46.4, "46 秒"), (200, "3 分 20 秒"), (3_600, "1 小时"), (90_000, "1 天 1 小时")],
)
def test_durations_show_their_two_largest_units(seconds, text):
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(
    ("octets", "text"), [(0, "0 B"), (1_023, "1023 B"), (3_565_158, "3.4 MB"), (2**31, "2.0 GB")]
)
def test_file_sizes_have_a_unit(octets, text):
    assert formatting.file_size(octets) == text


def test_a_share_of_nothing_is_not_zero_percent():
    assert formatting.percent(0, 0) == "—"
    assert formatting.percent(1, 3) == "33.3%"
