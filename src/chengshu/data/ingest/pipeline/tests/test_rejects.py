"""Rejects by the hundred thousand: bounded memory, quick pages, every row with its reasons; old files read on."""

import json
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chengshu.data.contract.facade import ColumnSpec, TableContract, compile_contract
from chengshu.data.ingest.pipeline import (
    QuarantineFile,
    StageResult,
    quarantine,
    read_quarantine,
    stage,
)
from chengshu.data.ingest.pipeline.quarantine import GROUP_ROWS, replay
from chengshu.data.ingest.reading import ReadLimits, ReadOptions, RowBatch, open_rows, ragged

CONTRACT = compile_contract(
    TableContract(
        columns=(
            ColumnSpec(name="id", title="编号", key=True),
            ColumnSpec(name="name", title="姓名", nullable=False),
            ColumnSpec(name="sex", title="性别", codes={"1": "男", "2": "女"}),
            ColumnSpec(name="day", title="日期", type="date"),
        )
    )
)


def wrong(first: int, count: int) -> RowBatch:
    """Rows of which every one breaks three rules."""
    numbers = range(first, first + count)
    cells = {
        "id": [f"K{n:08}" for n in numbers], "name": [""] * count, "sex": [f"x{n % 7}" for n in numbers],
        "day": [f"2026-02-3{n % 10}" for n in numbers],
    }  # fmt: skip
    arrays = {name: pa.array(values, pa.string()) for name, values in cells.items()}
    return RowBatch(pa.RecordBatch.from_pydict({"__row": pa.array(numbers, pa.int64()), **arrays}))


def staged(folder: Path, batches: list[RowBatch]) -> StageResult:
    return stage(batches, CONTRACT, folder)


def test_a_delivery_of_nothing_but_rejects_makes_no_object_for_a_row(tmp_path: Path) -> None:
    batch = wrong(1, 60_000)
    staged(tmp_path / "warm", [wrong(1, 10)])
    tracemalloc.start()
    result = staged(tmp_path / "s", [batch])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (result.source, result.accepted, result.quarantined) == (60_000, 0, 60_000)
    assert {rule: n for (_, rule), n in result.violations.items()} == {
        "required": 60_000, "code": 60_000, "type": 60_000,
    }  # fmt: skip
    # Objects took more than 3,000 bytes a row; numpy's columns, which are counted here, take about 100.
    assert peak / 60_000 < 400


def test_the_writer_holds_one_row_group_however_many_rows_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    add = quarantine.QuarantineWriter.add

    def watched(self: quarantine.QuarantineWriter, *tables: pa.Table) -> None:
        add(self, *tables)
        held.append(self._held_rows)

    monkeypatch.setattr(quarantine.QuarantineWriter, "add", watched)
    result = staged(tmp_path / "s", [wrong(1 + i * 3_000, 3_000) for i in range(12)])
    assert max(held) < GROUP_ROWS
    with QuarantineFile(result.quarantine_path) as file:
        assert file.rows == 36_000
        assert pq.ParquetFile(result.quarantine_path).metadata.num_row_groups == 8


def test_few_different_wrong_values_are_counted_on_the_way_and_many_are_not(tmp_path: Path) -> None:
    result = staged(tmp_path / "s", [wrong(1, 600), wrong(601, 100)])
    with QuarantineFile(result.quarantine_path) as file:
        assert file.counted("sex", "code") == [(f"x{n % 7}", 100) for n in range(1, 8)]
        assert file.counted("name", "required") == [("", 700)]
        assert file.counted("id", "length") is None
    batch = wrong(1, 600).rows
    many = batch.set_column(3, "sex", pa.array([f"y{n}" for n in range(600)]))
    result = staged(tmp_path / "t", [wrong(601, 9), RowBatch(many)])
    with QuarantineFile(result.quarantine_path) as file:
        assert file.counted("sex", "code") is None
        assert file.counted("name", "required") == [("", 609)]


def mixed(folder: Path, rows: int) -> tuple[StageResult, list[int]]:
    """Rows in batches; a third break a rule, a fifth contradict an earlier key: found last, spread over all."""
    chance, batches, bad = random.Random(5), [], []
    for first in range(1, rows + 1, 2_500):
        numbers = range(first, min(first + 2_500, rows + 1))
        kinds = [chance.choice("wwckkkk") if n > 1 else "k" for n in numbers]
        bad += [n for n, kind in zip(numbers, kinds, strict=True) if kind != "k"]
        cells = {
            "id": ["K1" if kind == "c" else f"K{n}" for n, kind in zip(numbers, kinds, strict=True)],
            "name": [f"名{n}" for n in numbers], "sex": ["9" if k == "w" else "1" for k in kinds],
        }  # fmt: skip
        arrays = {name: pa.array(values, pa.string()) for name, values in cells.items()}
        arrays["__row"] = pa.array(numbers, pa.int64())
        batches.append(RowBatch(pa.RecordBatch.from_pydict(arrays)))
    return staged(folder, batches), bad


def test_rows_come_in_their_order_from_any_place_in_both_directions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "GROUP_ROWS", 700)
    result, bad = mixed(tmp_path / "s", 20_000)
    assert result.violations["id", "key_conflict"] > 2_000
    assert [row.row for row in read_quarantine(result.quarantine_path)] == bad
    with QuarantineFile(result.quarantine_path) as file:
        assert file.numbers().tolist() == bad
        for after in (0, 1, 699, 10_000, 19_999):
            found = [n for t in file.ordered(["row"], after=after) for n in t["row"].to_pylist()]
            assert found == [n for n in bad if n > after]
            back = [
                n
                for t in file.ordered(["row"], before=after, backward=True)
                for n in reversed(t["row"].to_pylist())
            ]
            assert back == [n for n in reversed(bad) if n < after]
        some = random.Random(1).sample(bad, 40)
        picked = file.pick(some)
    assert [row.row for row in picked] == sorted(some)
    for row in picked:
        conflict = row.problems[0].rule == "key_conflict"
        assert row.cells["name"] == f"名{row.row}"
        assert row.problems[0].value == ("K1" if conflict else "9")
        assert f"第 {row.row} 行" in row.problems[0].message


def test_a_file_of_before_is_read_paged_and_replayed_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "old.parquet"
    problem = {
        "column": "sex",
        "title": "性别",
        "rule": "code",
        "message": "第 4 行…",
        "value": "9",
    }
    torn = {"column": "", "title": "", "rule": "ragged", "message": "第 2 行…", "value": "a,b"}
    cells = {"id": "1", "name": "张三", "sex": "9", "day": None}
    rows = [
        {"row": 4, "problems": [problem], "original": json.dumps(cells)},
        {"row": 2, "problems": [torn], "original": json.dumps({"__line__": "a,b"})},
    ]
    fields = pa.struct([(name, pa.string()) for name in problem])
    schema = pa.schema(
        [("row", pa.int64()), ("problems", pa.list_(fields)), ("original", pa.string())]
    )
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    first, second = read_quarantine(path)
    assert (first.row, first.line, first.cells) == (2, "a,b", {})
    assert (second.cells, second.problems[0].message) == (cells, "第 4 行…")
    [batch] = replay(path, {4: {"sex": "1"}}, CONTRACT.contract)
    assert batch.rows.to_pylist() == [{"__row": 4, **cells, "sex": "1"}]


def test_ragged_rows_without_end_come_in_pieces_and_keep_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ragged, "PIECE", 7)
    chance = random.Random(3)
    good = [n == 2 or (n > 900 and chance.random() < 0.3) for n in range(2, 2_002)]
    lines = [f"{n},名" if fine else f"{n},名,多" for n, fine in enumerate(good, 2)]
    (tmp_path / "a.csv").write_text("\n".join(["编号,姓名", *lines]) + "\n", encoding="utf-8")
    options = ReadOptions(mapping={"编号": "id", "姓名": "name"}, encoding="utf-8", delimiter=",")
    seen: list[tuple[int, str]] = []
    torn: list[tuple[int, str]] = []
    for batch in open_rows(tmp_path / "a.csv", options, ReadLimits(block_bytes=2_048)):
        assert len(batch.rejects) <= 7
        seen += zip(batch.rows["__row"].to_pylist(), batch.rows["id"].to_pylist(), strict=True)
        torn += [(reject.row, reject.text) for reject in batch.rejects]
    assert seen == [(n, str(n)) for n, fine in enumerate(good, 2) if fine]
    assert torn == [(n, f"{n},名,多") for n, fine in enumerate(good, 2) if not fine]
    assert np.all(np.diff([n for n, _ in torn]) > 0)
