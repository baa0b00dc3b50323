"""Every way a department's file can be wrong, and what the person is told."""

import datetime as dt
import struct
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from chengshu.data.ingest.reading import (
    BrokenFileError,
    DuplicateHeaderError,
    EmptySheetError,
    EncodingMismatchError,
    FileKind,
    FileTooLargeError,
    MissingColumnsError,
    ReadingError,
    ReadLimits,
    ReadOptions,
    RowReject,
    SuspiciousArchiveError,
    WrongFileTypeError,
    open_rows,
    sniff,
)

MAPPING = {"编号": "id", "姓名": "name"}
TEXT = "编号,姓名,备注\n1,张三,甲\n2,李四,乙\n"
Rows = list[tuple[int, str, str]]


def put(
    folder: Path, content: str | bytes, name: str = "人口.csv", encoding: str = "utf-8"
) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def load(
    path: Path, limits: ReadLimits | None = None, **options: object
) -> tuple[Rows, list[RowReject]]:
    rows: Rows = []
    rejects: list[RowReject] = []
    chosen = ReadOptions(**({"mapping": MAPPING} | options))
    for batch in open_rows(path, chosen, limits or ReadLimits()):
        rows += [(r["__row"], r["id"], r["name"]) for r in batch.rows.to_pylist()]
        rejects += batch.rejects
    return rows, rejects


def book(path: Path, rows: list[list[object]], sheet: str = "人口") -> Path:
    with xlsxwriter.Workbook(str(path)) as workbook:
        workbook.add_worksheet("空表")
        worksheet = workbook.add_worksheet(sheet)
        day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                if isinstance(value, dt.date):
                    worksheet.write_datetime(i, j, value, day)
                else:
                    worksheet.write(i, j, value)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
def test_encodings_are_detected_and_shown_with_evidence(tmp_path: Path, encoding: str) -> None:
    path = put(tmp_path, TEXT, encoding=encoding)
    report = sniff(path)
    assert report.encoding == encoding
    assert not report.needs_confirmation
    assert report.encodings[0].confidence > 0.9
    assert "张三" in report.encodings[0].sample
    assert report.headers == ("编号", "姓名", "备注")
    assert report.preview == (("1", "张三", "甲"), ("2", "李四", "乙"))
    assert load(path) == ([(2, "1", "张三"), (3, "2", "李四")], [])


def test_the_classic_ambiguous_text_is_not_taken_for_utf8(tmp_path: Path) -> None:
    report = sniff(put(tmp_path, "编号,姓名\n1,联通\n", encoding="gb18030"))
    assert report.encoding == "gb18030"
    only = sniff(put(tmp_path, "联通,a\n1,2\n", encoding="gb18030"))
    assert [guess.encoding for guess in only.encodings] == ["gb18030", "utf-8"]


def test_a_wrong_choice_of_encoding_loads_nothing_and_names_row_and_remedy(tmp_path: Path) -> None:
    path = put(tmp_path, "id,name\n1,x\n" + "2,龙港市张三\n" * 50, encoding="gb18030")
    with pytest.raises(
        EncodingMismatchError, match=r"第 3 行.*更像 GB18030.*没有载入任何数据"
    ) as caught:
        load(path, mapping={"id": "id", "name": "name"}, encoding="utf-8")
    assert caught.value.row == 3


def test_a_doubtful_encoding_must_be_chosen_by_a_person(tmp_path: Path) -> None:
    path = put(tmp_path, "编号,姓名\n".encode() + b"1,\xff\xfe\xfa\xfb\n" * 20)
    assert sniff(path).needs_confirmation
    with pytest.raises(EncodingMismatchError, match="请看预览后选定编码"):
        load(path)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_single_bad_bytes_reject_their_row_only(tmp_path: Path, encoding: str) -> None:
    good = "".join(f"{i},王五\n" for i in range(3, 90))
    data = ("编号,姓名\n1,张三\n2,".encode(encoding)) + b"\xff\n" + good.encode(encoding)
    rows, rejects = load(put(tmp_path, data), encoding=encoding)
    assert len(rows) == 88
    assert rows[1] == (4, "3", "王五")
    [reject] = rejects
    assert (reject.row, reject.rule, reject.column) == (3, "encoding", "name")
    assert reject.message.startswith("第 3 行“姓名”含有无法识别的字符")


def test_ragged_rows_are_rejected_with_their_text_and_the_rest_keeps_its_numbers(
    tmp_path: Path,
) -> None:
    text = (
        '人口表\n编号,姓名,备注\n1,张三,甲\n2,李四\n\n"3\n3",王五,丙\n,,\n4,赵六,丁,多\n5,孙七,戊'
    )
    path = put(tmp_path, text)
    report = sniff(path)
    assert report.header_row == 2
    rows, rejects = load(path, header_row=2)
    assert rows == [(3, "1", "张三"), (6, "3\n3", "王五"), (9, "5", "孙七")]
    assert [(r.row, r.rule, r.text) for r in rejects] == [
        (4, "ragged", "2,李四"),
        (8, "ragged", "4,赵六,丁,多"),
    ]
    assert rejects[0].message.startswith("第 4 行应有 3 列，实际有 2 列：“2,李四”")


def test_row_numbers_stay_right_across_blocks(tmp_path: Path) -> None:
    lines = [f"{i},名{i}" if i % 7 else f"{i}" for i in range(2, 900)]
    path = put(tmp_path, "编号,姓名\n" + "\n".join(lines) + "\n")
    rows, rejects = load(path, ReadLimits(block_bytes=300))
    assert all(str(number) == text for number, text, _ in rows)
    assert [r.row for r in rejects] == [i for i in range(2, 900) if i % 7 == 0]
    assert len(rows) + len(rejects) == len(lines)


@pytest.mark.parametrize(
    ("text", "row"),
    [('编号,姓名\n1,"张三\n2,x\n', 2), ('编号,姓名\n1,2\n"张三,5\n2,x\n', 3)],
)
def test_an_unclosed_quote_does_not_swallow_the_rest_unseen(
    tmp_path: Path, text: str, row: int
) -> None:
    with pytest.raises(BrokenFileError, match=f"第 {row} 行的引号没有闭合") as caught:
        load(put(tmp_path, text))
    assert caught.value.row == row


def test_an_endless_record_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, '编号,姓名\n1,"张三\n' + "2,x\n" * 500)
    with pytest.raises(BrokenFileError, match="引号没有闭合"):
        load(path, ReadLimits(block_bytes=400))


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiters_are_found(tmp_path: Path, delimiter: str) -> None:
    path = put(tmp_path, TEXT.replace(",", delimiter))
    report = sniff(path)
    assert report.delimiter == delimiter
    assert load(path, delimiter=report.delimiter)[0][0] == (2, "1", "张三")


def test_duplicate_headers_are_named_by_position(tmp_path: Path) -> None:
    path = put(tmp_path, "编号,姓名,编号\n1,张三,2\n")
    assert sniff(path).duplicate_headers == ("编号",)
    with pytest.raises(DuplicateHeaderError, match="“编号”在第 1、3 列"):
        load(path)


def test_missing_columns_are_listed_with_what_was_found(tmp_path: Path) -> None:
    with pytest.raises(MissingColumnsError, match="缺少 “姓名”；文件中的表头是：编号、名字"):
        load(put(tmp_path, "编号,名字\n1,张三\n"))
    with pytest.raises(MissingColumnsError, match="“name”"):
        load(put(tmp_path, TEXT), mapping={"编号": "id"}, required=frozenset({"name"}))


def test_empty_files_and_headers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EmptySheetError, match="0 字节"):
        sniff(put(tmp_path, ""))
    with pytest.raises(EmptySheetError, match="第 5 行没有表头"):
        load(put(tmp_path, TEXT), header_row=5)
    assert load(put(tmp_path, "编号,姓名\n"), encoding="utf-8") == ([], [])


def test_a_huge_file_is_refused_by_size_without_reading_it(tmp_path: Path) -> None:
    path = put(tmp_path, "编号,姓名\n" + "1,张三\n" * 1000)
    with path.open("r+b") as file:
        file.truncate(3 * 1024**3)
    with pytest.raises(FileTooLargeError, match=r"3,072.0 MB，超过上限 2,048.0 MB"):
        sniff(path, limits=ReadLimits(text_bytes=2 * 1024**3))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"%PDF-1.7 ...", "其实是PDF"),
        ("a.xlsx", TEXT.encode(), "扩展名是 .xlsx，内容却是文本"),
        ("a.csv", b"\x89PNG\r\n\x1a\n", "其实是PNG"),
        ("a.xls", b"<html><table><tr><td>1", "其实是网页"),
        ("a.csv", bytes(range(256)) * 20, "二进制文件"),
        (
            "a.csv",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
            "扩展名是 .csv，内容却是旧版 Excel",
        ),
        ("a.csv", b"PAR1", "内容却是Parquet"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    with pytest.raises(WrongFileTypeError, match=says):
        sniff(put(tmp_path, content, name))


def test_a_plain_zip_and_a_word_document_are_no_tables(tmp_path: Path) -> None:
    for entry, says in (("a.txt", "压缩包"), ("word/document.xml", "Word 文档")):
        path = tmp_path / "a.xlsx"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(entry, "x")
        with pytest.raises(WrongFileTypeError, match=says):
            sniff(path)


def test_a_renamed_workbook_is_refused(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [["编号", "姓名"], [1, "张三"]]).rename(tmp_path / "a.csv")
    with pytest.raises(WrongFileTypeError, match="新版 Excel"):
        sniff(path)


def test_a_workbook_tells_what_its_cells_say(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["编号", "姓名"],
        ["330383199001011234", dt.date(2026, 11, 23)],
        [330383199001011234, 17],
        [33038301, 0.1 + 0.2],
        ["", ""],
        [True, 1e-7],
    ]
    path = book(tmp_path / "a.xlsx", rows)
    report = sniff(path)
    assert (report.kind, report.sheet, report.estimated_rows) == (FileKind.XLSX, "人口", 5)
    assert [(s.name, s.empty) for s in report.sheets] == [("空表", True), ("人口", False)]
    assert "工作表“空表”是空的。" in report.warnings
    assert load(path) == (
        [
            (2, "330383199001011234", "2026-11-23"),
            (3, "3.30383199001011E+17", "17"),
            (4, "33038301", "0.3"),
            (6, "是", "0.0000001"),
        ],
        [],
    )


def test_empty_sheets_are_refused(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [])
    with pytest.raises(EmptySheetError, match="都是空的"):
        load(path)
    with pytest.raises(EmptySheetError, match="“空表”第 1 行没有表头"):
        load(path, sheet="空表")
    with pytest.raises(BrokenFileError, match="读不到工作表“没有”"):
        load(path, sheet="没有")


def add_to_workbook(path: Path, entry: str, content: bytes) -> None:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry, content)


def test_zip_bombs_are_refused_before_the_workbook_is_opened(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [["编号", "姓名"]])
    add_to_workbook(path, "xl/media/bomb.bin", bytes(20 * 1024**2))
    with pytest.raises(SuspiciousArchiveError, match=r"压缩了 \d+ 倍"):
        sniff(path)
    with pytest.raises(SuspiciousArchiveError, match="解压后超过 10 MB"):
        sniff(path, limits=ReadLimits(archive_unpacked_bytes=10 * 1024**2))
    with pytest.raises(SuspiciousArchiveError, match="个部件"):
        sniff(path, limits=ReadLimits(archive_entries=3))


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [["编号", "姓名"]])
    add_to_workbook(path, "xl/media/bomb.bin", bytes(1_234_567))
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 1_234_567), struct.pack("<I", 10)))
    with pytest.raises(SuspiciousArchiveError):
        sniff(path)


def test_a_sheet_that_claims_billions_of_cells_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write("A1", "编号")
        sheet.write("XFD1048576", "x")
    with pytest.raises(FileTooLargeError, match="1,048,576 行 × 16,384 列"):
        sniff(path)


def test_a_cut_off_workbook_is_damaged_not_empty(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [["编号", "姓名"]])
    put(tmp_path, path.read_bytes()[:-200], "b.xlsx")
    with pytest.raises(BrokenFileError, match="不完整或已损坏"):
        sniff(tmp_path / "b.xlsx")


def test_errors_of_whole_files_promise_that_nothing_was_loaded(tmp_path: Path) -> None:
    with pytest.raises(ReadingError, match=r"没有载入任何数据。$"):
        sniff(put(tmp_path, b"%PDF", "a.csv"))
