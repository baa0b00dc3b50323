"""One address cannot ask without end, and its neighbours do not notice."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from chengshu.portals.opendata import buckets as buckets_module
from chengshu.portals.opendata.buckets import Buckets, SharedBuckets


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def limited(settings: Any, db: None, data_dir: Path) -> None:
    settings.OPEN_API_PER_MINUTE, settings.OPEN_API_BURST = 60, 3


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


def test_without_a_limit_nothing_is_kept(
    settings: Any, db: None, client: Client, data_dir: Path
) -> None:
    settings.OPEN_API_PER_MINUTE = 0
    assert {client.get("/open/api/v1/datasets").status_code for _ in range(5)} == {200}
    assert not (data_dir / "run").exists()


def test_a_disk_that_takes_no_file_refuses_nobody(
    limited: None, client: Client, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (data_dir / "run").write_text("no folder")
    codes = [client.get("/open/api/v1/datasets").status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    assert "per process only" in caplog.text


PROGRAM = """
import sys
from pathlib import Path
from chengshu.portals.opendata.buckets import SharedBuckets
buckets = SharedBuckets(Path(sys.argv[1]), b"secret", lambda: 1000.0)
print(flush=True)
sys.stdin.readline()
print(sum(not buckets.take("203.0.113.9", per_minute=60, burst=15_000) for _ in range(10_000)))
"""


def test_processes_that_ask_at_the_same_time_share_one_bucket(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "limits.bin")]
    path = os.pathsep.join(sys.path)
    running = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path},
            text=True,
        )
        for _ in range(3)
    ]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    served = [int(process.communicate()[0]) for process in running]
    assert sum(served) == 15_000
    assert b"203.0.113.9" not in (tmp_path / "limits.bin").read_bytes()


@pytest.mark.parametrize("shared", [False, True])
@given(st.lists(st.floats(0, 5), max_size=80), st.integers(1, 300), st.integers(1, 20))
def test_never_more_than_the_burst_and_what_filled_up(
    shared: bool, pauses: list[float], per_minute: int, burst: int
) -> None:
    clock = Clock()
    buckets = _shared(clock) if shared else Buckets(clock)
    served, start = 0, clock.now
    for pause in pauses:
        clock.now += pause
        wait = buckets.take("a", per_minute=per_minute, burst=burst)
        served += not wait
        assert served <= burst + (clock.now - start) * per_minute / 60 + 1e-6
        if wait:
            clock.now += wait + 1e-6
            assert buckets.take("a", per_minute=per_minute, burst=burst) == 0
            served += 1


def _shared(clock: Clock) -> SharedBuckets:
    with tempfile.TemporaryDirectory() as folder:
        return SharedBuckets(Path(folder) / "limits.bin", b"secret", clock)


def test_a_full_set_of_the_file_forgets_the_longest_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets_module, "_SETS", 1)
    clock = Clock()
    buckets = _shared(clock)
    for number in range(9):
        clock.now += 0.001
        assert buckets.take(str(number), per_minute=60, burst=1) == 0
    assert buckets.take("8", per_minute=60, burst=1) > 0
    assert buckets.take("0", per_minute=60, burst=1) == 0
    clock.now -= 500
    assert buckets.take("8", per_minute=60, burst=1) > 0


def test_who_asked_is_forgotten_when_the_bucket_is_full_or_memory_is_short() -> None:
    clock = Clock()
    buckets = Buckets(clock, most=10)
    for number in range(25):
        buckets.take(str(number), per_minute=60, burst=10)
    assert list(buckets._levels) == [str(n) for n in range(15, 25)]
    clock.now += 10
    buckets.take("late", per_minute=60, burst=10)
    assert list(buckets._levels) == ["late"]
