"""Looking after the lake: small files are folded, old ones removed, and nothing of a table is lost."""

import pyarrow as pa
import pytest

from chengshu.data.ingest import jobs, loading
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.registration import JobContext
from chengshu_lake import Lake

pytestmark = pytest.mark.django_db

SCHEMA = pa.schema([pa.field("code", pa.string(), nullable=False), pa.field("n", pa.int64())])


def rows(first, count, n=0):
    codes = [f"{i:08d}" for i in range(first, first + count)]
    return pa.table({"code": codes, "n": [n] * count}, schema=SCHEMA)


def test_maintenance_removes_old_files_and_keeps_every_row(tmp_path, monkeypatch):
    lake = Lake(str(tmp_path / "lake"))
    lake.create("std/people", SCHEMA, key=("code",))
    for n in range(5):
        lake.merge("std/people", rows(0, 400, n))
    files = len(list((tmp_path / "lake").rglob("*.parquet")))
    monkeypatch.setattr(loading, "lake", lambda: lake)
    monkeypatch.setattr(jobs, "KEEP_HOURS", 0)
    job = Job.objects.create(kind="ingest.maintain_lake", title="整理湖表", state="running")
    result = jobs.maintain_lake(JobContext(job))
    assert result["tables"] == 1
    assert result["files_removed"] > 0
    assert len(list((tmp_path / "lake").rglob("*.parquet"))) < files
    kept = lake.read("std/people").read_all()
    assert kept.num_rows == 400
    assert set(kept.column("n").to_pylist()) == {4}
