"""One clue per case, whoever found it, shown to those concerned, judged for the city with a reason."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
import time_machine
from django.urls import reverse

from chengshu.data.sharing import calls
from chengshu.data.sharing.hints import selectors, services
from chengshu.data.sharing.hints.models import CallHint, HintState
from chengshu.data.sharing.models import CallStatistic, DayStatistic
from chengshu.data.sharing.tests.conftest import scene
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.notices.models import Notice

__all__ = ["scene"]

DAY = date(2026, 11, 25)
# Ten in the morning of that day in Longgang.
TEN = datetime(2026, 11, 25, 2, tzinfo=UTC)


def plant(hour, calls_made, outcome="ok"):
    CallStatistic.objects.update_or_create(
        hour=hour, application="grid-app", interface="resident-by-no", outcome=outcome,
        defaults={"calls": calls_made, "micros": 1},
    )  # fmt: skip


@pytest.fixture
def past(scene):
    """Twelve weeks with a hundred calls at ten every day."""
    scene.application()
    for n in range(85):
        plant(TEN - timedelta(days=n), 100 + n % 7)
    with time_machine.travel(datetime(2026, 11, 26, 3, tzinfo=UTC), tick=False):
        yield scene


def test_a_case_is_one_hint_however_often_and_long_it_is_seen(past):
    assert services.look(DAY) == 0
    plant(TEN, 700)
    assert services.look(DAY) == 1
    assert services.look(DAY) == 0
    told = Notice.objects.filter(title__contains="严重异常线索")
    assert not told.exists()
    plant(TEN + timedelta(days=1), 1_650)
    for _again in range(2):
        assert services.look(DAY + timedelta(days=1)) == 0
    item = CallHint.objects.get()
    assert (item.first_day, item.last_day) == (DAY, DAY + timedelta(days=1))
    assert sorted(item.evidence) == ["2026-11-25", "2026-11-26"]
    assert item.severity == "severe"  # sixteen times the usual is no rush any more
    assert told.count() == 1


def test_a_judged_case_stays_judged_unless_it_becomes_much_worse(past):
    plant(TEN, 700)
    services.look(DAY)
    bureau = past.city.admin
    item = CallHint.objects.get()
    with pytest.raises(NotAllowed):
        services.judge(actor=past.officer, hint=item, state="dismissed", reason="我觉得没事")
    with pytest.raises(InvalidInput):
        services.judge(actor=bureau, hint=item, state="dismissed", reason=" 行 ")
    services.judge(actor=bureau, hint=item, state="dismissed", reason="集中办理，已核实")
    with pytest.raises(Conflict):
        services.judge(actor=bureau, hint=item, state="handled", reason="再判断一次")
    plant(TEN + timedelta(days=1), 710)
    assert services.look(DAY) == services.look(DAY + timedelta(days=1)) == 0
    plant(TEN + timedelta(days=1), 3_000)
    assert services.look(DAY + timedelta(days=1)) == 1


def test_the_running_hour_is_not_judged(past):
    with time_machine.travel(TEN + timedelta(days=1, minutes=25), tick=False):
        plant(TEN + timedelta(days=1), 700)
        assert services.look(DAY + timedelta(days=1)) == 0


def test_scans_are_read_from_the_call_table_by_the_citys_day(past):
    def row(n, outcome, at):
        return {"called_at": at, "application": "grid-app", "interface": "resident-by-no",
                "outcome": outcome, "status": 200, "micros": 1, "key_hash": f"{n:032x}"}  # fmt: skip

    late = datetime(2026, 11, 24, 16, 30, tzinfo=UTC)  # half past midnight in Longgang
    rows = [row(n, "no_record" if n % 2 else "ok", late) for n in range(200)]
    rows += [
        row(n, "no_record", late - timedelta(hours=1)) for n in range(500, 900)
    ]  # the day before
    calls.open_table().append(calls.TABLE, pa.Table.from_pylist(rows, schema=calls.SCHEMA))
    # The tries make the hour loud as well, which is the same case.
    plant(late.replace(minute=0), 140)
    assert services.look(DAY) == 1
    item = CallHint.objects.get()
    assert (item.kind, item.severity) == ("scan", "severe")
    assert item.evidence["2026-11-25"]["misses"] == 100


def test_hints_are_for_those_who_judge_for_the_city(past, client_for):
    plant(TEN, 700)
    services.look(DAY)
    plant(TEN, 100)
    item = CallHint.objects.get()
    assert selectors.count_open() == 1
    admin = client_for(past.city.admin.account)
    assert item.get_absolute_url() in admin.get(reverse("sharing_hints:hints")).content.decode()
    page = admin.get(item.get_absolute_url()).content.decode()
    assert "10 点" in page
    assert "700" in page
    officer = client_for(past.officer.account)
    assert officer.get(item.get_absolute_url()).status_code == 404
    assert item.who not in officer.get(reverse("sharing_hints:hints")).content.decode()
    sent = {"state": "dismissed", "reason": "集中办理入学，已核实"}
    assert "集中办理入学" in admin.post(item.get_absolute_url(), sent, follow=True).content.decode()
    item.refresh_from_db()
    assert item.state == HintState.DISMISSED


def test_both_findings_lie_in_one_list_whatever_its_length_with_its_filters(
    past, client_for, django_assert_num_queries, django_assert_max_num_queries
):
    DayStatistic.objects.create(
        day=DAY, application="nobody-knows", outcome="locked", calls=3, interface="-"
    )
    DayStatistic.objects.create(
        day=DAY, application="grid-app", outcome="replayed", calls=9, interface="resident-by-no"
    )
    plant(TEN, 700)
    assert (services.look_at_refusals(DAY), services.look(DAY)) == (2, 1)
    admin, url = client_for(past.city.admin.account), reverse("sharing_hints:hints")
    with django_assert_max_num_queries(20) as first:
        page = admin.get(url).content.decode()
    queries = len(first.captured_queries)
    for word in ("调用量突增", "连续猜测密钥", "重复发送同一个请求", "nobody-knows"):
        assert word in page
    severe = admin.get(url, {"severity": "severe", "state": "open"}).content.decode()
    assert "nobody-knows" in severe
    assert "网格移动端</a>" not in severe
    item = CallHint.objects.get(caller="nobody-knows")
    assert "编号是对方自称" in admin.get(item.get_absolute_url()).content.decode()
    for n in range(5):
        item.pk, item.asked = None, f"i{n}"
        item.save()
    with django_assert_num_queries(queries):
        admin.get(url)


def test_evidence_of_a_scan_is_shown_by_day(past, client_for):
    item = CallHint.objects.create(
        application=past.application("other-app"), caller="other-app", kind="scan",
        first_day=DAY, last_day=DAY,
        score=120, evidence={"2026-11-25": {"calls": 300, "misses": 120, "missing": 117}},
    )  # fmt: skip
    page = client_for(past.city.admin.account).get(item.get_absolute_url()).content.decode()
    assert "117" in page
    assert "看不出是不是连号" in page
