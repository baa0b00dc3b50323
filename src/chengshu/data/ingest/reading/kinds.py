"""Real type of a file by its content, and refusal of a name that says something else."""

import re
import zipfile
from pathlib import Path

from chengshu.data.ingest.reading.errors import (
    BrokenFileError,
    EmptySheetError,
    FileTooLargeError,
    WrongFileTypeError,
)
from chengshu.data.ingest.reading.limits import ReadLimits
from chengshu.data.ingest.reading.report import FileKind

_HEAD = 4096
# An array of objects, or an object with a quoted key: a table of text begins otherwise.
_JSON = re.compile(rb"\[\s*(\{|\]\s*$)|\{\s*(\"[^\"]*\"\s*:|\}\s*$)")
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "PDF 文件"),
    (b"\x89PNG", "PNG 图片"),
    (b"\xff\xd8\xff", "JPEG 图片"),
    (b"GIF8", "GIF 图片"),
    (b"Rar!", "RAR 压缩包"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip 压缩包"),
    (b"\x1f\x8b", "GZIP 压缩包"),
    (b"SQLite format 3", "SQLite 数据库"),
    (b"MZ", "Windows 程序"),
    (b"\x7fELF", "Linux 程序"),
    (b"{\\rtf", "RTF 文档"),
)
_EXPECTED: dict[str, FileKind] = {
    ".csv": FileKind.TEXT,
    ".txt": FileKind.TEXT,
    ".tsv": FileKind.TEXT,
    ".xlsx": FileKind.XLSX,
    ".xlsm": FileKind.XLSX,
    ".xls": FileKind.XLS,
    ".parquet": FileKind.PARQUET,
    ".json": FileKind.JSON,
    ".jsonl": FileKind.JSON,
    ".ndjson": FileKind.JSON,
}
_NAMES = {
    FileKind.TEXT: "文本（CSV）",
    FileKind.XLSX: "新版 Excel（.xlsx）",
    FileKind.XLS: "旧版 Excel（.xls）",
    FileKind.PARQUET: "Parquet",
    FileKind.JSON: "JSON",
}
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_ADVICE = "请用 CSV、TXT、XLSX、XLS、Parquet 或 JSON 文件重新上传。"


def detect_kind(path: Path, limits: ReadLimits) -> FileKind:
    """Type by content; raises when it is no table, too large, empty, or misnamed."""
    size = path.stat().st_size
    if size == 0:
        raise EmptySheetError(f"文件“{path.name}”是空的（0 字节）。请重新导出后上传。")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    kind = _kind_of(path, head)
    _refuse_misnamed(path, kind)
    limit = {
        FileKind.TEXT: limits.text_bytes,
        FileKind.XLSX: limits.workbook_bytes,
        FileKind.XLS: limits.old_workbook_bytes,
        FileKind.PARQUET: limits.text_bytes,
        FileKind.JSON: limits.text_bytes,
    }[kind]
    if size > limit:
        workbook = kind in (FileKind.XLSX, FileKind.XLS)
        advice = "请另存为 CSV 后上传。" if workbook else "请拆成几个文件。"
        raise FileTooLargeError(
            f"文件“{path.name}”有 {_megabytes(size)}，超过上限 {_megabytes(limit)}。{advice}"
        )
    return kind


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:,.1f} MB"


def _kind_of(path: Path, head: bytes) -> FileKind:
    if head.startswith(_ZIP):
        return _kind_of_archive(path)
    if head.startswith(_OLE):
        return FileKind.XLS
    if head.startswith(b"PAR1"):
        return FileKind.PARQUET
    for mark, name in _OTHERS:
        if head.startswith(mark):
            raise WrongFileTypeError(f"文件“{path.name}”其实是{name}，不是数据表。{_ADVICE}")
    opening = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if opening.startswith((b"<html", b"<!doctype", b"<table", b"<?xml")):
        raise WrongFileTypeError(
            f"文件“{path.name}”其实是网页或 XML，有的系统会把它导出成“Excel”。"
            "请用 Excel 打开后另存为 .xlsx 再上传。"
        )
    if _JSON.match(opening):
        return FileKind.JSON
    if b"\x00" in head and not _looks_utf16(head):
        raise WrongFileTypeError(f"文件“{path.name}”是二进制文件，不是文本。{_ADVICE}")
    return FileKind.TEXT


def _looks_utf16(head: bytes) -> bool:
    if head.startswith(_UTF16_MARKS):
        return True
    even, odd = head[0::2].count(0), head[1::2].count(0)
    # Separators and digits are ASCII: one of the two bytes of many units is zero, and of one side only.
    return max(even, odd) > len(head) // 20 and min(even, odd) == 0


def _kind_of_archive(path: Path) -> FileKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
        raise BrokenFileError(
            f"文件“{path.name}”不完整或已损坏，无法打开。请重新导出后上传。"
        ) from error
    if "xl/workbook.xml" in names or "xl/workbook.bin" in names:
        return FileKind.XLSX
    if "word/document.xml" in names:
        what = "Word 文档"
    elif "ppt/presentation.xml" in names:
        what = "PowerPoint 文档"
    elif "content.xml" in names and "mimetype" in names:
        what = "OpenDocument（WPS/LibreOffice）文件"
    else:
        what = "压缩包"
    raise WrongFileTypeError(f"文件“{path.name}”其实是{what}，不是数据表。{_ADVICE}")


def _refuse_misnamed(path: Path, kind: FileKind) -> None:
    expected = _EXPECTED.get(path.suffix.lower())
    if expected is not None and expected is not kind:
        raise WrongFileTypeError(
            f"文件“{path.name}”的扩展名是 {path.suffix}，内容却是{_NAMES[kind]}。"
            "请确认没有选错文件，改正扩展名或重新导出后上传。"
        )
