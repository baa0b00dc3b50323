"""Several processes on one table, and processes that are killed in the middle of their work."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chengshu_lake import Lake
from chengshu_lake.tests.conftest import PEOPLE, rows_of, some_people

TABLE = "std/people"
GROUP = 200


def start(role: str, root: Path, *more: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "chengshu_lake.tests.test_processes",
            role,
            str(root),
            *map(str, more),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def worker(role: str, root: str, *more: str) -> None:
    lake = Lake(root, memory_limit_mb=128, threads=1, reserve_mb=1)
    if role == "read":
        read_until_marked(lake, Path(more[0]))
    else:
        merge_batches(lake, more[0], int(more[1]), int(more[2]))


def merge_batches(lake: Lake, writer: str, first: int, last: int) -> None:
    """Batch n inserts its own rows and sets all shared rows to its number."""
    for n in range(first, last):
        mine = [f"{writer}-{n:03}-{i:03}" for i in range(GROUP)]
        shared = [f"shared-{i:03}" for i in range(GROUP)]
        rows = some_people(mine + shared, name=f"{writer}-{n}", age=n)
        say(f"started {n}")
        lake.merge(TABLE, rows, commit_key=f"{writer}-{n}")
        say(f"done {n}")


def read_until_marked(lake: Lake, stop: Path) -> None:
    """Each version must show the shared rows as one batch left them, never a mixture."""
    reads = 0
    while not stop.exists():
        found = lake.sql(
            "SELECT count(DISTINCT name) AS names, count(*) AS n FROM p WHERE code LIKE 'shared%'",
            tables={"p": TABLE},
        ).read_all()
        names, rows = found["names"][0].as_py(), found["n"][0].as_py()
        if (names, rows) not in {(0, 0), (1, GROUP)}:
            say(f"torn: {names} names in {rows} rows")
            return
        reads += 1
    say(f"clean {reads}")


@pytest.mark.service
def test_two_writers_and_two_readers_lose_nothing_and_see_no_mixture(tmp_path):
    lake = Lake(tmp_path / "lake")
    lake.create(TABLE, PEOPLE, key=["code"])
    stop, batches = tmp_path / "stop", 12
    readers = [start("read", tmp_path / "lake", stop) for _ in range(2)]
    writers = [start("write", tmp_path / "lake", name, 0, batches) for name in "ab"]
    try:
        for writer in writers:
            output, _ = writer.communicate(timeout=120)
            assert writer.returncode == 0, output
        stop.touch()
        said = [reader.communicate(timeout=60)[0] for reader in readers]
    finally:
        for process in readers + writers:
            process.kill()
            process.wait()
    assert all(text.startswith("clean") and text.strip() != "clean 0" for text in said), said
    assert lake.count(TABLE) == 2 * batches * GROUP + GROUP
    codes = {row["code"] for row in rows_of(lake, TABLE, columns=["code"])}
    assert len(codes) == lake.count(TABLE)
    history = lake.history(TABLE)
    assert sum(entry.inserted or 0 for entry in history) == lake.count(TABLE)


@pytest.mark.crash
def test_a_writer_killed_again_and_again_does_every_batch_exactly_once(tmp_path):
    lake = Lake(tmp_path / "lake")
    lake.create(TABLE, PEOPLE, key=["code"])
    batches, kills, chance = 15, 0, random.Random(20240501)
    while kills < 8:
        process = start("write", tmp_path / "lake", "a", 0, batches)
        assert process.stdout is not None
        for line in process.stdout:
            # Let it get as far as one batch more than last time, then strike within that batch.
            if line.startswith(f"started {min(kills + 1, batches - 1)}"):
                break
        time.sleep(chance.uniform(0.0, 0.12))
        os.kill(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()
        kills += 1
        assert lake.count(TABLE) == len(rows_of(lake, TABLE, columns=["code"]))
    last = start("write", tmp_path / "lake", "a", 0, batches)
    output, _ = last.communicate(timeout=120)
    assert last.returncode == 0, output
    assert lake.count(TABLE) == (batches + 1) * GROUP
    keys = [entry.commit_key for entry in lake.history(TABLE) if entry.commit_key]
    assert sorted(keys) == sorted({f"a-{n}" for n in range(batches)})
    shared = rows_of(lake, TABLE, where="code LIKE 'shared%'")
    assert {row["age"] for row in shared} == {batches - 1}
    lake.vacuum(TABLE, keep_hours=0)
    on_disk = list((tmp_path / "lake" / TABLE).glob("*.parquet"))
    assert len(on_disk) == lake.stats(TABLE).files
    assert lake.count(TABLE) == len(rows_of(lake, TABLE, columns=["code"]))


if __name__ == "__main__":
    worker(*sys.argv[1:])
