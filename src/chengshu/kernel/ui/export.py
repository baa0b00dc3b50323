"""Lists as files: CSV for programs, XLSX for people, neither able to run anything when opened."""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

import xlsxwriter
from django.http import FileResponse, StreamingHttpResponse

from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui import formatting

XLSX_MAX_ROWS = 1_048_000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_BOM = "\ufeff"


def neutral(value: Any) -> str:
    """Write a value as text that a spreadsheet shows but never runs (``=cmd|…`` gets a ``'``)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return formatting.date_time(value)
    if isinstance(value, date):
        return formatting.iso_date(value)
    text = str(value)
    if isinstance(value, str) and text.startswith(_FORMULA_STARTS):
        return f"'{text}"
    return text


def csv_response(
    name: str, titles: Sequence[str], rows: Iterable[Sequence[Any]], watermark: str
) -> StreamingHttpResponse:
    """Stream rows as CSV in UTF-8 with BOM (what Excel expects); memory stays flat."""

    def lines() -> Iterator[str]:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        yield _BOM
        writer.writerow(titles)
        for row in rows:
            writer.writerow([neutral(value) for value in row])
            yield _take(buffer)
        if watermark:
            writer.writerow([watermark])
        yield _take(buffer)

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = _attachment(f"{name}.csv")
    return response


def xlsx_response(
    name: str, titles: Sequence[str], rows: Iterable[Sequence[Any]], watermark: str
) -> FileResponse:
    """Write rows as XLSX on disk row by row; identifiers stay text.

    Raises:
        InvalidInput: more rows than a worksheet holds.
    """
    # Handed over to the response, which closes and so deletes it.
    target = tempfile.TemporaryFile()  # noqa: SIM115
    book = xlsxwriter.Workbook(target, {"constant_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet("数据")
    head = book.add_format({"bold": True, "bg_color": "#E8EFFC", "bottom": 1})
    sheet.freeze_panes(1, 0)
    for column, title in enumerate(titles):
        sheet.set_column(column, column, max(12, len(title) * 2 + 4))
        sheet.write_string(0, column, title, head)
    last = 0
    for last, row in enumerate(rows, 1):
        if last > XLSX_MAX_ROWS:
            book.close()
            target.close()
            raise InvalidInput(
                "行数超过一张工作表能放下的上限。", advice="请加条件缩小范围，或改用 CSV 导出。"
            )
        for column, value in enumerate(row):
            _write(sheet, last, column, value)
    if watermark:
        sheet.write_string(last + 1, 0, watermark)
        sheet.set_footer(f"&L{watermark.replace('&', '&&')}&R&P / &N")
    book.close()
    target.seek(0)
    return FileResponse(target, as_attachment=True, filename=f"{name}.xlsx")


def _write(sheet: Any, row: int, column: int, value: Any) -> None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        sheet.write_number(row, column, value)
    else:
        sheet.write_string(row, column, neutral(value))


def _take(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _attachment(name: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name)}"
