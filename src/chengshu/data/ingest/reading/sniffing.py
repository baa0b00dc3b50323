"""A first look at a file: kind, encoding, delimiter, header and preview, nothing loaded."""

from collections import Counter
from itertools import islice
from pathlib import Path
from statistics import median

from chengshu.data.ingest.reading.encodings import CERTAIN, guess_encodings
from chengshu.data.ingest.reading.json_file import sniff_json
from chengshu.data.ingest.reading.kinds import detect_kind
from chengshu.data.ingest.reading.limits import DEFAULT_LIMITS, ReadLimits
from chengshu.data.ingest.reading.parquet_file import sniff_parquet
from chengshu.data.ingest.reading.report import FileKind, FileReport
from chengshu.data.ingest.reading.rows import duplicates
from chengshu.data.ingest.reading.sheets import (
    get_sheet,
    list_sheets,
    open_workbook,
    sheet_rows,
    used_size,
)
from chengshu.data.ingest.reading.text import head_rows

PREVIEW_ROWS = 20
DELIMITERS = (",", "\t", ";", "|")

_HEAD_ROWS = 60
_HEADER_SEARCH = 10
_HEADER_FILL = 0.8
_SAMPLE_BYTES = 1024 * 1024


def sniff(
    path: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header_row: int | None = None,
    sheet: str | None = None,
    records: str = "",
    limits: ReadLimits = DEFAULT_LIMITS,
) -> FileReport:
    """Look at a file. What a person has already corrected is passed in and overrides the guess.

    Raises ReadingError for a file that is no table, misnamed, damaged, too large or a bomb.
    """
    kind = detect_kind(path, limits)
    if kind is FileKind.TEXT:
        return _sniff_text(path, encoding, delimiter, header_row)
    if kind is FileKind.PARQUET:
        return sniff_parquet(path, limits)
    if kind is FileKind.JSON:
        return sniff_json(path, records, limits)
    return _sniff_workbook(path, kind, sheet, header_row, limits)


def _sniff_text(
    path: Path, encoding: str | None, delimiter: str | None, header_row: int | None
) -> FileReport:
    guesses = guess_encodings(path)
    used = encoding or guesses[0].encoding
    separator = delimiter or _guess_delimiter(path, used)
    rows = head_rows(path, used, separator, _HEAD_ROWS)
    header = header_row or _guess_header(rows)
    warnings = []
    sure = encoding is not None or guesses[0].confidence >= CERTAIN
    if not sure:
        warnings.append(
            f"编码不能确定，最像 {guesses[0].encoding.upper()}（可信度 {guesses[0].confidence:.0%}），请看预览确认。"
        )
    if guesses[0].bad_bytes and encoding is None:
        warnings.append(
            f"抽查中有 {guesses[0].bad_bytes:,} 处无法识别的字节，所在的行会进入待修正。"
        )
    return _report(
        path=path,
        kind=FileKind.TEXT,
        rows=rows,
        header_row=header,
        estimated=_estimate_rows(path, header),
        encodings=guesses,
        delimiter=separator,
        warnings=warnings,
        sure=sure,
    )


def _sniff_workbook(
    path: Path, kind: FileKind, sheet: str | None, header_row: int | None, limits: ReadLimits
) -> FileReport:
    workbook = open_workbook(path, kind, limits)
    sheets = list_sheets(workbook, path)
    filled = [s for s in sheets if not s.empty and not s.hidden]
    name = sheet or (filled[0].name if filled else None)
    warnings = [f"工作表“{s.name}”是空的。" for s in sheets if s.empty]
    rows: list[list[str]] = []
    total = 0
    if name is not None:
        chosen = get_sheet(workbook, name, path)
        rows = list(islice(sheet_rows(chosen), _HEAD_ROWS))
        total, _ = used_size(chosen)
    else:
        warnings.append("没有可以读取的工作表，请确认文件。")
    header = header_row or _guess_header(rows)
    return _report(
        path=path,
        kind=kind,
        rows=rows,
        header_row=header,
        estimated=max(0, total - header),
        warnings=warnings,
        sure=len(filled) == 1 or sheet is not None,
        sheets=sheets,
        sheet=name,
    )


def _report(
    *,
    path: Path,
    kind: FileKind,
    rows: list[list[str]],
    header_row: int,
    estimated: int,
    warnings: list[str],
    sure: bool,
    **known: object,
) -> FileReport:
    headers = (
        tuple(cell.strip() for cell in rows[header_row - 1]) if len(rows) >= header_row else ()
    )
    twice = duplicates(headers)
    if twice:
        warnings.append("表头重复：" + "、".join(f"“{h}”" for h in twice) + "。")
    if not headers:
        warnings.append(f"第 {header_row} 行没有表头。")
    facts: dict[str, object] = {"encodings": (), "delimiter": None, "sheets": (), "sheet": None}
    return FileReport(
        path=path,
        kind=kind,
        size=path.stat().st_size,
        header_row=header_row,
        headers=headers,
        duplicate_headers=twice,
        preview=tuple(tuple(row) for row in rows[header_row : header_row + PREVIEW_ROWS]),
        estimated_rows=estimated,
        needs_confirmation=not sure or header_row != 1 or bool(twice) or not headers,
        warnings=tuple(warnings),
        **(facts | known),  # type: ignore[arg-type] # kind-specific facts, typed in FileReport
    )


def _guess_delimiter(path: Path, encoding: str) -> str:
    """The separator that splits the most rows into the same number (more than one) of cells."""

    def score(delimiter: str) -> tuple[int, int]:
        widths = Counter(
            len(row) for row in head_rows(path, encoding, delimiter, _HEAD_ROWS) if row
        )
        width, rows = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        return (rows, width) if width > 1 else (0, 0)

    return max(DELIMITERS, key=score)


def _guess_header(rows: list[list[str]]) -> int:
    """First row that fills (nearly) as many cells as rows do: titles above a table fill one or two."""
    filled = [sum(bool(cell) for cell in row) for row in rows]
    usual = median([n for n in filled if n] or [0])
    candidates = enumerate(filled[:_HEADER_SEARCH], 1)
    return next((i for i, n in candidates if n and n >= usual * _HEADER_FILL), 1)


def _estimate_rows(path: Path, header_row: int) -> int:
    size = path.stat().st_size
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    lines = sample.count(b"\n") + (size <= len(sample) and not sample.endswith(b"\n"))
    return max(0, round(lines * size / max(len(sample), 1)) - header_row)
