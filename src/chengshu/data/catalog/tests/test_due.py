"""When the next update is due, and who is late."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chengshu.data.catalog import facade, standards
from chengshu.data.catalog.choices import UpdateCycle
from chengshu.data.catalog.due import next_due, working_days_late
from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.services import cycles, lifecycle
from chengshu.data.catalog.services import due as services
from chengshu.data.catalog.tests.cast import published
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.calendar.working_days import SHANGHAI, is_working_day, last_day
from chengshu.kernel.errors import NotAllowed
from chengshu.kernel.jobs.models import Job


def at(*day):
    return datetime(*day, 10, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("cycle", "last", "due"),
    [
        # Friday 2025-09-26; Sunday 28 is a make-up working day before the National Day holiday.
        ("daily", at(2025, 9, 26), date(2025, 9, 28)),
        ("daily", at(2025, 9, 30), date(2025, 10, 9)),
        ("weekly", at(2025, 9, 24), date(2025, 10, 9)),
        ("monthly", at(2025, 1, 31), date(2025, 2, 28)),
        ("quarterly", at(2025, 11, 30), date(2026, 2, 28)),
        ("yearly", at(2024, 2, 29), date(2025, 2, 28)),
    ],
)
def test_terms_end_on_a_working_day(cycle, last, due):
    assert last_day(next_due(cycle, last)) == due


def test_what_is_updated_irregularly_owes_nothing():
    assert next_due("irregular", at(2025, 1, 1)) is None
    assert next_due("", at(2025, 1, 1)) is None


@given(
    st.sampled_from([c for c in UpdateCycle if c != "irregular"]),
    st.datetimes(datetime(2019, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_every_term_ends_after_the_update_on_a_working_day_and_later_data_is_due_no_earlier(
    cycle, last
):
    end = next_due(cycle, last)
    assert end > last
    assert is_working_day(last_day(end))
    assert next_due(cycle, last + timedelta(days=1)) >= end
    assert working_days_late(end, end - timedelta(seconds=1)) == 0
    assert working_days_late(end, end + timedelta(days=14)) > 0


@pytest.fixture
def freshness(monkeypatch):
    known = {}
    monkeypatch.setattr(services, "FRESHNESS", {})
    facade.register_freshness("test", lambda ids: {i: known[i] for i in ids if i in known})
    return known


def test_the_due_date_follows_data_and_the_life_of_the_entry(cast, freshness):
    entry = published(cast)
    facade.renew_due([entry.pk])
    first = Resource.objects.get(pk=entry.pk)
    assert first.fresh_at is None
    assert first.due_at > timezone.now()
    freshness[entry.pk] = timezone.now() - timedelta(days=30)
    assert facade.renew_due() == 1
    late = Resource.objects.get(pk=entry.pk)
    assert late.due_at < timezone.now()
    assert [e.pk for e in standards.overdue(actor=cast.officer)] == [entry.pk]
    assert standards.waiting_overdue(cast.stranger) == 0
    assert standards.waiting_overdue(cast.leader) == 1
    assert standards.lateness(late).days >= 15
    lifecycle.suspend(actor=cast.admin, resource=late, reason="系统改造")
    facade.renew_due([entry.pk])
    assert Resource.objects.get(pk=entry.pk).due_at is None
    assert standards.count_overdue() == 0


def test_renewing_what_did_not_change_writes_nothing(cast, freshness, django_assert_num_queries):
    for number in range(5):
        published(cast, name=f"t{number}")
    facade.renew_due()
    with django_assert_num_queries(5) as queries:
        assert facade.renew_due() == 0
    assert not any(q["sql"].startswith("UPDATE") for q in queries.captured_queries)


def test_the_overdue_list_shows_working_days_late_and_exports(cast, client, freshness):
    entries = [published(cast, name=f"t{n}") for n in range(4)]
    for entry in entries:
        freshness[entry.pk] = timezone.now() - timedelta(days=30)
    facade.renew_due([entries[0].pk])
    client.force_login(cast.officer.account)
    url = "/console/catalog/overdue/"
    page = client.get(url).content.decode()
    assert "城乡居民养老保险参保信息" in page
    assert "人社局" in page
    one = count_queries(client, url)
    facade.renew_due()
    assert count_queries(client, url) == one
    assert client.get(url, {"never": "1"}).content.decode().count("没有符合条件的记录") == 1
    assert client.get(url, {"export": "csv"}).status_code == 200
    client.force_login(cast.stranger.account)
    assert "没有逾期的资源" in client.get(url).content.decode()
    basics = f"/console/catalog/resources/{entries[0].pk}/basics/"
    assert "已超期" in client.get(basics).content.decode()


def count_queries(client, url):
    with CaptureQueriesContext(connection) as found:
        client.get(url)
    return len(found)


def test_the_administrator_sets_how_long_a_cycle_is(cast, client, freshness):
    entry = published(cast)
    freshness[entry.pk] = timezone.now() - timedelta(days=30)
    facade.renew_due()
    assert standards.count_overdue() == 1
    client.force_login(cast.admin.account)
    url = "/console/catalog/cycles/"
    page = client.get(url).content.decode()
    assert "现在用的都是默认值" in page
    assert "国务院令第 809 号" in page
    figures = {"realtime": 1, "daily": 45, "weekly": 7, "monthly": 1, "quarterly": 3, "yearly": 12}
    refused = client.post(url, {**figures, "reason": ""})
    assert refused.status_code == 422
    assert "请写明依据" in refused.content.decode()
    far = client.post(url, {**figures, "daily": 999, "reason": "通知"})
    assert far.status_code == 422
    assert client.post(url, {**figures, "reason": "市局通知"}).status_code == 302
    job = Job.objects.get(kind="catalog.renew_due")
    assert job.title == "更新时限重算"
    facade.renew_due()
    assert standards.count_overdue() == 0
    assert AuditRecord.objects.filter(action="catalog.cycles_changed", reason="市局通知").exists()
    assert "admin同志" in client.get(url).content.decode()
    client.force_login(cast.officer.account)
    assert client.get(url).status_code == 403
    with pytest.raises(NotAllowed):
        cycles.change_cycles(actor=cast.officer, reason="想松一点", daily=60)
