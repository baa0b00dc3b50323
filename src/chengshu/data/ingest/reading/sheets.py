"""Excel workbooks through calamine: what the cell says, as text.

Excel keeps 15 digits of a number. A longer integer has already lost its tail, so it is written in
scientific notation, which the contract's rule `id_as_number` explains to the person.
"""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from chengshu.data.ingest.reading.archives import check_workbook
from chengshu.data.ingest.reading.errors import BrokenFileError, EmptySheetError, FileTooLargeError
from chengshu.data.ingest.reading.limits import ReadLimits
from chengshu.data.ingest.reading.report import FileKind, SheetReport
from chengshu.data.ingest.reading.rows import HeaderPlan, ReadOptions, RowBatch, plan_headers

_EXACT = 10**15
_BATCH_ROWS = 20_000

Cell = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta


def cell_text(value: Cell) -> str:
    """The text of a cell: integers without `.0`, dates in ISO form, booleans as 是/否."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int | float):
        return _number_text(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(" ", "auto")
    if isinstance(value, dt.timedelta):
        return str(value)
    return value.isoformat()


def _number_text(value: float) -> str:
    if value == int(value):
        return str(int(value)) if abs(value) < _EXACT else f"{value:.14E}"
    return format(Decimal(f"{value:.15g}"), "f")


def open_workbook(path: Path, kind: FileKind, limits: ReadLimits) -> CalamineWorkbook:
    """Open after the archive check; damaged and protected workbooks become clear errors."""
    if kind is FileKind.XLSX:
        check_workbook(path, limits)
    try:
        return CalamineWorkbook.from_path(path)
    except PasswordError as error:
        raise BrokenFileError(f"工作簿“{path.name}”设置了密码。请取消密码后重新上传。") from error
    except (CalamineError, OSError, ValueError) as error:
        raise BrokenFileError(
            f"工作簿“{path.name}”不完整、已加密或已损坏。请用 Excel 打开并另存为 .xlsx 后重新上传。"
        ) from error


def list_sheets(workbook: CalamineWorkbook, path: Path) -> tuple[SheetReport, ...]:
    """Size and visibility of every worksheet."""
    found = []
    for meta in workbook.sheets_metadata:
        if meta.typ is SheetTypeEnum.WorkSheet:
            sheet = get_sheet(workbook, meta.name, path)
            rows, columns = used_size(sheet)
            found.append(
                SheetReport(
                    name=meta.name,
                    rows=rows,
                    columns=columns,
                    hidden=meta.visible is not SheetVisibleEnum.Visible,
                )
            )
    return tuple(found)


def used_size(sheet: CalamineSheet) -> tuple[int, int]:
    """Rows and columns from the first cell of the sheet to the last filled one."""
    return (sheet.end[0] + 1, sheet.end[1] + 1) if sheet.end is not None else (0, 0)


def get_sheet(workbook: CalamineWorkbook, name: str, path: Path) -> CalamineSheet:
    """A sheet by name."""
    try:
        return workbook.get_sheet_by_name(name)
    except CalamineError as error:
        known = "、".join(f"“{sheet}”" for sheet in workbook.sheet_names)
        raise BrokenFileError(
            f"工作簿“{path.name}”里读不到工作表“{name}”；现有工作表：{known}。"
        ) from error


def sheet_rows(sheet: CalamineSheet) -> Iterator[list[str]]:
    """Rows from the sheet's first row on, as text."""
    for row in sheet.iter_rows():
        yield [cell_text(cell) for cell in row]


def open_sheet(
    path: Path, kind: FileKind, options: ReadOptions, limits: ReadLimits
) -> Iterator[RowBatch]:
    """Batches of one worksheet; wholly empty rows are no rows."""
    workbook = open_workbook(path, kind, limits)
    name = options.sheet or _first_filled(list_sheets(workbook, path), path)
    sheet = get_sheet(workbook, name, path)
    total, width = used_size(sheet)
    if kind is FileKind.XLS and total * width > limits.workbook_cells:
        raise FileTooLargeError(f"工作表“{name}”太大，请另存为 CSV 后上传。")
    rows = sheet_rows(sheet)
    header = next(islice(rows, options.header_row - 1, None), None)
    if header is None or not any(cell.strip() for cell in header):
        raise EmptySheetError(
            f"工作表“{name}”第 {options.header_row} 行没有表头。请检查工作表和表头所在的行。",
            row=options.header_row,
        )
    plan = plan_headers(tuple(cell.strip() for cell in header), options)
    numbered = enumerate(rows, options.header_row + 1)
    while chunk := list(islice(numbered, _BATCH_ROWS)):
        yield RowBatch(_batch(plan, chunk), (), min(1.0, chunk[-1][0] / max(total, 1)))


def _batch(plan: HeaderPlan, chunk: list[tuple[int, list[str]]]) -> pa.RecordBatch:
    filled = [(number, row) for number, row in chunk if any(row)]
    columns = [pa.array([row[i] for _, row in filled], pa.string()) for i in plan.positions]
    return plan.batch([number for number, _ in filled], columns)


def _first_filled(sheets: tuple[SheetReport, ...], path: Path) -> str:
    for sheet in sheets:
        if not sheet.empty and not sheet.hidden:
            return sheet.name
    raise EmptySheetError(f"工作簿“{path.name}”的工作表都是空的。请确认数据所在的工作表。")
