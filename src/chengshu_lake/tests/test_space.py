import errno
import shutil
from typing import NamedTuple

import pytest

from chengshu_lake import Lake, LakeError, NoSpace, parquet, storage
from chengshu_lake.tests.conftest import PEOPLE, rows_of, some_people


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def filled(people, tmp_path):
    people.merge("std/people", some_people(["1", "2"], name="旧"))
    return people


def parquet_files(tmp_path):
    return sorted(path.name for path in (tmp_path / "lake/std/people").glob("*.parquet"))


@pytest.mark.parametrize("operation", ["append", "overwrite", "merge"])
def test_a_write_the_disk_cannot_hold_is_refused_before_it_starts(
    filled, tmp_path, monkeypatch, operation
):
    before = filled.stats("std/people")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10, 10, 1000))
    with pytest.raises(NoSpace, match="磁盘剩余空间 0 MB"):
        getattr(filled, operation)("std/people", some_people(["3"]))
    assert filled.stats("std/people") == before
    assert len(parquet_files(tmp_path)) == 1


def fill_disk_after(monkeypatch, number: int, code: int = errno.ENOSPC):
    """Writing beyond ``number`` bytes of a file fails as it does on a full disk."""
    honest = storage._DurableFile.write
    written: dict[int, int] = {}

    def write(self, data):
        written[id(self)] = written.get(id(self), 0) + len(data)
        if written[id(self)] > number:
            raise OSError(code, "No space left on device" if code == errno.ENOSPC else "I/O error")
        return honest(self, data)

    monkeypatch.setattr(storage._DurableFile, "write", write)


@pytest.mark.parametrize("limit", [0, 3, 300])
@pytest.mark.parametrize("operation", ["append", "overwrite", "merge"])
def test_a_disk_that_fills_up_on_the_way_leaves_the_table_as_it_was(
    filled, tmp_path, monkeypatch, operation, limit
):
    before, files = filled.stats("std/people"), parquet_files(tmp_path)
    with monkeypatch.context() as patch:
        fill_disk_after(patch, limit)
        with pytest.raises(NoSpace, match="原有数据未改动"):
            getattr(filled, operation)("std/people", some_people(["3", "4"], name="新"))
    assert filled.stats("std/people") == before
    assert parquet_files(tmp_path) == files
    getattr(filled, operation)("std/people", some_people(["3", "4"], name="新"))
    assert len(rows_of(filled, "std/people", where="name = '新'")) == 2


def test_other_disk_errors_are_told_apart_from_a_full_disk(filled, monkeypatch):
    fill_disk_after(monkeypatch, 3, errno.EIO)
    with pytest.raises(LakeError, match="没有完成") as caught:
        filled.merge("std/people", some_people(["3"]))
    assert not isinstance(caught.value, NoSpace)
    assert isinstance(caught.value.__cause__, OSError)


def test_vacuum_removes_what_a_killed_writer_left(filled, tmp_path):
    orphan = tmp_path / "lake/std/people/part-orphan.zstd.parquet"
    orphan.write_bytes(b"PAR1")
    assert filled.count("std/people") == 2
    assert len(rows_of(filled, "std/people")) == 2
    removed = filled.vacuum("std/people", keep_hours=0)
    assert any("orphan" in path for path in removed)
    assert not orphan.exists()
    assert len(rows_of(filled, "std/people")) == 2


def test_a_stream_larger_than_the_memory_limit_spills_and_arrives_whole(tmp_path):
    lake = Lake(tmp_path / "lake", memory_limit_mb=96, threads=1, reserve_mb=1)
    lake.create("std/people", PEOPLE, key=["code"])
    many = 600_000
    step = parquet.ROW_GROUP

    def batches():
        for start in range(0, many, step):
            numbers = range(start, min(many, start + step))
            codes = [f"{n * 7919 % many:018}" for n in numbers]
            yield from some_people(codes, name="龙港市民" * 20, age=1).to_batches()

    assert lake.merge("std/people", batches()).inserted == many
    assert lake.stats("std/people").rows == many
    total = lake.sql("SELECT count(DISTINCT code) AS n FROM p", tables={"p": "std/people"})
    assert total.read_all()["n"].to_pylist() == [many]
