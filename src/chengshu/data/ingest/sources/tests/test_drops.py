"""Dropped files: which are complete, in what order, and that a folder cannot be left."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from chengshu.data.ingest.sources import Connection, DroppedFile, Reason, SourceError, connector
from chengshu.data.ingest.sources.drops import complete_files

KIND = connector("folder")
OLD = int(time.time()) - 3600


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drops" / "sb"
    folder.mkdir(parents=True)
    return folder


def reach(drop: Path, **options: Any) -> Connection:
    passing = drop.parent.parent / "passing"
    passing.mkdir(exist_ok=True)
    known = {"folder": "sb", "pattern": "*.csv", "complete": "stable", "stable_seconds": 30}
    return Connection(name="投递", options=known | options, folder=passing, roots=(drop.parent,))


def put(drop: Path, name: str, text: str, age: int = 3600) -> Path:
    path = drop / name
    path.write_text(text, encoding="utf-8")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_files_come_in_order_with_running_row_numbers(drop: Path) -> None:
    put(drop, "b.csv", "编号,姓名\n003,丙\n")
    put(drop, "a.csv", "编号,姓名\n001,甲\n002,乙\n")
    put(drop, "c.txt", "编号,姓名\n009,丁\n")
    rows = [r for b in KIND.read(reach(drop), "*.csv", {"编号": "no"}) for r in b.rows.to_pylist()]
    assert [r["no"] for r in rows] == ["001", "002", "003"]
    assert [r["__row"] for r in rows] == sorted({r["__row"] for r in rows})


def test_one_source_may_bring_files_of_every_format(drop: Path) -> None:
    put(drop, "a.csv", "id\n001\n")
    put(drop, "b.json", '{"data":[{"id":"002"}]}')
    rows = [r["id"] for b in KIND.read(reach(drop), "*", {"id": "id"}) for r in b.rows.to_pylist()]
    assert rows == ["001", "002"]


def test_a_file_still_being_written_waits(drop: Path) -> None:
    put(drop, "a.csv", "id\n1\n", age=5)
    put(drop, "b.csv.part", "id\n1\n")
    to = reach(drop)
    assert KIND.ready(to, "*.csv") == []
    with pytest.raises(SourceError, match="没有传完") as caught:
        list(KIND.read(to, "*.csv", {"id": "id"}))
    assert caught.value.reason is Reason.NO_OBJECT


@pytest.mark.parametrize(
    ("mode", "markers", "expected"),
    [
        ("ok", ["a.csv.ok"], ["a.csv"]),
        ("ok", ["b.ok"], ["b.csv"]),
        ("done", ["a.csv.ok"], []),
        ("done", ["a.done", "b.csv.done"], ["a.csv", "b.csv"]),
    ],
)
def test_a_marker_says_that_a_file_is_complete(
    drop: Path, mode: str, markers: list[str], expected: list[str]
) -> None:
    for name in ("a.csv", "b.csv"):
        put(drop, name, "id\n1\n", age=0)
    for name in markers:
        put(drop, name, "")
    assert [f.name for f in KIND.ready(reach(drop, complete=mode), "*.csv")] == expected


def test_order_is_by_name_or_by_time(tmp_path: Path) -> None:
    files = [DroppedFile("b.csv", 1, OLD - 9), DroppedFile("a.csv", 1, OLD)]
    for order, expected in (("name", ["a.csv", "b.csv"]), ("time", ["b.csv", "a.csv"])):
        to = Connection(name="x", options={"order": order}, folder=tmp_path)
        assert [f.name for f in complete_files(to, files, "*.csv")] == expected


def test_a_clock_that_runs_ahead_does_not_hold_a_file_for_ever(tmp_path: Path) -> None:
    to = Connection(name="x", options={}, folder=tmp_path)
    tomorrow = DroppedFile("a.csv", 1, int(time.time()) + 86_400)
    assert complete_files(to, [tomorrow], "*.csv") == [tomorrow]


def test_a_file_that_changes_while_it_is_fetched_is_refused(drop: Path) -> None:
    path = put(drop, "a.csv", "id\n1\n")
    to = reach(drop)
    [file] = KIND.ready(to, "*.csv")
    path.write_text("id\n1\n2\n")
    with pytest.raises(SourceError, match="正在改写") as caught:
        KIND.fetch(to, file)
    assert caught.value.passing


@pytest.mark.parametrize("folder", ["..", "../..", "/etc", "../drops2", "none"])
def test_nobody_leaves_the_allowed_folder(drop: Path, folder: str) -> None:
    (drop.parent.parent / "drops2").mkdir()
    with pytest.raises(SourceError) as caught:
        KIND.check(reach(drop, folder=folder))
    assert caught.value.reason is Reason.FORBIDDEN_ADDRESS


def test_links_are_not_followed_out_of_the_folder(drop: Path) -> None:
    secret = drop.parent.parent / "secret.csv"
    secret.write_text("id\nsecret\n")
    (drop / "a.csv").symlink_to(secret)
    (drop.parent / "away").symlink_to(drop.parent.parent)
    assert KIND.ready(reach(drop), "*.csv") == []
    with pytest.raises(SourceError):
        KIND.check(reach(drop, folder="away"))


def test_an_uncertain_encoding_stops_instead_of_guessing(drop: Path) -> None:
    (drop / "a.csv").write_bytes("id,n\n1,\u4e02\u4e04\n".encode("gb18030"))
    os.utime(drop / "a.csv", (OLD, OLD))
    with pytest.raises(SourceError, match="编码不能确定"):
        list(KIND.read(reach(drop), "*.csv", {"n": "n"}))
    to = reach(drop, encoding="gb18030")
    [row] = [r for b in KIND.read(to, "*.csv", {"n": "n"}) for r in b.rows.to_pylist()]
    assert row["n"] == "\u4e02\u4e04"
