"""The city that ``chengshu up`` brings up holds exactly what the generator says, and the real data went all the way."""

import json
from urllib.request import urlopen

import pytest

from chengshu_demo import CALLS, city, total

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.timeout(600)]

VILLAGES = 620_573
ZHEJIANG = 25_547

QUERY = """
import json
from django.db.models import Sum
from chengshu.data.ingest.models import Batch
from chengshu.data.sharing.selectors import count_calls
demo = Batch.objects.filter(origin="demo", state="loaded")
sums = demo.aggregate(*(Sum(f) for f in ("source_rows", "accepted", "quarantined", "duplicates")))
villages = Batch.objects.filter(origin="file", resource__physical_name="national_village_division", state="loaded")
print(json.dumps({**sums, "batches": demo.count(), "calls": count_calls(),
                  "villages": [b.accepted for b in villages][:1]}))
"""


def test_every_generated_row_is_accounted_for(city_records):
    expected = total("small")
    assert city_records["batches"] == len(city().entries) == 273
    assert city_records["source_rows__sum"] == expected.source
    assert city_records["accepted__sum"] == expected.accepted
    assert city_records["quarantined__sum"] == expected.quarantined
    assert city_records["duplicates__sum"] == expected.duplicates


def test_the_history_of_calls_is_counted_once(city_records):
    assert city_records["calls"] >= CALLS["small"]
    assert city_records["calls"] < CALLS["small"] + 1000


def test_all_villages_of_china_are_collected_and_zhejiang_is_open(city_records, city_under_test):
    assert city_records["villages"] == [VILLAGES]
    address = f"{city_under_test.web}/open/api/v1/datasets/zhejiang-villages/records?limit=1"
    with urlopen(address, timeout=10) as answer:
        assert json.load(answer)["total"] == ZHEJIANG


def test_the_tour_shows_the_main_line_on_the_command_line(city_under_test):
    done = city_under_test.command("tour")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"来源 {VILLAGES:,} = 入库 {VILLAGES:,} + 隔离 0 + 重复 0" in done.stdout
    assert "下涝社区" in done.stdout
    assert "链条完整" in done.stdout


@pytest.fixture(scope="module")
def city_under_test(request):
    return request.getfixturevalue("city")


@pytest.fixture(scope="module")
def city_records(city_under_test):
    done = city_under_test.command("shell", "--no-imports", "-v", "0", "-c", QUERY)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])
