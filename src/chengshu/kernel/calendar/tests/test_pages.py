"""The pages of the calendar as the operator and those who only look see them."""

from datetime import date

import pytest
import time_machine
from django.urls import reverse

from chengshu.kernel.calendar.models import CalendarDay, CalendarYear
from chengshu.kernel.calendar.selectors import Look, Source, year_view

pytestmark = pytest.mark.django_db

YEAR = 2031
URL = "/console/calendar/"
WARNING = "2031 年的节假日安排尚未录入"


@pytest.fixture
def client(cast, client_for):
    return client_for(cast.operator)


def entry(day=date(YEAR, 10, 1), kind="holiday", name="国庆节"):
    return CalendarDay.objects.create(date=day, kind=kind, name=name, basis="放假通知")


def text(response):
    return response.content.decode()


def test_a_year_of_the_library_tells_four_kinds_of_days_apart(cast, actor_for):
    view = year_view(actor_for(cast.operator), 2026)
    cells = {
        cell.info.day: cell
        for month in view.months
        for week in month.weeks
        for cell in week
        if cell is not None
    }
    assert len(cells) == 365
    assert cells[date(2026, 10, 1)].look is Look.HOLIDAY
    assert cells[date(2026, 10, 10)].look is Look.MAKE_UP
    assert cells[date(2026, 11, 23)].look is Look.WORKING
    assert cells[date(2026, 11, 22)].look is Look.REST
    assert (view.source, view.warning) == (Source.LIBRARY, "")
    assert sum(view.count(look) for look in Look) == 365
    assert cells[date(2026, 10, 1)].spoken.startswith("10 月 1 日，节假日，国庆节")


def test_the_page_says_each_day_in_words_and_marks(client):
    page = text(client.get(URL, {"year": "2026"}))
    assert "10 月 10 日，调休上班，国庆节调休上班" in page
    assert page.count("<caption>") >= 12
    assert "内置放假安排" in page
    assert "尚未录入" not in page


def test_an_unknown_year_warns_until_it_is_declared_complete(client):
    item = entry()
    page = text(client.get(URL, {"year": str(YEAR)}))
    assert WARNING in page
    assert "（推算）" in page
    assert reverse("calendar:declare", args=[YEAR]) in page
    assert reverse("calendar:day", args=[item.pk]) in page
    CalendarYear.objects.create(year=YEAR, basis="放假通知")
    page = text(client.get(URL, {"year": str(YEAR)}))
    assert WARNING not in page
    assert "（推算）" not in page
    assert reverse("calendar:withdraw", args=[YEAR]) in page


@time_machine.travel("2026-12-31T16:30:00Z", tick=False)
def test_without_a_year_the_page_shows_this_year_of_shanghai(cast, client_for):
    page = text(client_for(cast.operator).get(URL))
    assert "2027 年工作日历" in page
    assert "2028 年的节假日安排尚未录全" in page


@pytest.mark.parametrize("year", ["1989", "2201", "abc", "²", "-1", "99999999999999"])
def test_a_year_outside_the_calendar_is_not_found(client, year):
    assert client.get(URL, {"year": year}).status_code == 404


def test_a_year_costs_few_queries_however_many_entries(client, django_assert_max_num_queries):
    for number in range(1, 29):
        entry(date(YEAR, 2, number), name="春节")
    with django_assert_max_num_queries(16):
        client.get(URL, {"year": str(YEAR)})


def test_days_are_entered_from_the_form_and_appear_in_the_year(client):
    page = text(client.get(reverse("calendar:day-new"), {"year": str(YEAR)}))
    assert "录入特殊日" in page
    response = client.post(
        reverse("calendar:day-new"),
        {
            "first": "2031-10-01", "last": "2031-10-03", "kind": "holiday", "name": "国庆节",
            "basis": "国办通知",
        },
        follow=True,
    )  # fmt: skip
    assert response.redirect_chain == [(f"{URL}?year={YEAR}", 302)]
    page = text(response)
    assert "已录入 3 天" in page
    assert "10 月 3 日，节假日，国庆节，国办通知" in page
    assert "录入特殊日" in page


def test_one_day_needs_no_end_and_the_basis_is_demanded(client):
    values = {"first": "2031-10-01", "kind": "holiday", "name": "国庆节"}
    page = text(client.post(reverse("calendar:day-new"), values))
    assert "请填写放假通知的名称和文号" in page
    client.post(reverse("calendar:day-new"), values | {"basis": "国办通知"})
    assert CalendarDay.objects.get().date == date(2031, 10, 1)


def test_a_refusal_keeps_what_was_typed(client):
    entry()
    response = client.post(
        reverse("calendar:day-new"),
        {"first": "2031-10-01", "kind": "holiday", "name": "国庆长假", "basis": "国办通知"},
    )
    assert response.status_code == 409
    assert "2031-10-01已经录入过" in text(response)
    assert "国庆长假" in text(response)


def test_a_day_is_changed_and_removed_with_a_reason(client):
    item = entry()
    page = text(client.get(reverse("calendar:day", args=[item.pk])))
    assert reverse("calendar:day-remove", args=[item.pk]) in page
    values = {"kind": "workday", "name": "调休上班", "basis": "补充通知"}
    client.post(reverse("calendar:day", args=[item.pk]), values)
    item.refresh_from_db()
    assert (item.kind, item.basis) == ("workday", "补充通知")
    url = reverse("calendar:day-remove", args=[item.pk])
    assert "移除：2031-10-01" in text(client.get(url))
    assert "请写明原因" in text(client.post(url, {"reason": ""}))
    page = text(client.post(url, {"reason": "通知作废"}, follow=True))
    assert "已移除 2031-10-01" in page
    assert "通知作废" in page
    assert client.get(url).status_code == 404


def test_a_year_is_declared_and_withdrawn(client):
    url = reverse("calendar:declare", args=[YEAR])
    refused = client.post(url, {"basis": "国办通知"})
    assert refused.status_code == 409
    assert "还缺法定节假日" in text(refused)
    for month, day in ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)):
        entry(date(YEAR, month, day))
    assert "声明全年已录全" not in text(client.post(url, {"basis": "国办通知"}, follow=True))
    assert CalendarYear.objects.get().basis == "国办通知"
    url = reverse("calendar:withdraw", args=[YEAR])
    assert "撤回 2031 年的声明" in text(client.get(url))
    page = text(client.post(url, {"reason": "通知有补充"}, follow=True))
    assert WARNING in page
    assert not CalendarYear.objects.exists()


def test_those_who_only_look_see_the_year_without_the_means_to_change_it(cast, client_for):
    item = entry()
    looker = client_for(cast.admin)
    page = text(looker.get(URL, {"year": str(YEAR)}))
    assert "国庆节" in page
    for name, arguments in (
        ("day-new", []), ("day", [item.pk]), ("day-remove", [item.pk]), ("declare", [YEAR]),
        ("withdraw", [YEAR]),
    ):  # fmt: skip
        url = reverse(f"calendar:{name}", args=arguments)
        assert f'href="{url}' not in page
        assert looker.get(url).status_code == 403
        assert looker.post(url, {}).status_code == 403


def test_others_do_not_see_the_calendar(cast, client_for):
    assert client_for(cast.stranger).get(URL).status_code == 403
