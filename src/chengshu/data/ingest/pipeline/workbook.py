"""Quarantine as an Excel sheet people correct, and the corrected sheet back as corrections."""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import xlsxwriter
from xlsxwriter.format import Format

from chengshu.data.contract.facade import TableContract
from chengshu.data.ingest.pipeline.errors import StageError
from chengshu.data.ingest.pipeline.quarantine import read_quarantine
from chengshu.data.ingest.pipeline.rejects import QuarantinedRow
from chengshu.data.ingest.reading.kinds import detect_kind
from chengshu.data.ingest.reading.limits import DEFAULT_LIMITS, ReadLimits
from chengshu.data.ingest.reading.sheets import get_sheet, open_workbook, sheet_rows

ROW_HEADER = "行号"
PROBLEM_HEADER = "问题"
LINE_HEADER = "原始整行"
_SHEET = "待修正"
# More than this nobody corrects by hand, and a spreadsheet program opens no file of it in reasonable time.
EXPORT_ROWS = 100_000
_CELL_CHARACTERS = 32_000
_TICK = 1_000
_TRIGGERS = ("=", "+", "-", "@", "\t", "\r")
_QUOTE = "'"
_Formats: TypeAlias = tuple[Format, Format, Format]
_PLAIN_NUMBER = re.compile(r"[+-]?\d[\d,]*(\.\d+)?")


def neutralise(value: str) -> str:
    """A text that a spreadsheet will not take for a formula; `restore` is the way back.

    A leading = + - @, tab or return gets an apostrophe in front (plain numbers do not need it).
    """
    if value.startswith(_QUOTE) or (
        value.startswith(_TRIGGERS) and not _PLAIN_NUMBER.fullmatch(value)
    ):
        return _QUOTE + value
    return value


def restore(value: str) -> str:
    """Undo `neutralise`."""
    guarded = value.startswith(_QUOTE) and value[1:].startswith((*_TRIGGERS, _QUOTE))
    return value[1:] if guarded else value


def export_quarantine(path: Path, contract: TableContract, target: Path) -> int:
    """Write the first :data:`EXPORT_ROWS` rejected rows as an XLSX of text cells, wrong ones coloured.

    Columns: 行号, 问题, one per data item under its title, 原始整行. Memory stays constant. Returns the row count.
    """
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    total = 0
    with xlsxwriter.Workbook(str(target), options) as book:
        formats = (
            book.add_format({"num_format": "@"}),
            book.add_format({"num_format": "@", "bg_color": "#FCE9E7", "font_color": "#B3261E"}),
            book.add_format({"bold": True, "num_format": "@", "bg_color": "#E8EFFC"}),
        )
        sheet = _start_sheet(book, contract, formats)
        for total, row in enumerate(islice(read_quarantine(path), EXPORT_ROWS), 1):
            _write_row(sheet, total, row, contract, formats)
    return total


def _headers(contract: TableContract) -> list[str]:
    titles = [column.title for column in contract.columns]
    unique = [
        column.title if titles.count(column.title) == 1 else f"{column.title}（{column.name}）"
        for column in contract.columns
    ]
    return [ROW_HEADER, PROBLEM_HEADER, *unique, LINE_HEADER]


def _start_sheet(
    book: xlsxwriter.Workbook, contract: TableContract, formats: _Formats
) -> "xlsxwriter.worksheet.Worksheet":
    text, _, bold = formats
    sheet = book.add_worksheet(_SHEET)
    headers = _headers(contract)
    sheet.freeze_panes(1, 2)
    sheet.set_column(0, len(headers) - 1, 18, text)
    sheet.set_column(1, 1, 60, text)
    for index, header in enumerate(headers):
        sheet.write_string(0, index, header, bold)
    return sheet


def _write_row(
    sheet: "xlsxwriter.worksheet.Worksheet",
    line: int,
    row: QuarantinedRow,
    contract: TableContract,
    formats: _Formats,
) -> None:
    text, wrong, _ = formats
    bad = {problem.column for problem in row.problems}
    messages = "\n".join(problem.message for problem in row.problems)
    sheet.write_string(line, 0, str(row.row), text)
    sheet.write_string(line, 1, _shown(messages), text)
    for index, column in enumerate(contract.columns, 2):
        cell = _shown(row.cells.get(column.name) or "")
        sheet.write_string(line, index, cell, wrong if column.name in bad else text)
    if row.line is not None:
        sheet.write_string(line, len(contract.columns) + 2, _shown(row.line), text)


def _shown(value: str) -> str:
    return neutralise(value)[:_CELL_CHARACTERS]


def read_corrections(
    workbook: Path,
    quarantine: Path,
    contract: TableContract,
    limits: ReadLimits = DEFAULT_LIMITS,
    tick: Callable[[int], None] | None = None,
) -> dict[int, dict[str, str | None]]:
    """What a person changed in an exported sheet: row number → column name → new text.

    Rows without a change are left out; an emptied cell becomes None. `tick` hears now and then how many
    quarantined rows have been compared. Raises StageError when the sheet is not one of ours or names rows that
    are not in quarantine, ReadingError when it is damaged.
    """
    edited = dict(_edited_rows(workbook, contract, limits))
    corrections: dict[int, dict[str, str | None]] = {}
    for compared, row in enumerate(read_quarantine(quarantine), 1):
        if tick is not None and compared % _TICK == 0:
            tick(compared)
        if not edited:
            break
        cells = edited.pop(row.row, None)
        if cells is None:
            continue
        changed = {
            name: restore(value) or None
            for name, value in cells.items()
            if value != _shown(row.cells.get(name) or "")
        }
        if changed:
            corrections[row.row] = changed
    if edited:
        listed = "、".join(str(number) for number in sorted(edited)[:10])
        raise StageError(
            f"第 {listed} 行不在待修正的数据里，没有采用任何修正。请不要改动“{ROW_HEADER}”列。"
        )
    return corrections


def _edited_rows(
    workbook: Path, contract: TableContract, limits: ReadLimits
) -> Iterator[tuple[int, dict[str, str]]]:
    book = open_workbook(workbook, detect_kind(workbook, limits), limits)
    expected = dict(
        zip(_headers(contract)[2:-1], (column.name for column in contract.columns), strict=True)
    )
    for name in book.sheet_names:
        rows = sheet_rows(get_sheet(book, name, workbook))
        headers = next(rows, [])
        if ROW_HEADER not in headers or not set(expected) <= set(headers):
            raise StageError(
                f"工作表“{name}”不是导出的待修正表：表头应含“{ROW_HEADER}”和全部数据项。没有采用任何修正。"
            )
        places = [(headers.index(title), column) for title, column in expected.items()]
        at = headers.index(ROW_HEADER)
        for line, row in enumerate(rows, 2):
            if not any(row):
                continue
            if not row[at].strip().isdecimal():
                raise StageError(
                    f"工作表“{name}”第 {line} 行的“{ROW_HEADER}”是“{row[at]}”，不是数字。没有采用任何修正。"
                )
            yield int(row[at]), {column: row[index] for index, column in places}
