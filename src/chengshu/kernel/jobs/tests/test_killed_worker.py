"""Real processes: a worker killed in the middle of a job loses nothing and does nothing twice."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chengshu.kernel.conftest import FileCity

pytestmark = [pytest.mark.crash, pytest.mark.service]

ENQUEUE = """
from chengshu.kernel.access.actor import platform
from chengshu.kernel.jobs.services import enqueue
print(enqueue("slow.count", actor=platform(), arguments={"diary": %r, "steps": %d}).id.hex)
"""


@pytest.fixture
def worker(file_city: FileCity) -> Iterator["subprocess.Popen[bytes]"]:
    process = file_city.start("worker")
    yield process
    if process.poll() is None:
        process.terminate()
        process.wait(timeout=30)


def starts(diary: Path) -> list[int]:
    return [int(line) for line in diary.read_text().split()] if diary.exists() else []


def state(city: FileCity, job: str) -> tuple[str, int, int]:
    ((found, attempts, done),) = city.query(
        "SELECT state, attempts, done FROM jobs_job WHERE id = ?", job
    )
    return found, attempts, done


def test_a_job_whose_worker_is_killed_finishes_with_one_effect(
    file_city: FileCity, worker: "subprocess.Popen[bytes]"
) -> None:
    diary = file_city.folder / "diary"
    job = file_city.python(ENQUEUE % (str(diary), 12)).strip()
    file_city.wait(lambda: starts(diary) and state(file_city, job)[2] >= 3, "任务进行到一半")
    os.kill(starts(diary)[0], signal.SIGKILL)
    file_city.wait(lambda: state(file_city, job)[0] == "succeeded", "任务最终完成")
    assert len(starts(diary)) == 2
    assert starts(diary)[0] != starts(diary)[1]
    assert state(file_city, job)[1] == 2
    effects = "SELECT count(*) FROM identity_region WHERE name = '数完'"
    assert file_city.query(effects) == [(1,)]
    assert worker.poll() is None


def test_a_worker_that_is_stopped_lets_its_job_end(
    file_city: FileCity, worker: "subprocess.Popen[bytes]"
) -> None:
    diary = file_city.folder / "diary"
    job = file_city.python(ENQUEUE % (str(diary), 10)).strip()
    file_city.wait(lambda: starts(diary), "任务开始")
    worker.terminate()
    assert worker.wait(timeout=30) == 0
    assert state(file_city, job)[:2] == ("succeeded", 1)
    with pytest.raises(ProcessLookupError):
        os.kill(starts(diary)[0], 0)


def test_one_pass_works_off_what_is_there(file_city: FileCity) -> None:
    diary = file_city.folder / "diary"
    job = file_city.python(ENQUEUE % (str(diary), 1)).strip()
    assert file_city.start("worker", "--once").wait(timeout=60) == 0
    assert state(file_city, job)[:2] == ("succeeded", 1)
