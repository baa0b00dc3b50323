"""One address cannot ask without end, and its neighbours do not notice."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from chengshu.portals.opendata import limits
from chengshu.portals.opendata.limits import Buckets


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def limited(settings: Any, db: None) -> Iterator[None]:
    settings.OPEN_API_PER_MINUTE, settings.OPEN_API_BURST = 60, 3
    limits.BUCKETS.clear()
    yield
    limits.BUCKETS.clear()


@pytest.mark.parametrize(
    "path",
    ["/open/api/v1/datasets", "/open/api/v1/interfaces", "/api/3/action/package_list",
     "/api/action/site_read"],
)  # fmt: skip
def test_too_many_questions_are_told_when_to_come_back(
    limited: None, client: Client, path: str
) -> None:
    assert [client.get(path).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = client.get(path)
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert "每分钟最多 60 次" in refused.text
    assert client.get(path, REMOTE_ADDR="203.0.113.9").status_code == 200


def test_all_interfaces_draw_from_one_bucket_and_downloads_and_pages_from_none(
    limited: None, client: Client
) -> None:
    for path in ("/open/api/v1/datasets", "/api/3/action/package_list", "/open/api/v1/interfaces"):
        assert client.get(path).status_code == 200
    assert client.get("/api/3/action/package_list").json()["success"] is False
    assert client.get("/open/").status_code == 200
    assert "每分钟最多 60 次" in client.get("/open/interfaces/").text
    assert client.get("/open/datasets/nothing.csv").status_code == 404


def test_addresses_of_one_ipv6_network_count_as_one(limited: None, client: Client) -> None:
    codes = [
        client.get("/open/api/v1/datasets", REMOTE_ADDR=f"2001:db8::{n}").status_code
        for n in range(1, 5)
    ]
    assert codes == [200, 200, 200, 429]
    other = client.get("/open/api/v1/datasets", REMOTE_ADDR="2001:db8:0:1::1")
    assert other.status_code == 200


def test_without_a_limit_nothing_is_kept(settings: Any, db: None, client: Client) -> None:
    settings.OPEN_API_PER_MINUTE = 0
    limits.BUCKETS.clear()
    assert {client.get("/open/api/v1/datasets").status_code for _ in range(5)} == {200}
    assert limits.BUCKETS._levels == {}


@given(st.lists(st.floats(0, 5), max_size=80), st.integers(1, 300), st.integers(1, 20))
def test_never_more_than_the_burst_and_what_filled_up(
    pauses: list[float], per_minute: int, burst: int
) -> None:
    clock = Clock()
    buckets, served, start = Buckets(clock), 0, clock.now
    for pause in pauses:
        clock.now += pause
        wait = buckets.take("a", per_minute=per_minute, burst=burst)
        served += not wait
        assert served <= burst + (clock.now - start) * per_minute / 60 + 1e-6
        if wait:
            clock.now += wait + 1e-6
            assert buckets.take("a", per_minute=per_minute, burst=burst) == 0
            served += 1


def test_who_asked_is_forgotten_when_the_bucket_is_full_or_memory_is_short() -> None:
    clock = Clock()
    buckets = Buckets(clock, most=10)
    for number in range(25):
        buckets.take(str(number), per_minute=60, burst=10)
    assert list(buckets._levels) == [str(n) for n in range(15, 25)]
    clock.now += 10
    buckets.take("late", per_minute=60, burst=10)
    assert list(buckets._levels) == ["late"]
