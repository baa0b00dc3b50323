"""Reads a filled-in file into typed records; every wrong cell becomes one line with sheet, row and column."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from chengshu.data.catalog.excel.layout import (
    EXAMPLE_PREFIX,
    NO,
    SHEETS,
    YES,
    Sheet,
    SheetColumn,
)
from chengshu.kernel.errors import InvalidInput

MAX_BYTES = 20 * 1024 * 1024
MAX_UNPACKED = 300 * 1024 * 1024
MAX_ROWS = 100_000
_SHOWN = 40
_FLAGS = {YES: True, NO: False, "Y": True, "N": False, "1": True, "0": False}
Value = Any


@dataclass(frozen=True, slots=True)
class CellError:
    """What is wrong where; ``row`` counts as Excel does, ``column`` is the header."""

    sheet: str
    row: int
    column: str
    value: str
    reason: str


@dataclass(slots=True)
class Record:
    """One row: values by field; a field that is missing or empty is absent."""

    row: int
    values: dict[str, Value]


@dataclass(slots=True)
class Contents:
    """What a file holds, and what could not be read."""

    records: dict[str, list[Record]] = field(default_factory=dict)
    fields: dict[str, frozenset[str]] = field(default_factory=dict)
    """Which columns a sheet has; what an older template does not know must be left as it is."""
    errors: list[CellError] = field(default_factory=list)
    examples_skipped: int = 0

    def refuse(
        self, sheet: Sheet, row: int, name: str, reason: str, value: object = ""
    ) -> None:  # fmt: skip
        """Note an error at a cell; ``name`` is the column's field."""
        title = next((c.title for c in sheet.columns if c.field == name), name)
        self.errors.append(CellError(sheet.title, row, title, str(value)[:_SHOWN], reason))


def read(content: bytes, sheets: Sequence[Sheet] = SHEETS) -> Contents:
    """Read a workbook that has some of ``sheets``.

    Raises:
        InvalidInput: not an .xlsx file, too large, or none of the expected sheets; nothing was kept.
    """
    book = _open(content)
    found = Contents()
    present = set(book.sheet_names)
    if not present & {sheet.title for sheet in sheets}:
        raise _refused(
            f"文件里没有“{'”“'.join(s.title for s in sheets)}”这几张工作表。",
            "请下载模板，在模板里填写后上传。",
        )
    for sheet in sheets:
        found.records[sheet.title] = []
        if sheet.title in present:
            _read_sheet(
                book.get_sheet_by_name(sheet.title).to_python(skip_empty_area=False), sheet, found
            )
    return found


def _open(content: bytes) -> Any:
    if len(content) > MAX_BYTES:
        raise _refused(
            f"文件超过 {MAX_BYTES // 1024**2} MB。", "目录文件一般不到 1 MB，请检查是否选错了文件。"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile as error:
        raise _refused(
            "这不是 Excel（.xlsx）文件。", "旧的 .xls 或 CSV 请在 Excel 中另存为 .xlsx 再上传。"
        ) from error
    if "xl/workbook.xml" not in {m.filename for m in members}:
        raise _refused("这个压缩文件不是 Excel 工作簿。", "请上传用模板填写的 .xlsx 文件。")
    if sum(m.file_size for m in members) > MAX_UNPACKED:
        raise _refused("文件解压后过大，可能是损坏或恶意构造的文件。", "请用模板重新填写后上传。")
    try:
        return CalamineWorkbook.from_filelike(io.BytesIO(content))
    except (CalamineError, ValueError, OSError) as error:
        raise _refused(
            "无法打开这个 Excel 文件，可能已损坏或设了密码。", "请取消密码、重新另存后上传。"
        ) from error


def _refused(message: str, advice: str) -> InvalidInput:
    return InvalidInput(message, kept="没有导入任何内容。", advice=advice, fields={"file": message})


def _read_sheet(lines: list[list[Any]], sheet: Sheet, found: Contents) -> None:
    if not lines:
        return
    if len(lines) > MAX_ROWS:
        found.refuse(sheet, MAX_ROWS, sheet.title, f"一张表最多 {MAX_ROWS} 行，请分成几个文件")
        return
    columns = _columns(lines[0], sheet, found)
    if columns is None:
        return
    found.fields[sheet.title] = frozenset(column.field for _, column in columns)
    for number, line in enumerate(lines[1:], 2):
        if all(_plain(cell) == "" for cell in line):
            continue
        if _plain(line[0]).startswith(EXAMPLE_PREFIX):
            found.examples_skipped += 1
            continue
        values = dict(_values(line, columns, sheet, number, found))
        found.records[sheet.title].append(Record(number, values))


def _columns(
    header: list[Any], sheet: Sheet, found: Contents
) -> list[tuple[int, SheetColumn]] | None:
    known = {title: c for c in sheet.columns for title in (c.title, *c.aliases)}
    placed: dict[str, int] = {}
    for index, cell in enumerate(header):
        title = _plain(cell).rstrip("*＊").strip()
        if not title:
            continue
        if title not in known:
            found.refuse(sheet, 1, title, "不认识的列名；请用模板里的列名", title)
        elif title in placed:
            found.refuse(
                sheet, 1, title, f"这一列出现了两次（第 {placed[title] + 1} 列和第 {index + 1} 列）"
            )
        else:
            placed[title] = index
    present = {known[title].field for title in placed}
    absent = [c.title for c in sheet.columns if c.required and c.field not in present]
    for title in absent:
        found.refuse(sheet, 1, title, "缺少这个必填列；请用模板里的表头")
    return None if absent else [(index, known[title]) for title, index in placed.items()]


def _values(
    line: list[Any],
    columns: list[tuple[int, SheetColumn]],
    sheet: Sheet,
    number: int,
    found: Contents,
) -> Iterator[tuple[str, Value]]:
    for index, column in columns:
        raw = line[index] if index < len(line) else ""
        text = _plain(raw)
        if text == "":
            if column.required:
                found.refuse(sheet, number, column.field, "必填，但没有值")
            continue
        try:
            yield column.field, _value(column, raw, text)
        except ValueError as error:
            found.refuse(sheet, number, column.field, str(error), text)


def _plain(cell: Any) -> str:
    """A cell as text: whole numbers without ``.0``, dates in ISO form, blanks trimmed."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return YES if cell else NO
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == cell.min.time() else cell.isoformat(" ")
    return cell.isoformat() if isinstance(cell, date) else str(cell).strip()


def _value(column: SheetColumn, raw: Any, text: str) -> Value:
    """The typed value of a filled cell; ValueError carries the Chinese reason."""
    match column.kind:
        case "number":
            if not text.isascii() or not text.isdigit() or len(text) > 5:  # noqa: PLR2004 - no length has more
                raise ValueError("要填整数")
            return int(text)
        case "flag":
            if text.upper() not in _FLAGS:
                raise ValueError("要填“是”或“否”")
            return _FLAGS[text.upper()]
        case "choice":
            return _chosen(column, text)
        case "choices" | "words":
            parts = dict.fromkeys(_parted(text))
            return tuple(_chosen(column, p) if column.options else p for p in parts)
        case "reference":
            return text.split(maxsplit=1)[0]
        case "date":
            try:
                return raw.date() if isinstance(raw, datetime) else date.fromisoformat(text)
            except ValueError as error:
                raise ValueError("要填日期，如 2024-03-01") from error
        case _:
            return text


def _parted(text: str) -> list[str]:
    parts = (p.strip() for p in text.replace("，", "、").replace(",", "、").split("、"))
    return [part for part in parts if part]


def _chosen(column: SheetColumn, text: str) -> str:
    for value, word in column.options:
        if text in {value, word}:
            return value
    raise ValueError(f"不在可选值里；可选：{'、'.join(word for _, word in column.options)}")
