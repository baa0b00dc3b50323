"""One writer per file format; each takes Arrow batches and keeps no more than one of them.

CSV is UTF-8 with a byte order mark and field names as header. Text that begins like a formula gets a ``'`` there,
because people open CSV in spreadsheets; JSON and Parquet keep every value as it is, and XLSX stores it as text, which
no spreadsheet runs.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import xlsxwriter

from chengshu.data.opening.choices import FileFormat
from chengshu.data.opening.release.places import Places
from chengshu.data.opening.release.values import neutral, plain

BOM = b"\xef\xbb\xbf"
# A worksheet has 1,048,576 rows; the first one is the head.
XLSX_SHEET_ROWS = 1_048_575
_XLSX_TEXT = 32_767
_XLSX_CUT = "…（超长，全文见 CSV 或 JSON）"
_XLSX_EXACT_DIGITS = 15


@dataclass(frozen=True, slots=True)
class ColumnNote:
    """A field as the files describe it."""

    name: str
    title: str
    definition: str = ""


class Writer(Protocol):
    """Takes batches of one schema; ``close`` completes the file."""

    def write(self, batch: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


def open_writer(
    file_format: str,
    path: Path,
    schema: pa.Schema,
    notes: Sequence[ColumnNote],
    about: Sequence[tuple[str, str]],
    *,
    places: Places | None = None,
) -> Writer:
    """The writer of a format at ``path``; ``about`` goes where the format has a place for it.

    GeoJSON needs ``places``.
    """
    match FileFormat(file_format):
        case FileFormat.CSV:
            return CsvWriter(path, schema)
        case FileFormat.JSON:
            return JsonWriter(path, schema)
        case FileFormat.XLSX:
            return XlsxWriter(path, notes, about)
        case FileFormat.PARQUET:
            return ParquetWriter(path, schema, notes, about)
        case FileFormat.GEOJSON if places is not None:
            return GeoJsonWriter(path, schema, places)
    raise ValueError(f"{file_format}: no places")


class CsvWriter:
    """See the module's text."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = path.open("wb")
        self._file.write(BOM)
        fields = [
            pa.field(f.name, pa.string() if pa.types.is_temporal(f.type) else f.type)
            for f in schema
        ]
        self._schema = pa.schema(fields)
        self._writer = pacsv.CSVWriter(self._file, self._schema)

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [neutral(plain(column)) for column in batch.columns]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()
        self._file.close()


class JsonWriter:
    """An array of objects, one per line."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._keys = [f"{json.dumps(name, ensure_ascii=False)}:" for name in schema.names]
        self._separator = "[\n"

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [_json_texts(plain(column)) for column in batch.columns]
        for values in zip(*columns, strict=True):
            pairs = ",".join(map(str.__add__, self._keys, values))
            self._file.write(f"{self._separator}{{{pairs}}}")
            self._separator = ",\n"

    def close(self) -> None:
        self._file.write("[]\n" if self._separator == "[\n" else "\n]\n")
        self._file.close()


class GeoJsonWriter:
    """RFC 7946: one point feature per line, all fields as properties; a row without a place has no geometry."""

    def __init__(self, path: Path, schema: pa.Schema, places: Places) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._keys = [f"{json.dumps(name, ensure_ascii=False)}:" for name in schema.names]
        self._east = schema.get_field_index(places.longitude)
        self._north = schema.get_field_index(places.latitude)
        self._separator = '{"type":"FeatureCollection","features":[\n'
        self._empty = True

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [_json_texts(plain(column)) for column in batch.columns]
        for values in zip(*columns, strict=True):
            pairs = ",".join(map(str.__add__, self._keys, values))
            point = _point(values[self._east], values[self._north])
            self._file.write(
                f'{self._separator}{{"type":"Feature","geometry":{point},"properties":{{{pairs}}}}}'
            )
            self._separator, self._empty = ",\n", False

    def close(self) -> None:
        self._file.write(f"{self._separator}]}}\n" if self._empty else "\n]}\n")
        self._file.close()


_MOST_EAST, _MOST_NORTH = 180, 90


def _point(east: str, north: str) -> str:
    """A geometry of two JSON numbers; none where one is missing or no place on earth."""
    if "null" in {east, north}:
        return "null"
    if abs(Decimal(east)) > _MOST_EAST or abs(Decimal(north)) > _MOST_NORTH:
        return "null"
    return f'{{"type":"Point","coordinates":[{east},{north}]}}'


def _json_texts(array: Any) -> list[str]:
    values = array.to_pylist()
    if pa.types.is_boolean(array.type):
        return ["null" if v is None else "true" if v else "false" for v in values]
    if pa.types.is_integer(array.type) or pa.types.is_decimal(array.type):
        return [
            "null" if v is None else f"{v:f}" if isinstance(v, Decimal) else str(v) for v in values
        ]
    return ["null" if v is None else json.dumps(v, ensure_ascii=False) for v in values]


class ParquetWriter:
    """Parquet with the titles as field metadata."""

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        notes: Sequence[ColumnNote],
        about: Sequence[tuple[str, str]],
    ) -> None:
        titles = {note.name: note.title for note in notes}
        fields = [f.with_metadata({"title": titles.get(f.name, f.name)}) for f in schema]
        self._schema = pa.schema(fields, metadata=dict(about))
        self._writer = pq.ParquetWriter(path, self._schema, compression="snappy")

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


class XlsxWriter:
    """Titles as head; identifiers and dates stay text; full worksheets are continued on the next."""

    def __init__(
        self,
        path: Path,
        notes: Sequence[ColumnNote],
        about: Sequence[tuple[str, str]],
        sheet_rows: int = XLSX_SHEET_ROWS,
    ) -> None:
        options = {
            "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
            "use_zip64": True, "tmpdir": str(path.parent),
        }  # fmt: skip
        self._book = xlsxwriter.Workbook(str(path), options)
        self._head = self._book.add_format({"bold": True, "bg_color": "#E8EFFC", "bottom": 1})
        self._notes, self._about, self._limit = notes, about, sheet_rows
        self._sheets, self._row = 0, 0
        self._sheet = self._next_sheet()

    def _next_sheet(self) -> Any:
        self._sheets += 1
        sheet = self._book.add_worksheet("数据" if self._sheets == 1 else f"数据{self._sheets}")
        sheet.freeze_panes(1, 0)
        for column, note in enumerate(self._notes):
            sheet.set_column(column, column, min(40, max(12, len(note.title) * 2 + 4)))
            sheet.write_string(0, column, note.title, self._head)
        self._row = 0
        return sheet

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [plain(column).to_pylist() for column in batch.columns]
        for values in zip(*columns, strict=True):
            if self._row == self._limit:
                self._sheet = self._next_sheet()
            self._row += 1
            for column, value in enumerate(values):
                self._cell(column, value)

    def _cell(self, column: int, value: Any) -> None:
        if value is None:
            return
        if isinstance(value, bool):
            self._sheet.write_boolean(self._row, column, value)
        elif isinstance(value, int | Decimal) and _exact(value):
            self._sheet.write_number(self._row, column, value)
        else:
            text = str(value)
            if len(text) > _XLSX_TEXT:
                text = text[: _XLSX_TEXT - len(_XLSX_CUT)] + _XLSX_CUT
            self._sheet.write_string(self._row, column, text)

    def close(self) -> None:
        sheet = self._book.add_worksheet("字段说明")
        sheet.set_column(0, 1, 24)
        sheet.set_column(2, 2, 60)
        for column, title in enumerate(("字段名", "中文名称", "说明")):
            sheet.write_string(0, column, title, self._head)
        row = 0
        for row, note in enumerate(self._notes, 1):
            for column, text in enumerate((note.name, note.title, note.definition)):
                sheet.write_string(row, column, text)
        for offset, (name, text) in enumerate(self._about, 2):
            sheet.write_string(row + offset, 0, name, self._head)
            sheet.write_string(row + offset, 1, text)
        self._book.close()


def _exact(value: int | Decimal) -> bool:
    """Whether a spreadsheet, which counts in binary floats, shows the number as it is."""
    digits = len(str(abs(value)).replace(".", "").lstrip("0"))
    return digits <= _XLSX_EXACT_DIGITS
