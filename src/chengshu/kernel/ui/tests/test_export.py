import csv
import io
from datetime import UTC, datetime

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui import export

ROWS = [
    ["330383000000000018", 12, "=cmd|' /C calc'!A0", datetime(2026, 11, 23, 6, 5, tzinfo=UTC)],
    ["000001", None, "+86", True],
]
TITLES = ["代码", "数量", "备注", "时间"]


def read_csv(response):
    text = b"".join(response).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_csv_keeps_identifiers_as_text_and_disarms_formulas():
    rows = read_csv(export.csv_response("目录", TITLES, ROWS, "导出人：李晓东"))
    assert rows[0] == TITLES
    assert rows[1] == ["330383000000000018", "12", "'=cmd|' /C calc'!A0", "2026-11-23 14:05"]
    assert rows[2] == ["000001", "", "'+86", "是"]
    assert rows[3] == ["导出人：李晓东"]


@given(st.text(min_size=1))
def test_no_text_starts_a_formula(text):
    assert not export.neutral(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_negative_number_stays_a_number():
    assert export.neutral(-5) == "-5"


def test_xlsx_keeps_identifiers_as_text_and_disarms_formulas():
    response = export.xlsx_response("目录", TITLES, ROWS, "")
    book = openpyxl.load_workbook(io.BytesIO(b"".join(response)))
    response.file_to_stream.close()
    cells = list(book.active.iter_rows())
    assert [c.value for c in cells[1]] == [
        "330383000000000018",
        12,
        "'=cmd|' /C calc'!A0",
        "2026-11-23 14:05",
    ]
    assert [c.data_type for c in cells[1]] == ["s", "n", "s", "s"]


def test_too_many_rows_for_a_worksheet_are_refused_with_a_way_out(monkeypatch):
    monkeypatch.setattr(export, "XLSX_MAX_ROWS", 1)
    with pytest.raises(InvalidInput) as refused:
        export.xlsx_response("目录", TITLES, ROWS, "")
    assert "CSV" in refused.value.advice
