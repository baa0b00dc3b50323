"""Which days count: the State Council's arrangements, the administrator's word, and honest
doubt.
"""

from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengshu.kernel.calendar.working_days import (
    SHANGHAI,
    DayKind,
    DayRule,
    add_working_days,
    day_info,
    end_of_day,
    is_working_day,
    last_day,
    local_date,
    uncertainty,
    working_days_after,
    working_days_between,
)

known_days = st.dates(date(2005, 1, 1), date(2026, 6, 30))
lengths = st.integers(1, 60)


class Table:
    """An administrator's table in memory."""

    def __init__(self, rules: dict[date, DayRule] | None = None, *, complete: int = 0) -> None:
        self.rules = rules or {}
        self.complete = complete

    def rule(self, day: date) -> DayRule | None:
        return self.rules.get(day)

    def is_complete(self, year: int) -> bool:
        return year == self.complete


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("day", "working", "name"),
    [
        ("2026-02-13", True, ""),
        ("2026-02-14", True, "春节调休上班"),  # a Saturday
        ("2026-02-17", False, "春节"),
        ("2026-02-23", False, "春节"),  # a Monday
        ("2026-02-24", True, ""),
        ("2026-02-28", True, "春节调休上班"),  # a Saturday
        ("2026-09-20", True, "国庆节调休上班"),  # a Sunday
        ("2026-10-01", False, "国庆节"),
        ("2026-10-07", False, "国庆节"),
        ("2026-10-10", True, "国庆节调休上班"),  # a Saturday
        ("2026-10-11", False, ""),
    ],
)
def test_spring_festival_and_national_day_of_2026(day, working, name):
    info = day_info(date.fromisoformat(day))
    assert (info.working, info.name, info.certain) == (working, name, True)
    assert info.basis


def test_every_published_day_agrees_with_the_library():
    day = date(2004, 1, 1)
    while day.year <= 2026:
        assert is_working_day(day) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


def test_a_week_over_the_national_day_holiday():
    # Accepted on Wednesday 30 September 2026: 8, 9 and 10 October (a Saturday that works) count.
    assert add_working_days(at("2026-09-30T15:00"), 3) == at("2026-10-11T00:00")
    assert last_day(add_working_days(at("2026-09-30T15:00"), 3)) == date(2026, 10, 10)


def test_the_day_of_acceptance_does_not_count_whatever_the_hour():
    for hour in ("00:00", "09:00", "23:59:59"):
        assert last_day(add_working_days(at(f"2026-11-23T{hour}"), 1)) == date(2026, 11, 24)


def test_the_day_is_that_of_shanghai_and_not_of_the_server():
    late_in_utc = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)  # 01:00 on the 24th in Shanghai
    assert local_date(late_in_utc) == date(2026, 11, 24)
    assert last_day(add_working_days(late_in_utc, 1)) == date(2026, 11, 25)


def test_zero_days_end_today_or_on_the_next_working_day():
    assert last_day(add_working_days(at("2026-11-23T09:00"), 0)) == date(2026, 11, 23)
    assert last_day(add_working_days(at("2026-10-02T09:00"), 0)) == date(2026, 10, 8)


def test_a_moment_without_time_zone_and_a_negative_length_are_refused():
    with pytest.raises(ValueError, match="时区"):
        add_working_days(datetime(2026, 11, 23), 1)  # noqa: DTZ001 - the mistake under test
    with pytest.raises(ValueError, match="负数"):
        add_working_days(at("2026-11-23"), -1)
    with pytest.raises(TypeError):
        is_working_day(at("2026-11-23"))


class TestTheAdministratorsTable:
    day_off = DayRule(DayKind.HOLIDAY, "台风停工", "市政府公告")
    day_on = DayRule(DayKind.WORKDAY, "春节调休上班", "国务院办公厅通知")

    def test_it_overrides_the_library_in_both_directions(self):
        table = Table({date(2026, 11, 24): self.day_off, date(2026, 10, 3): self.day_on})
        off = day_info(date(2026, 11, 24), table=table)
        assert (off.working, off.name, off.basis) == (False, "台风停工", "市政府公告")
        assert is_working_day(date(2026, 10, 3), table=table)
        assert last_day(add_working_days(at("2026-11-23"), 1, table=table)) == date(2026, 11, 25)

    def test_an_unknown_year_falls_back_to_the_week_and_says_so(self):
        info = day_info(date(2031, 10, 1))  # a Wednesday that will surely be a holiday
        assert (info.working, info.certain) == (True, False)
        assert not is_working_day(date(2031, 10, 4))

    def test_single_entries_do_not_make_the_rest_of_an_unknown_year_certain(self):
        table = Table({date(2031, 10, 1): self.day_off})
        assert day_info(date(2031, 10, 1), table=table).certain
        assert not day_info(date(2031, 10, 8), table=table).certain

    def test_a_year_declared_complete_is_certain(self):
        table = Table({date(2031, 10, 1): self.day_off}, complete=2031)
        assert day_info(date(2031, 10, 8), table=table).certain
        assert not is_working_day(date(2031, 10, 1), table=table)

    def test_the_warning_names_the_years_and_what_to_do(self):
        days = [date(2026, 12, 31), date(2031, 1, 1), date(2032, 1, 1), date(2031, 5, 1)]
        warning = uncertainty(days)
        assert "2031 年、2032 年" in warning
        assert "2026" not in warning
        assert "补录" in warning
        assert uncertainty(days[:1]) == ""


class TestLaws:
    @given(start=known_days, length=lengths)
    def test_counting_undoes_adding(self, start, length):
        moment = end_of_day(start) - timedelta(hours=9)
        due_at = add_working_days(moment, length)
        assert working_days_between(start, last_day(due_at)) == length
        assert is_working_day(last_day(due_at))

    @given(start=known_days, length=lengths)
    def test_a_longer_term_ends_later(self, start, length):
        moment = end_of_day(start) - timedelta(hours=9)
        assert add_working_days(moment, length) < add_working_days(moment, length + 1)

    @given(start=known_days, first=lengths, second=lengths)
    def test_two_terms_in_a_row_are_one_long_one(self, start, first, second):
        moment = end_of_day(start) - timedelta(hours=9)
        middle = add_working_days(moment, first) - timedelta(hours=1)
        assert add_working_days(middle, second) == add_working_days(moment, first + second)

    @given(a=known_days, b=known_days, c=known_days)
    def test_counts_add_up_and_turn_round(self, a, b, c):
        b = a + (b - a) % timedelta(days=400)
        c = b + (c - b) % timedelta(days=400)
        total = working_days_between(a, b) + working_days_between(b, c)
        assert total == working_days_between(a, c) == -working_days_between(c, a)

    @given(start=known_days, later=st.integers(0, 40), length=lengths)
    def test_starting_later_never_ends_earlier(self, start, later, length):
        moment = end_of_day(start) - timedelta(hours=9)
        then = moment + timedelta(days=later)
        assert add_working_days(moment, length) <= add_working_days(then, length)

    @given(start=known_days)
    def test_the_stream_of_working_days_skips_none(self, start):
        stream = working_days_after(start)
        days = [next(stream) for _ in range(10)]
        assert days == sorted(set(days))
        assert working_days_between(start, days[-1]) == 10
