"""Terms with a clock that stops, and how they read."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengshu.kernel.calendar.deadlines import describe, due, overdue, working_days_left
from chengshu.kernel.calendar.working_days import (
    SHANGHAI,
    add_working_days,
    is_working_day,
    start_of_day,
)

moments = st.datetimes(
    datetime(2024, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    datetime(2026, 3, 1),  # noqa: DTZ001
    timezones=st.just(SHANGHAI),
)
lengths = st.integers(1, 30)
hours = st.integers(0, 24 * 20)


@st.composite
def pauses(draw):
    start = draw(moments)
    stops = draw(st.lists(st.tuples(hours, hours), max_size=4))
    return start, [
        (start + timedelta(hours=begin), start + timedelta(hours=begin + length))
        for begin, length in stops
    ]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


class TestTheClockStops:
    def test_a_correction_over_two_and_a_half_days_gives_all_of_it_back(self):
        # Accepted Monday, 5 days: due Monday 30. Stopped Tuesday 10:00 to Thursday 15:00.
        start = at("2026-11-23T09:00")
        assert due(start, 5).day == date(2026, 11, 30)
        stopped = due(start, 5, paused=[(at("2026-11-24T10:00"), at("2026-11-26T15:00"))])
        assert stopped.day == date(2026, 12, 3)
        assert stopped.at == at("2026-12-04T00:00")

    def test_a_clock_stopped_over_the_national_day_counts_working_days_only(self):
        # Stopped from 29 September to the end of 8 October: two and one working days lost,
        # holidays free.
        start = at("2026-09-28T09:00")
        pause = (at("2026-09-29T00:00"), at("2026-10-09T00:00"))
        assert due(start, 2).day == date(2026, 9, 30)
        assert due(start, 2, paused=[pause]).day == date(2026, 10, 10)

    def test_a_stop_on_holidays_changes_nothing(self):
        start = at("2026-09-30T09:00")
        pause = (at("2026-10-01T00:00"), at("2026-10-08T00:00"))
        assert due(start, 2, paused=[pause]) == due(start, 2)

    def test_short_stops_add_up_instead_of_costing_a_day_each(self):
        start = at("2026-11-23T09:00")
        four_hours = [
            (at(f"2026-11-{day}T10:00"), at(f"2026-11-{day}T14:00")) for day in (24, 25, 26, 27)
        ]
        assert due(start, 5, paused=four_hours).day == date(2026, 12, 1)

    def test_an_open_stop_moves_the_end_with_every_day(self):
        start, pause = at("2026-11-23T09:00"), (at("2026-11-24T10:00"), None)
        first = due(start, 3, paused=[pause], now=at("2026-11-25T10:00"))
        second = due(start, 3, paused=[pause], now=at("2026-11-26T10:00"))
        assert (first.day, second.day) == (date(2026, 11, 27), date(2026, 11, 30))
        assert first.stopped

    def test_during_a_stop_nothing_becomes_overdue(self):
        start, pause = at("2026-11-23T09:00"), (at("2026-11-24T23:00"), None)
        for days in (1, 2, 30, 90):
            now = at("2026-11-24T23:30") + timedelta(days=days)
            assert not overdue(due(start, 1, paused=[pause], now=now).at, now)

    @pytest.mark.parametrize(
        ("pause", "message"),
        [
            ((at("2026-11-25"), at("2026-11-24")), "早于"),
            ((at("2026-11-25"), None), "当前时间"),
            ((datetime(2026, 11, 25), at("2026-11-26")), "时区"),  # noqa: DTZ001 - under test
        ],
    )
    def test_an_impossible_stop_is_refused(self, pause, message):
        with pytest.raises(ValueError, match=message):
            due(at("2026-11-23"), 3, paused=[pause])

    def test_an_unknown_year_puts_a_warning_on_the_term(self):
        assert due(at("2026-12-01"), 5).certain
        long = due(at("2030-12-30"), 5)
        assert not long.certain
        assert "2031 年" in long.warning
        assert "2030 年" in long.warning


class TestLaws:
    @given(start=moments, length=lengths)
    def test_without_stops_it_is_plain_adding(self, start, length):
        assert due(start, length).at == add_working_days(start, length)

    @given(case=pauses(), length=lengths)
    def test_a_stop_never_shortens_a_term_and_the_end_is_a_working_day(self, case, length):
        start, stops = case
        result = due(start, length, paused=stops)
        assert result.at >= due(start, length).at
        assert is_working_day(result.day)
        for number in range(len(stops)):
            assert due(start, length, paused=stops[:number]).at <= result.at

    @given(case=pauses(), length=lengths, order=st.randoms())
    def test_order_and_overlap_of_stops_do_not_matter(self, case, length, order):
        start, stops = case
        shuffled = [*stops, *stops]
        order.shuffle(shuffled)
        assert due(start, length, paused=shuffled) == due(start, length, paused=stops)

    @given(start=moments, wait=hours, length=lengths)
    def test_a_stop_from_the_start_is_the_same_as_starting_later(self, start, wait, length):
        later = start + timedelta(hours=wait)
        if later == start_of_day(later.date()):
            later += timedelta(minutes=1)
        assert due(start, length, paused=[(start, later)]).at == due(later, length).at

    @given(case=pauses(), length=lengths)
    def test_a_stop_never_gives_back_more_than_its_length_and_one_day(self, case, length):
        start, stops = case
        total = sum((end - begin for begin, end in stops), timedelta(0))
        whole_days = total // timedelta(days=1) + 1
        assert due(start, length, paused=stops).at <= due(start, length + whole_days).at


class TestWords:
    due_at = add_working_days(at("2026-11-23T09:00"), 3)  # Thursday 26 November, 24:00

    @pytest.mark.parametrize(
        ("now", "words"),
        [
            ("2026-11-23T09:00", "剩 3 个工作日"),
            ("2026-11-24T23:59", "剩 2 个工作日"),
            ("2026-11-26T00:00", "今天到期"),
            ("2026-11-26T23:59:59", "今天到期"),
            ("2026-11-27T00:00", "已超期 1 个工作日"),
            ("2026-11-28T12:00", "已超期 1 个工作日"),
            ("2026-11-30T12:00", "已超期 2 个工作日"),
        ],
    )
    def test_what_the_person_reads(self, now, words):
        assert describe(self.due_at, at(now)) == words

    def test_overdue_on_a_weekend_counts_no_working_day_yet(self):
        friday = add_working_days(at("2026-11-26T09:00"), 1)
        assert describe(friday, at("2026-11-28T10:00")) == "已超期，不足 1 个工作日"
        assert overdue(friday, at("2026-11-28T00:00"))
        assert not overdue(friday, at("2026-11-27T23:59:59"))

    def test_a_stopped_clock_says_so(self):
        words = describe(self.due_at, at("2026-11-24T10:00"), stopped=True)
        assert words == "计时已暂停，剩 2 个工作日"

    def test_the_days_left_turn_negative_after_the_end(self):
        assert working_days_left(self.due_at, at("2026-11-25T10:00")) == 1
        assert working_days_left(self.due_at, at("2026-12-01T10:00")) == -3
