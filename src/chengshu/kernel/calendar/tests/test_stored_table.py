"""The administrator's table in the database."""

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from chengshu.kernel.calendar.models import CalendarDay, CalendarYear
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import day_info, working_days_between

pytestmark = pytest.mark.django_db


def enter(day: date, kind: str) -> CalendarDay:
    return CalendarDay.objects.create(date=day, kind=kind, name="国庆节", basis="放假通知")


def test_entries_override_the_library_and_carry_their_legal_basis():
    enter(date(2026, 11, 24), "holiday")
    info = day_info(date(2026, 11, 24), table=stored_table())
    assert (info.working, info.name, info.basis) == (False, "国庆节", "放假通知")


def test_a_year_becomes_certain_only_when_it_is_declared_complete():
    enter(date(2031, 10, 1), "holiday")
    assert not day_info(date(2031, 10, 8), table=stored_table()).certain
    CalendarYear.objects.create(year=2031, basis="放假通知")
    table = stored_table()
    assert day_info(date(2031, 10, 8), table=table).certain
    assert not day_info(date(2031, 10, 1), table=table).working


def test_one_table_reads_each_year_once_and_a_new_one_sees_new_entries(django_assert_num_queries):
    table = stored_table()
    with django_assert_num_queries(2):
        working_days_between(date(2026, 1, 1), date(2026, 12, 31), table=table)
        working_days_between(date(2026, 3, 1), date(2026, 9, 30), table=table)
    enter(date(2026, 11, 24), "holiday")
    assert day_info(date(2026, 11, 24), table=table).working
    assert not day_info(date(2026, 11, 24), table=stored_table()).working


def test_a_day_has_one_entry_and_a_known_kind():
    enter(date(2026, 11, 24), "holiday")
    with pytest.raises(IntegrityError), transaction.atomic():
        enter(date(2026, 11, 24), "workday")
    with pytest.raises(IntegrityError), transaction.atomic():
        enter(date(2026, 11, 25), "half")


def test_an_impossible_year_is_refused():
    with pytest.raises(ValidationError):
        CalendarYear(year=31, basis="x").full_clean()
