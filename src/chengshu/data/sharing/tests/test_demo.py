"""The history of calls is loaded once, whatever dies in between, and its sums are its rows."""

from datetime import UTC, datetime, timedelta
from unittest import mock

import pyarrow as pa
import pytest
import time_machine
from django.conf import settings

from chengshu.data.sharing import calls, demo, selectors, statistics, usage
from chengshu.data.sharing.models import CallStatistic, DayStatistic
from chengshu.data.sharing.statistics import Sum
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_demo import CALL_SCHEMA
from chengshu_lake import Lake

START = datetime(2026, 3, 1, tzinfo=UTC)


def history(_scale, **_options):
    """Three batches of whole hours, as the generator cuts them."""
    for batch in range(3):
        yield pa.RecordBatch.from_pylist(
            [
                {
                    "called_at": START + timedelta(hours=batch * 2 + n % 2, minutes=n),
                    "application": f"app-{n % 2}", "interface": "residents",
                    "outcome": "ok" if n % 5 else "no_record", "status": 200, "micros": 1000 + n,
                    "key_hash": "0" * 32,
                }
                for n in range(20)
            ],
            schema=CALL_SCHEMA,
        )  # fmt: skip


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def city(db, settings, data_dir, monkeypatch):
    settings.LAKE_ROOT = str(data_dir / "lake")
    monkeypatch.setattr(demo, "calls", history)


def rows():
    return Lake(settings.LAKE_ROOT).count(calls.TABLE)


def test_the_history_is_loaded_once(city):
    assert demo.load_history("small") == 60
    assert demo.load_history("small") == 60
    assert (rows(), selectors.count_calls()) == (60, 60)
    by_outcome = {}
    for item in CallStatistic.objects.all():
        by_outcome[item.outcome] = by_outcome.get(item.outcome, 0) + item.calls
    assert by_outcome == {"ok": 48, "no_record": 12}
    micros = sum(CallStatistic.objects.values_list("micros", flat=True))
    assert micros == 3 * sum(1000 + n for n in range(20))


def test_a_load_killed_between_the_rows_and_the_sums_is_completed(city):
    with mock.patch.object(statistics, "add", side_effect=Killed), pytest.raises(Killed):
        demo.load_history("small")
    assert (rows(), selectors.count_calls()) == (60, 0)
    assert demo.load_history("small") == 60
    assert (rows(), selectors.count_calls()) == (60, 60)


def test_live_calls_before_the_history_do_not_swallow_it(city):
    with unit_of_work():
        statistics.add([Sum(START, "app-0", "residents", "ok", 5, 100)])
    assert demo.load_history("small") == 60
    assert selectors.count_calls() == 65
    hour = CallStatistic.objects.get(hour=START, application="app-0", outcome="ok")
    assert hour.calls == 5 + 8


def test_days_and_months_are_the_citys_not_greenwichs(city):
    late = datetime(2026, 2, 28, 17, tzinfo=UTC)  # 01:00 on the 1st of March in Longgang
    with unit_of_work():
        statistics.add([
            Sum(late, "a", "i", "ok", 2, 10), Sum(late - timedelta(hours=2), "a", "i", "no_record", 3, 10),
            Sum(late, "a", "i", "replayed", 1, 10),
        ])  # fmt: skip
    months = [(m.month, m.calls) for m in selectors.calls_by_month()]
    assert months == [("2026-02", 3), ("2026-03", 3)]
    with time_machine.travel(datetime(2026, 3, 1, 4, tzinfo=UTC), tick=False):
        days = usage.by_day(DayStatistic.objects.all(), 3)
    assert [(f"{d.day:%m-%d}", d.answered, d.refused) for d in days] == [
        ("02-27", 0, 0), ("02-28", 3, 0), ("03-01", 2, 1),
    ]  # fmt: skip


def test_days_are_the_hours_added_up_also_where_hours_came_later(city):
    with unit_of_work():
        statistics.add(
            [Sum(START, "a", "i", "ok", 2, 10, 2), Sum(START, "a", "i", "no_record", 1, 5, 1)]
        )
    with unit_of_work():
        statistics.add([Sum(START + timedelta(hours=3), "a", "i", "ok", 5, 40, 7)])
    days = DayStatistic.objects.order_by("-outcome").values_list(
        "outcome", "calls", "micros", "charged"
    )
    assert list(days) == [("ok", 7, 50, 9), ("no_record", 1, 5, 1)]
    (line,) = usage.lines(DayStatistic.objects.all(), "interface")
    assert (line.calls, line.found, line.missing, line.refused) == (8, 7, 1, 0)
    assert usage.by_hour(CallStatistic.objects.all())[8:12] == [3, 0, 0, 5]
