import os
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from chengshu_gateway import pointer
from chengshu_gateway.snapshot import SnapshotError, open_current
from chengshu_gateway.snapshot_build import (
    SnapshotBuildError,
    publish_snapshot,
    remove_old_versions,
)


def publish(directory, table, **options):
    return publish_snapshot(
        directory, table.schema, table.to_batches(), key_column="code", **options
    )


def test_every_type_comes_back_in_its_published_form(tmp_path):
    table = pa.table(
        {
            "code": ["330383199001011234", "2"],
            "whole": pa.array([9_007_199_254_740_993, None], pa.int64()),
            "real": [1.5, None],
            "money": pa.array([Decimal("12.30"), None], pa.decimal128(12, 2)),
            "born": [date(1990, 1, 1), None],
            "at": pa.array(
                [datetime(2026, 11, 23, 6, 5, tzinfo=UTC), None], pa.timestamp("s", "UTC")
            ),
            "alive": [True, None],
            "kind": pa.array(["a", None]).dictionary_encode(),
        }
    )
    published = publish(tmp_path, table)
    snapshot = open_current(tmp_path)
    assert snapshot is not None
    assert (snapshot.rows, snapshot.version) == (2, published.version)
    assert snapshot.lookup("330383199001011234") == {
        "code": "330383199001011234",
        "whole": 9_007_199_254_740_993,
        "real": 1.5,
        "money": "12.30",
        "born": "1990-01-01",
        "at": "2026-11-23T06:05:00Z",
        "alive": 1,
        "kind": "a",
    }
    assert set((snapshot.lookup("2") or {}).values()) == {"2", None}
    assert snapshot.lookup("3") is None
    snapshot.close()


def test_a_code_keeps_its_leading_zeros_and_is_found_only_exactly(tmp_path):
    publish(tmp_path, pa.table({"code": ["007", "7"], "name": ["零零七", "七"]}))
    snapshot = open_current(tmp_path)
    assert snapshot is not None
    assert snapshot.lookup("007", ["name"]) == {"name": "零零七"}
    assert snapshot.lookup("07") is None
    snapshot.close()


@pytest.mark.parametrize("codes", [["1", "1"], ["1", None]])
def test_a_bad_key_publishes_nothing_and_leaves_the_old_version(tmp_path, codes):
    publish(tmp_path, pa.table({"code": ["1"], "name": ["old"]}))
    with pytest.raises(SnapshotBuildError, match="空值或重复"):
        publish(tmp_path, pa.table({"code": codes, "name": ["a", "b"]}))
    snapshot = open_current(tmp_path)
    assert snapshot is not None
    assert snapshot.lookup("1", ["name"]) == {"name": "old"}
    assert not list(tmp_path.glob(".*building"))
    snapshot.close()


def test_a_numeric_key_or_a_nested_column_is_refused(tmp_path):
    with pytest.raises(SnapshotBuildError, match="不是文本"):
        publish(tmp_path, pa.table({"code": [1]}))
    with pytest.raises(SnapshotBuildError, match="先转换为文本"):
        publish(tmp_path, pa.table({"code": ["1"], "tags": [["a"]]}))


def test_old_versions_leave_after_the_grace_period_and_readers_keep_theirs(tmp_path):
    table = pa.table({"code": ["1"], "name": ["first"]})
    first = publish(tmp_path, table)
    reader = open_current(tmp_path)
    assert reader is not None
    publish(tmp_path, pa.table({"code": ["1"], "name": ["second"]}))
    assert first.path.exists()
    removed = remove_old_versions(tmp_path, grace_seconds=-1)
    assert removed == [first.path.name]
    assert not first.path.exists()
    assert reader.lookup("1", ["name"]) == {"name": "first"}
    fresh = open_current(tmp_path)
    assert fresh is not None
    assert fresh.lookup("1", ["name"]) == {"name": "second"}
    reader.close()
    fresh.close()


def test_a_version_within_its_grace_period_stays(tmp_path):
    first = publish(tmp_path, pa.table({"code": ["1"]}))
    os.utime(first.path, (1, 1))
    publish(tmp_path, pa.table({"code": ["1"]}))
    # Published long ago, but replaced only now: readers may still be on it.
    assert first.path.exists()


def test_a_pointer_to_a_missing_or_foreign_file_is_reported(tmp_path):
    pointer.swap(tmp_path, "gone.sqlite")
    with pytest.raises(SnapshotError, match="不存在"):
        open_current(tmp_path)
    (tmp_path / "gone.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 50)
    with pytest.raises(SnapshotError, match="打不开"):
        open_current(tmp_path)
