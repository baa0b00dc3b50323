"""Keeping the administrator's table: who may, what is refused, what the trace says."""

from datetime import date

import pytest

from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.calendar import services
from chengshu.kernel.calendar.models import CalendarDay, CalendarYear
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import day_info, library_knows
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from chengshu.kernel.identity.tests.cast import make_account

pytestmark = pytest.mark.django_db

YEAR = 2031
BASIS = "国办发明电〔2030〕7号"


@pytest.fixture
def operator(cast, actor_for):
    return actor_for(cast.operator)


def enter(actor, first, last=None, kind="holiday", name="国庆节"):
    return services.add_days(
        actor=actor, first=first, last=last or first, kind=kind, name=name, basis=BASIS
    )


def enter_fixed_holidays(actor):
    enter(actor, date(YEAR, 1, 1), name="元旦")
    enter(actor, date(YEAR, 5, 1), date(YEAR, 5, 5), name="劳动节")
    enter(actor, date(YEAR, 10, 1), date(YEAR, 10, 7))


def test_a_span_of_days_is_entered_and_each_day_is_in_the_trace(operator):
    enter(operator, date(YEAR, 10, 1), date(YEAR, 10, 7))
    info = day_info(date(YEAR, 10, 7), table=stored_table())
    assert (info.working, info.name, info.basis) == (False, "国庆节", BASIS)
    rows = AuditRecord.objects.filter(action="calendar.day_added").order_by("seq")
    assert [row.after["date"] for row in rows] == [f"{YEAR}-10-0{n}" for n in range(1, 8)]
    assert rows[0].after["basis"] == BASIS


def test_one_day_already_entered_leaves_the_whole_span_out(operator):
    enter(operator, date(YEAR, 10, 3))
    with pytest.raises(Conflict, match=f"{YEAR}-10-03已经录入过"):
        enter(operator, date(YEAR, 10, 1), date(YEAR, 10, 7))
    assert CalendarDay.objects.count() == 1
    assert AuditRecord.objects.filter(action="calendar.day_added").count() == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"basis": "  "}, "basis"),
        ({"name": ""}, "name"),
        ({"kind": "half"}, "kind"),
        ({"last": date(YEAR, 9, 30)}, "last"),
        ({"last": date(YEAR, 11, 1)}, "last"),
        ({"first": date(1989, 12, 31), "last": date(1989, 12, 31)}, "first"),
        ({"first": date(2200, 12, 31), "last": date(2201, 1, 1)}, "last"),
    ],
)
def test_an_entry_needs_its_basis_a_name_and_a_sensible_span(operator, values, field):
    valid = {
        "first": date(YEAR, 10, 1), "last": date(YEAR, 10, 31), "kind": "holiday",
        "name": "国庆节", "basis": BASIS,
    }  # fmt: skip
    with pytest.raises(InvalidInput) as refused:
        services.add_days(actor=operator, **(valid | values))
    assert list(refused.value.fields) == [field]
    assert not CalendarDay.objects.exists()
    services.add_days(actor=operator, **valid)


def test_changing_a_day_keeps_its_date_and_says_what_it_was(operator):
    (day,) = enter(operator, date(YEAR, 9, 27), name="国庆节")
    services.change_day(actor=operator, day=day, kind="workday", name="国庆节调休上班", basis=BASIS)
    assert day_info(date(YEAR, 9, 27), table=stored_table()).working
    row = AuditRecord.objects.get(action="calendar.day_changed")
    assert (row.before["kind"], row.after["kind"]) == ("放假", "上班")


def test_a_day_somebody_removed_meanwhile_cannot_be_changed(operator):
    (day,) = enter(operator, date(YEAR, 10, 1))
    services.remove_day(actor=operator, day=day, reason="通知作废")
    with pytest.raises(NotFound):
        services.change_day(actor=operator, day=day, kind="holiday", name="国庆节", basis=BASIS)


def test_removing_a_day_needs_a_reason_and_keeps_it(operator):
    (day,) = enter(operator, date(2026, 11, 24))
    with pytest.raises(InvalidInput):
        services.remove_day(actor=operator, day=day, reason=" ")
    services.remove_day(actor=operator, day=day, reason="录错年份")
    assert day_info(date(2026, 11, 24), table=stored_table()).working
    row = AuditRecord.objects.get(action="calendar.day_removed")
    assert (row.reason, row.before["date"]) == ("录错年份", "2026-11-24")


def test_a_year_is_declared_only_when_the_fixed_holidays_are_days_off(operator):
    enter(operator, date(YEAR, 10, 1), date(YEAR, 10, 7))
    with pytest.raises(Conflict, match="1 月 1 日、5 月 1 日、5 月 2 日") as refused:
        services.declare_complete(actor=operator, year=YEAR, basis=BASIS)
    assert "10 月" not in refused.value.message
    enter(operator, date(YEAR, 1, 1), name="元旦")
    enter(operator, date(YEAR, 5, 1), date(YEAR, 5, 5), name="劳动节")
    services.declare_complete(actor=operator, year=YEAR, basis=BASIS)
    assert day_info(date(YEAR, 10, 8), table=stored_table()).certain
    assert AuditRecord.objects.get(action="calendar.year_declared").after["basis"] == BASIS


def test_a_year_of_the_library_is_not_declared_so_that_its_holidays_stay(operator):
    assert library_knows(2026)
    with pytest.raises(Conflict, match="已内置"):
        services.declare_complete(actor=operator, year=2026, basis=BASIS)
    assert not day_info(date(2026, 10, 1), table=stored_table()).working


def test_a_declared_year_cannot_be_declared_again_or_lose_a_day(operator):
    enter_fixed_holidays(operator)
    services.declare_complete(actor=operator, year=YEAR, basis=BASIS)
    with pytest.raises(Conflict):
        services.declare_complete(actor=operator, year=YEAR, basis="另一份")
    assert CalendarYear.objects.get().basis == BASIS
    day = CalendarDay.objects.get(date=date(YEAR, 10, 1))
    with pytest.raises(Conflict):
        services.remove_day(actor=operator, day=day, reason="试试")
    assert CalendarDay.objects.filter(pk=day.pk).exists()


def test_withdrawing_makes_the_year_uncertain_again_and_keeps_the_reason(operator):
    enter_fixed_holidays(operator)
    services.declare_complete(actor=operator, year=YEAR, basis=BASIS)
    services.withdraw_declaration(actor=operator, year=YEAR, reason="通知有补充")
    assert not day_info(date(YEAR, 10, 8), table=stored_table()).certain
    row = AuditRecord.objects.get(action="calendar.year_withdrawn")
    assert (row.reason, row.before["basis"]) == ("通知有补充", BASIS)
    with pytest.raises(Conflict):
        services.withdraw_declaration(actor=operator, year=YEAR, reason="再来")


@pytest.mark.parametrize("who", ["stranger", "admin", "local"])
def test_only_the_city_s_operator_keeps_the_calendar(cast, actor_for, operator, who):
    (day,) = enter(operator, date(YEAR, 10, 1))
    local = make_account("local", "区运维", cast.department_a, role="operator")
    actor = actor_for(local if who == "local" else getattr(cast, who))
    acts = [
        lambda: enter(actor, date(YEAR, 10, 2)),
        lambda: services.change_day(actor=actor, day=day, kind="workday", name="a", basis="b"),
        lambda: services.remove_day(actor=actor, day=day, reason="c"),
        lambda: services.declare_complete(actor=actor, year=YEAR, basis="d"),
        lambda: services.withdraw_declaration(actor=actor, year=YEAR, reason="e"),
    ]
    for act in acts:
        with pytest.raises(NotAllowed):
            act()
    assert CalendarDay.objects.get().kind == "holiday"
