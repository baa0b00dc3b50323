"""JSON and Parquet: nothing lost on the way to text, damage named, bombs refused, memory bounded."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengshu.data.ingest.reading import (
    BrokenFileError,
    EmptySheetError,
    FileKind,
    FileTooLargeError,
    MissingColumnsError,
    ReadingError,
    ReadLimits,
    ReadOptions,
    SuspiciousArchiveError,
    open_rows,
    sniff,
)
from chengshu.data.ingest.reading.json_file import _Window

MAPPING = {"id": "id", "v": "v"}


def put(folder: Path, content: str | bytes, name: str = "a.json") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def load(path: Path, limits: ReadLimits | None = None, **options: Any) -> list[dict[str, Any]]:
    reading = ReadOptions(**({"mapping": MAPPING} | options))
    batches = open_rows(path, reading, limits or ReadLimits())
    return [row for batch in batches for row in batch.rows.to_pylist()]


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ('[{"id":"001","v":1.0},{"id":2,"v":null}]', ""),
        ('{"id":"001","v":1.0}\n\n{"id":2,"v":null}\n', ""),
        (
            '\ufeff{"code":0,"data":{"n":2,"rows":[{"id":"001","v":1.0},{"id":2,"v":null}]},"z":[1]}',
            "",
        ),
        ('{"meta":[{"k":1}],"rows":[{"id":"001","v":1.0},{"id":2,"v":null}]}', "rows"),
        ('{"a":{"b":[{"id":"001","v":1.0},{"id":2,"v":null}]}}', "$.a.b[*]"),
    ],
)
def test_records_are_found_where_they_lie(tmp_path: Path, text: str, records: str) -> None:
    path = put(tmp_path, text)
    report = sniff(path, records=records)
    assert (report.kind, report.headers, report.estimated_rows) == (FileKind.JSON, ("id", "v"), 2)
    assert load(path, records=records) == [
        {"__row": 1, "id": "001", "v": "1.0"}, {"__row": 2, "id": "2", "v": None},
    ]  # fmt: skip


def test_numbers_keep_every_digit_and_nested_values_their_names(tmp_path: Path) -> None:
    text = '[{"id": 12345678901234567890123, "v": 1e17, "o": {"x": {"y": 0.10}}, "l": [1, 2.50], "b": true}]'
    mapping = {name: name for name in ("id", "v", "o.x.y", "l", "b")}
    [row] = load(put(tmp_path, text), mapping=mapping)
    assert row == {
        "__row": 1, "id": "12345678901234567890123", "v": "1e17", "o.x.y": "0.10",
        "l": "[1,2.50]", "b": "true",
    }  # fmt: skip


@given(st.data())
def test_any_piece_size_gives_the_same_records(data: st.DataObject) -> None:
    cells = st.one_of(
        st.text(max_size=12), st.integers(), st.none(), st.lists(st.integers(), max_size=3)
    )
    records = data.draw(
        st.lists(st.dictionaries(st.text(max_size=5), cells, max_size=4), max_size=6)
    )
    text = json.dumps(
        {"a": 1, "rows": records, "z": {"q": [2]}}, ensure_ascii=data.draw(st.booleans())
    )
    size = data.draw(st.integers(1, 9))

    class Dribble:
        def __init__(self) -> None:
            self.rest = text.encode()

        def read(self, _wanted: int) -> bytes:
            piece, self.rest = self.rest[:size], self.rest[size:]
            return piece

    found = list(_Window(Path("x"), Dribble()).array(["rows"]))
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(records), parse_int=str)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ('[{"id":"1","v":1},{"id":"2"', BrokenFileError, "中间断了"),
        ('[{"id":"1","v":1} {"id":"2"}]', BrokenFileError, "缺少逗号"),
        ('[{"id":"1","v":1}] x', BrokenFileError, "结尾之后"),
        ('{"rows":[{"id":"1","v":1}]', BrokenFileError, "中间断了"),
        ('[{"id":"1"},[1]]', BrokenFileError, "第 2 条记录不是对象"),
        ('{"a":{"b":1}, "c": [1]}\n{"id":', BrokenFileError, "中间断了"),
        ("[]", EmptySheetError, "没有一条"),
        ('[{"id":"1"}]', MissingColumnsError, "“v”"),
        ("[" * 5000 + "{" + "]" * 5000, ReadingError, "扩展名"),
    ],
)
def test_damage_is_named_and_nothing_half_loaded(
    tmp_path: Path, text: str, error: type[ReadingError], says: str
) -> None:
    with pytest.raises(error, match=says):
        load(put(tmp_path, text))


def test_json_in_another_encoding_and_endless_records_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenFileError, match="不是 UTF-8"):
        sniff(put(tmp_path, '[{"id":"龙港市"}]'.encode("gb18030")))
    with pytest.raises(FileTooLargeError, match="一条记录超过"):
        sniff(put(tmp_path, '[{"id":"' + "x" * (17 * 1024 * 1024) + '"}]'))
    many = json.dumps([{f"c{n}": n for n in range(30)}])
    with pytest.raises(FileTooLargeError, match="超过上限 20 列"):
        sniff(put(tmp_path, many), limits=ReadLimits(columns=20))


def parquet(folder: Path, table: dict[str, Any] | pa.Table, **options: Any) -> Path:
    path = folder / "a.parquet"
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), path, **options)
    return path


def test_parquet_arrives_as_exact_text(tmp_path: Path) -> None:
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    columns = {
        "code": pa.array(["007", None]),
        "whole": pa.array([7.0, None]),
        "part": pa.array([0.1, -2.5]),
        "fee": pa.array([Decimal("12.30"), Decimal("-0.05")]),
        "big": pa.array([9007199254740993, None]),
        "at": pa.array([moment, None], pa.timestamp("us", "UTC")),
        "day": pa.array([dt.date(2026, 1, 1), None]),
        "sex": pa.array(["女", "男"]).dictionary_encode(),
        "doc": pa.array([{"a": 1}, None]),
        "ok": pa.array([True, None]),
    }
    rows = load(parquet(tmp_path, columns), mapping={name: name for name in columns})
    assert rows[0] | {"at": ""} == {
        "__row": 1, "code": "007", "whole": "7", "part": "0.1", "fee": "12.30",
        "big": "9007199254740993", "at": "", "day": "2026-01-01", "sex": "女", "doc": '{"a":1}',
        "ok": "true",
    }  # fmt: skip
    assert rows[0]["at"].startswith("2026-01-01 08:00:00")
    assert rows[0]["at"].endswith("+0800")
    assert rows[1] == {"__row": 2} | dict.fromkeys(columns) | {
        "part": "-2.5",
        "fee": "-0.05",
        "sex": "男",
    }


def test_parquet_tells_its_rows_and_streams_them(tmp_path: Path) -> None:
    path = parquet(
        tmp_path, {"id": list(range(120_000)), "v": ["x"] * 120_000}, row_group_size=30_000
    )
    report = sniff(path)
    assert (report.kind, report.estimated_rows, report.headers) == (
        FileKind.PARQUET,
        120_000,
        ("id", "v"),
    )
    batches = list(open_rows(path, ReadOptions(mapping=MAPPING)))
    assert len(batches) > 1
    assert [n for b in batches for n in b.rows.column("__row").to_pylist()] == list(
        range(1, 120_001)
    )


def test_a_damaged_parquet_and_a_bomb_are_refused(tmp_path: Path) -> None:
    whole = parquet(tmp_path, {"id": ["1"] * 1000, "v": ["x"] * 1000}).read_bytes()
    for damaged in (whole[:-200], b"PAR1" + b"\x00" * 50):
        with pytest.raises(BrokenFileError, match="已损坏"):
            load(put(tmp_path, damaged, "b.parquet"))
    bomb = parquet(
        tmp_path,
        {"id": ["x" * 1000] * 50_000, "v": ["y"] * 50_000},
        use_dictionary=False,
        compression="zstd",
    )
    assert bomb.stat().st_size < 1_000_000
    with pytest.raises(SuspiciousArchiveError, match="展开后"):
        load(bomb, ReadLimits(text_bytes=20_000_000))
    with pytest.raises(EmptySheetError):
        sniff(parquet(tmp_path, {"id": pa.array([], pa.string())}))
    with pytest.raises(FileTooLargeError, match="3 列"):
        sniff(parquet(tmp_path, {"a": [1], "b": [1], "c": [1]}), limits=ReadLimits(columns=2))
