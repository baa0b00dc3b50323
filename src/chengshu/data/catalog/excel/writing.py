"""Writes the template and the export: the same sheets, with drop-downs, header notes and a page of explanations."""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import xlsxwriter

from chengshu.data.catalog.excel.layout import (
    EXAMPLE_PREFIX,
    NO,
    NOTES_SHEET,
    OPTIONS_SHEET,
    SHEETS,
    YES,
    Sheet,
    SheetColumn,
)

# Rows below the header that carry drop-downs.
_VALIDATED_ROWS = 5_000
Rows = Iterable[Mapping[str, Any]]
Options = Mapping[str, Sequence[tuple[str, str]]]


def workbook(
    rows: Mapping[str, Rows],
    options: Options,
    *,
    examples: bool,
    sheets: Sequence[Sheet] = SHEETS,
) -> bytes:
    """The file's bytes.

    Args:
        rows: records by sheet title, as mappings of column fields to stored values.
        options: pairs of code and name for every ``source`` of the layout, for the drop-downs.
        examples: whether the example rows are written (the import skips them).
        sheets: which sheets the file has.
    """
    target = io.BytesIO()
    book = xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    styles = {
        "head": book.add_format(
            {"bold": True, "bg_color": "#E8EFFC", "bottom": 1, "text_wrap": True, "valign": "top"}
        ),
        "must": book.add_format(
            {"bold": True, "bg_color": "#1556D6", "font_color": "#FFFFFF", "bottom": 1}
        ),
        "example": book.add_format({"italic": True, "font_color": "#7A869A", "num_format": "@"}),
        # Text format, so that Excel keeps codes with leading zeros and 18 digits as they are.
        "text": book.add_format({"num_format": "@"}),
    }
    _write_notes(book, styles, sheets)
    added = [(book.add_worksheet(sheet.title), sheet) for sheet in sheets]
    ranges = _write_options(book, options)
    for worksheet, sheet in added:
        _write_sheet(worksheet, sheet, styles, ranges)
        line = 1
        if examples:
            for example in sheet.examples:
                for column, value in enumerate(example):
                    worksheet.write_string(line, column, value, styles["example"])
                line += 1
        for record in rows.get(sheet.title, ()):
            for index, column_spec in enumerate(sheet.columns):
                text = _text(column_spec, record.get(column_spec.field))
                if text:
                    worksheet.write_string(line, index, text, styles["text"])
            line += 1
    book.close()
    return target.getvalue()


def _write_sheet(
    worksheet: Any, sheet: Sheet, styles: Mapping[str, Any], ranges: Mapping[str, str]
) -> None:
    worksheet.freeze_panes(1, 1)
    for index, column in enumerate(sheet.columns):
        worksheet.set_column(index, index, column.width, styles["text"])
        worksheet.write_string(
            0, index, column.header, styles["must" if column.required else "head"]
        )
        if column.note:
            worksheet.write_comment(0, index, column.note, {"x_scale": 1.6, "font_size": 10})
        if rule := _validation(column, ranges):
            worksheet.data_validation(1, index, _VALIDATED_ROWS, index, rule)


def _validation(column: SheetColumn, ranges: Mapping[str, str]) -> dict[str, Any] | None:
    base = {
        "error_type": "warning",
        "error_title": column.title,
        "error_message": "这个值不在下拉选项中，导入时可能被退回。",
        "ignore_blank": True,
    }
    if column.kind == "flag":
        return {**base, "validate": "list", "source": [YES, NO]}
    if column.kind == "choice":
        return {**base, "validate": "list", "source": [word for _, word in column.options]}
    if column.kind == "reference" and column.source in ranges:
        return {**base, "validate": "list", "source": ranges[column.source]}
    return None


def _write_options(book: Any, options: Options) -> dict[str, str]:
    worksheet = book.add_worksheet(OPTIONS_SHEET)
    worksheet.hide()
    ranges = {}
    for index, (source, pairs) in enumerate(options.items()):
        worksheet.write_string(0, index, source)
        for line, (code, name) in enumerate(pairs, 1):
            worksheet.write_string(line, index, f"{code} {name}")
        if pairs:
            letter = xlsxwriter.utility.xl_col_to_name(index)
            ranges[source] = f"={OPTIONS_SHEET}!${letter}$2:${letter}${len(pairs) + 1}"
    return ranges


def _write_notes(book: Any, styles: Mapping[str, Any], sheets: Sequence[Sheet]) -> None:
    worksheet = book.add_worksheet(NOTES_SHEET)
    worksheet.set_column(0, 0, 18)
    worksheet.set_column(1, 1, 18)
    worksheet.set_column(2, 2, 12)
    worksheet.set_column(3, 3, 70)
    lines: list[tuple[str, ...]] = [
        (f"带 * 的列必填。灰色斜体、以“{EXAMPLE_PREFIX}”开头的行是示例，导入时自动跳过。",),
        ("下拉里“代码 名称”整体选中即可，导入时只取前面的代码；代码都按文本填写。",),
        (
            "导入前会先检查全部内容，有一处不对就都不导入，并逐行说明。导入后存为草稿，不会直接发布。",
        ),
        (),
        ("工作表", "列", "必填", "怎么填"),
    ]
    for sheet in sheets:
        for column in sheet.columns:
            known = (
                "可选：" + "、".join(word for _, word in column.options) if column.options else ""
            )
            note = "；".join(part for part in (column.note, known) if part)
            lines.append((sheet.title, column.title, "必填" if column.required else "", note))
    for row, line in enumerate(lines):
        for index, text in enumerate(line):
            head = row == 4  # noqa: PLR2004 - the table's own header
            worksheet.write_string(row, index, text, styles["head"] if head else None)


def _text(column: SheetColumn, value: Any) -> str:
    if value is None or value == "":
        return ""
    if column.kind == "flag":
        return YES if value else NO
    words = dict(column.options)
    if column.kind == "choices":
        return "、".join(words.get(v, v) for v in value)
    if column.kind == "choice":
        return words.get(str(value), str(value))
    if column.kind == "words":
        return "、".join(value)
    return value.isoformat() if isinstance(value, date) else str(value)
