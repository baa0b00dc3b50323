"""The balance of a stage, its keys, its quarantine, and the way back from it."""

import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu.data.contract.facade import ColumnSpec, TableContract, compile_contract
from chengshu.data.ingest.pipeline import (
    StageCancelledError,
    StageError,
    StageLimits,
    StageProgress,
    StageResult,
    export_quarantine,
    keys,
    neutralise,
    read_corrections,
    read_quarantine,
    replay,
    stage,
)
from chengshu.data.ingest.pipeline.workbook import restore
from chengshu.data.ingest.reading import ReadLimits, ReadOptions, RowBatch, RowReject, open_rows

CONTRACT = compile_contract(
    TableContract(
        columns=(
            ColumnSpec(name="id", title="编号", key=True, length=10),
            ColumnSpec(name="name", title="姓名", nullable=False),
            ColumnSpec(name="day", title="日期", type="date"),
            ColumnSpec(name="sum", title="金额", type="decimal", precision=8, scale=2),
        )
    )
)
NAMES = [column.name for column in CONTRACT.contract.columns]
Cells = tuple[str | None, ...]


def batch(rows: list[Cells], first: int = 2, rejects: tuple[RowReject, ...] = ()) -> RowBatch:
    columns = {n: pa.array([r[i] for r in rows], pa.string()) for i, n in enumerate(NAMES)}
    numbers = pa.array(range(first, first + len(rows)), pa.int64())
    return RowBatch(pa.RecordBatch.from_pydict({"__row": numbers, **columns}), rejects, 0.5)


def accepted(result: StageResult) -> list[int]:
    return result.reader(["_row"]).read_all().column("_row").to_pylist()


def repeated(result: StageResult) -> list[tuple[int, int]]:
    table = pq.read_table(result.duplicates_path)
    return list(
        zip(table.column("row").to_pylist(), table.column("first_row").to_pylist(), strict=True)
    )


def test_rows_are_typed_and_balanced(tmp_path: Path) -> None:
    rows: list[Cells] = [
        ("1", "张三", "2026年11月23日", "1,200.5"),
        ("2", "", "2026-11-23", "3万"),
        ("3", "王五", None, None),
    ]
    seen: list[StageProgress] = []
    ragged = RowReject(5, "ragged", "第 5 行…", "4,赵六")
    result = stage(
        [batch(rows, rejects=(ragged,))], CONTRACT, tmp_path / "s", on_progress=seen.append
    )
    assert (result.source, result.accepted, result.quarantined, result.duplicates) == (4, 2, 2, 0)
    assert result.violations == {("name", "required"): 1, ("sum", "type"): 1, ("", "ragged"): 1}
    table = result.reader().read_all()
    assert table.schema == CONTRACT.schema
    assert [str(v) for v in table.column("day").to_pylist()] == ["2026-11-23", "None"]
    bad, torn = read_quarantine(result.quarantine_path)
    assert (bad.row, bad.cells) == (3, {"id": "2", "name": "", "day": "2026-11-23", "sum": "3万"})
    assert [(p.column, p.title, p.rule, p.value) for p in bad.problems] == [
        ("name", "姓名", "required", ""),
        ("sum", "金额", "type", "3万"),
    ]
    assert (torn.row, torn.line) == (5, "4,赵六")
    assert seen[-1] == StageProgress(4, 2, 2, 1.0)


def test_repeats_are_duplicates_and_contradictions_are_conflicts(tmp_path: Path) -> None:
    first: list[Cells] = [("1", "张三", "2026-11-23", "1.5"), ("2", "李四", None, None)]
    later: list[Cells] = [
        ("1", "张三", "2026/11/23", "1.50"),
        ("1", "张三丰", "2026-11-23", "1.5"),
        ("2", "李四", None, None),
    ]
    result = stage([batch(first), batch(later, first=4)], CONTRACT, tmp_path / "s")
    assert accepted(result) == [2, 3]
    assert repeated(result) == [(4, 2), (6, 3)]
    [conflict] = read_quarantine(result.quarantine_path)
    assert conflict.row == 5
    assert conflict.problems[0].rule == "key_conflict"
    assert (
        conflict.problems[0].message
        == "第 5 行与第 2 行的主键相同（1）但内容不同；请确认保留哪一行。"
    )
    assert conflict.cells == {"id": "1", "name": "张三丰", "day": "2026-11-23", "sum": "1.50"}
    assert (result.source, result.accepted, result.quarantined, result.duplicates) == (5, 2, 1, 2)


@pytest.mark.parametrize("searched_rows", [keys._SEARCHED_ROWS, 0])
@pytest.mark.parametrize("order", ["sorted", "shuffled"])
@pytest.mark.parametrize("key", [("id",), ("id", "day"), ("flag", "id")])
def test_repeated_keys_are_found_in_any_order_and_at_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: tuple[str, ...], order: str,
    searched_rows: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(keys, "_SEARCHED_ROWS", searched_rows)
    chance = random.Random(7)
    numbers = [chance.randrange(300) for _ in range(400)]
    if order == "sorted":
        numbers.sort()
    rows = [(f"{n:03}", f"2026-01-{n % 3 + 1:02}", "10"[n % 2], n % 50 != 0 or i) for i, n in enumerate(numbers)]  # fmt: skip  # noqa: E501
    types = {"id": "text", "day": "date", "flag": "boolean", "other": "text"}
    contract = TableContract(
        columns=tuple(ColumnSpec(name=n, title=n, type=t, key=n in key) for n, t in types.items())
    )
    columns = {n: pa.array([str(r[i]) for r in rows]) for i, n in enumerate(types)}
    whole = pa.RecordBatch.from_pydict({"__row": pa.array(range(400), pa.int64()), **columns})
    batches = [RowBatch(whole.slice(at, 90)) for at in range(0, 400, 90)]
    result = stage(batches, compile_contract(contract), tmp_path / "s")
    first: dict[tuple[str, ...], int] = {}
    kept, same, conflicts = [], [], []
    for i, row in enumerate(rows):
        leader = first.setdefault(row[:3], i)
        if leader == i:
            kept.append(i)
        elif rows[leader] == row:
            same.append((i, leader))
        else:
            conflicts.append(i)
    assert accepted(result) == kept
    assert repeated(result) == same
    assert [row.row for row in read_quarantine(result.quarantine_path)] == conflicts
    assert len(same) > 50
    assert conflicts


cells = st.one_of(
    st.none(),
    st.text(max_size=4),
    st.sampled_from(["1", "2", "3", "2026-11-23", "20261123", "1.5", "=1+1", "3.3E+17"]),
)
tables = st.lists(st.lists(st.tuples(cells, cells, cells, cells), max_size=12), max_size=4)


@settings(deadline=None, max_examples=25)
@given(tables, st.lists(st.text(max_size=5), max_size=3))
def test_every_source_row_ends_in_exactly_one_place(
    batches: list[list[Cells]], torn: list[str]
) -> None:
    sources: list[RowBatch] = []
    number = 2
    for rows in batches:
        sources.append(batch(rows, first=number))
        number += len(rows)
    rejects = tuple(
        RowReject(number + i, "ragged", "列数不对", text) for i, text in enumerate(torn)
    )
    sources.append(batch([], rejects=rejects))
    number += len(torn)
    folder = Path(tempfile.mkdtemp())
    try:
        result = stage(sources, CONTRACT, folder / "s", limits=StageLimits(threads=1))
        places = (
            accepted(result)
            + [r.row for r in read_quarantine(result.quarantine_path)]
            + [r for r, _ in repeated(result)]
        )
    finally:
        shutil.rmtree(folder)
    assert sorted(places) == list(range(2, number))
    assert result.source == number - 2 == result.accepted + result.quarantined + result.duplicates


@settings(deadline=None, max_examples=25)
@given(st.lists(st.lists(st.text('ab1",\t \r', max_size=4), min_size=1, max_size=5), max_size=25))
def test_random_csv_balances_or_is_refused_whole(rows: list[list[str]]) -> None:
    """Records of a CSV with random quotes and widths: all accounted for."""
    quoted = ['"' + '","'.join(cell.replace('"', '""') for cell in row) + '"' for row in rows]
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "a.csv").write_text(
            "编号,姓名\n" + "".join(f"{line}\n" for line in quoted), encoding="utf-8", newline=""
        )
        options = ReadOptions(mapping={"编号": "id", "姓名": "name"}, encoding="utf-8")
        batches = open_rows(folder / "a.csv", options, ReadLimits(block_bytes=256))
        result = stage(batches, CONTRACT, folder / "s", limits=StageLimits(threads=1))
    finally:
        shutil.rmtree(folder)
    blank = sum(len(row) <= 2 and not any(row) for row in rows)
    one_empty = sum(row == [""] for row in rows)
    assert len(rows) - blank <= result.source <= len(rows) - blank + one_empty


def test_source_order_is_kept_over_many_batches(tmp_path: Path) -> None:
    batches = [
        batch([(f"{i}-{j}", "名", None, None) for j in range(500)], first=2 + 500 * i)
        for i in range(12)
    ]
    result = stage(batches, CONTRACT, tmp_path / "s")
    assert accepted(result) == list(range(2, 6002))


def test_a_table_without_key_keeps_equal_rows(tmp_path: Path) -> None:
    keyless = compile_contract(TableContract(columns=(ColumnSpec(name="id", title="编号"),)))
    rows = pa.RecordBatch.from_pydict(
        {"__row": pa.array([2, 3], pa.int64()), "id": pa.array(["1", "1"])}
    )
    assert stage([RowBatch(rows)], keyless, tmp_path / "s").accepted == 2


def test_an_empty_source_is_a_balanced_stage(tmp_path: Path) -> None:
    result = stage([], CONTRACT, tmp_path / "s")
    assert (result.source, result.accepted) == (0, 0)
    assert result.reader().read_all().num_rows == 0


def test_cancelling_and_failing_leave_nothing_behind(tmp_path: Path) -> None:
    for after in range(6):
        answers = iter([False] * after + [True] * 9)
        rows = [batch([(str(i), "a", None, None)]) for i in range(4)]
        with pytest.raises(StageCancelledError, match="没有载入任何数据"):
            stage(rows, CONTRACT, tmp_path / "s", cancelled=answers.__next__)
        assert not (tmp_path / "s").exists()

    def torn() -> Iterator[RowBatch]:
        yield batch([("1", "a", None, None)])
        raise OSError(28, "No space left on device")

    with pytest.raises(StageError, match="磁盘空间不足"):
        stage(torn(), CONTRACT, tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_a_restart_clears_the_leftovers_but_never_a_strange_folder(tmp_path: Path) -> None:
    work = tmp_path / "s"
    stage([batch([("1", "a", None, None)])], CONTRACT, work)
    (work / "result.json").unlink()
    (work / "spool.arrow").write_bytes(b"torn")
    assert StageResult.load(work, CONTRACT.schema) is None
    again = stage([batch([("1", "a", None, None)])], CONTRACT, work)
    assert StageResult.load(work, CONTRACT.schema) == again
    (tmp_path / "precious.txt").write_text("x")
    with pytest.raises(StageError, match="没有覆盖"):
        stage([], CONTRACT, tmp_path)
    assert (tmp_path / "precious.txt").exists()


def test_an_unbalanced_result_cannot_exist(tmp_path: Path) -> None:
    result = stage([batch([("1", "a", None, None)])], CONTRACT, tmp_path / "s")
    with pytest.raises(StageError, match="装载不平衡"):
        StageResult(
            source=2, accepted=1, quarantined=0, duplicates=0, violations={}, schema=result.schema,
            accepted_path=result.accepted_path, quarantine_path=result.quarantine_path, duplicates_path=result.duplicates_path,  # noqa: E501
        )  # fmt: skip


@pytest.fixture
def quarantined(tmp_path: Path) -> StageResult:
    rows: list[Cells] = [
        ("1", "=cmd|' /C calc'!A0", "2026-02-30", "-5"),
        ("2", None, "'=1", "+1+1"),
        ("3", "好", None, None),
    ]
    torn = RowReject(9, "ragged", "第 9 行…", "@SUM(1)")
    return stage([batch(rows, rejects=(torn,))], CONTRACT, tmp_path / "s")


def test_exported_cells_are_text_and_formulas_are_neutralised(
    quarantined: StageResult, tmp_path: Path
) -> None:
    target = tmp_path / "待修正.xlsx"
    assert export_quarantine(quarantined.quarantine_path, CONTRACT.contract, target) == 3
    sheet = openpyxl.load_workbook(target)["待修正"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0] == ["行号", "问题", "编号", "姓名", "日期", "金额", "原始整行"]
    assert rows[1][2:6] == ["1", "'=cmd|' /C calc'!A0", "2026-02-30", "-5"]
    assert rows[2][4:6] == ["''=1", "'+1+1"]
    assert rows[3][6] == "'@SUM(1)"
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value} == {"s"}
    assert sheet["E2"].fill.start_color.rgb == "FFFCE9E7"


@given(st.text())
def test_neutralising_is_reversible_and_leaves_no_trigger(value: str) -> None:
    safe = neutralise(value)
    assert restore(safe) == value
    assert not safe.startswith(("=", "@", "\t", "\r"))


def test_a_corrected_sheet_is_read_back_and_replayed_under_its_row_numbers(
    quarantined: StageResult, tmp_path: Path
) -> None:
    target = tmp_path / "待修正.xlsx"
    export_quarantine(quarantined.quarantine_path, CONTRACT.contract, target)
    assert read_corrections(target, quarantined.quarantine_path, CONTRACT.contract) == {}
    workbook = openpyxl.load_workbook(target)
    sheet = workbook["待修正"]
    sheet["E2"] = "2026-03-01"
    sheet["F2"] = None
    sheet["C4"], sheet["D4"] = "9", "赵六"
    workbook.save(target)
    corrections = read_corrections(target, quarantined.quarantine_path, CONTRACT.contract)
    assert corrections == {2: {"day": "2026-03-01", "sum": None}, 9: {"id": "9", "name": "赵六"}}
    again = stage(
        replay(quarantined.quarantine_path, corrections, CONTRACT.contract),
        CONTRACT,
        tmp_path / "again",
    )
    assert (again.source, again.accepted) == (2, 2)
    assert again.reader(["_row", "id", "name"]).read_all().to_pylist() == [
        {"_row": 2, "id": "1", "name": "=cmd|' /C calc'!A0"},
        {"_row": 9, "id": "9", "name": "赵六"},
    ]


def test_corrections_of_unknown_rows_and_columns_are_refused(
    quarantined: StageResult, tmp_path: Path
) -> None:
    for corrections, says in (({77: {}}, "第 77 行不在待修正"), ({2: {"x": "1"}}, "未知的字段“x”")):
        with pytest.raises(StageError, match=says):
            list(replay(quarantined.quarantine_path, corrections, CONTRACT.contract))
    target = tmp_path / "待修正.xlsx"
    export_quarantine(quarantined.quarantine_path, CONTRACT.contract, target)
    workbook = openpyxl.load_workbook(target)
    workbook["待修正"]["A2"] = "77"
    workbook.save(target)
    with pytest.raises(StageError, match="第 77 行不在待修正"):
        read_corrections(target, quarantined.quarantine_path, CONTRACT.contract)
