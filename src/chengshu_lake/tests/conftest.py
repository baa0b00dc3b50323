from pathlib import Path

import pyarrow as pa
import pytest

from chengshu_lake import Lake

PEOPLE = pa.schema(
    [
        pa.field("code", pa.string()),
        pa.field("name", pa.string()),
        pa.field("age", pa.int32()),
        pa.field("born", pa.date32()),
        pa.field("seen", pa.timestamp("us", "UTC")),
        pa.field("score", pa.decimal128(12, 2)),
    ]
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", memory_limit_mb=256, reserve_mb=1)


@pytest.fixture(params=["folder", "object store"])
def any_lake(request, tmp_path: Path) -> Lake:
    """The same behaviour is promised on both kinds of storage; file:// stands for the second."""
    root = tmp_path / "lake"
    root.mkdir()
    address = root if request.param == "folder" else root.as_uri()
    return Lake(address, memory_limit_mb=256, reserve_mb=1, temp_dir=tmp_path / "tmp")


@pytest.fixture
def people(lake: Lake) -> Lake:
    lake.create("std/people", PEOPLE, key=["code"])
    return lake


def some_people(codes, **columns) -> pa.Table:
    """Rows for the codes; a column given by name holds that value in all rows."""
    rows = [{"code": code, **columns} for code in codes]
    names = ["code", *columns]
    schema = pa.schema([PEOPLE.field(name) for name in names])
    return pa.Table.from_pylist(rows, schema=schema)


def rows_of(lake: Lake, table: str, **how) -> list[dict]:
    return lake.read(table, **how).read_all().to_pylist()
