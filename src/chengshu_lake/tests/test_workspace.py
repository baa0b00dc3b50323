import os
import subprocess
import sys
import time

import pytest

from chengshu_lake import Lake, LakeError
from chengshu_lake.tests.conftest import PEOPLE, rows_of, some_people
from chengshu_lake.workspace import Workspace, sweep

LEAVE_BEHIND = """
import os, pathlib, sys
from chengshu_lake.workspace import Workspace
print(Workspace(pathlib.Path(sys.argv[1])).path, flush=True)
os._exit(9)
"""


def test_only_the_folders_of_dead_processes_are_swept(tmp_path):
    alive = Workspace(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", LEAVE_BEHIND, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    dead = done.stdout.strip()
    assert sweep(tmp_path) == 0  # too fresh: could be a folder that is just being set up
    for path in (dead, alive.path):
        os.utime(path, (time.time() - 3600,) * 2)
    assert sweep(tmp_path) == 1
    assert alive.path.is_dir()
    assert not os.path.exists(dead)  # noqa: PTH110
    alive.close()
    assert not list(tmp_path.iterdir())


def test_readers_leave_no_folder_whether_read_to_the_end_or_not(people, tmp_path):
    people.merge("std/people", some_people(map(str, range(100))))
    scratch = tmp_path / "lake" / "_tmp"
    reader = people.read("std/people")
    assert len(list(scratch.iterdir())) == 1
    reader.read_all()
    assert not list(scratch.iterdir())
    unread = people.read("std/people")
    del unread
    assert not list(scratch.iterdir())
    with pytest.raises(LakeError):
        people.sql("SELECT nobody FROM p", tables={"p": "std/people"})
    assert not list(scratch.iterdir())


def test_a_lake_lives_in_a_folder_with_an_ordinary_chinese_name(tmp_path):
    lake = Lake(tmp_path / "数据 湖#1'", reserve_mb=1)
    lake.create("std/people", PEOPLE, key=["code"])
    lake.merge("std/people", some_people(["1"]))
    lake.merge("std/people", some_people(["1"], name="甲"))
    assert rows_of(lake, "std/people", columns=["name"]) == [{"name": "甲"}]
    lake.vacuum("std/people", keep_hours=0)
    assert lake.count("std/people") == 1
    for name in ("a*b", "a%20b"):
        with pytest.raises(LakeError, match="不能含有"):
            Lake(tmp_path / name)
