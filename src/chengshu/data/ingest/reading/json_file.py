"""JSON files as rows: an array of objects (at the top or nested) or one object a line.

Streamed: one record at a time is in memory.
"""

import codecs
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from chengshu.data.ingest.reading.errors import BrokenFileError, EmptySheetError, FileTooLargeError
from chengshu.data.ingest.reading.json_text import DECODER, flat, path_parts
from chengshu.data.ingest.reading.limits import MEBIBYTE, ReadLimits
from chengshu.data.ingest.reading.report import FileKind, FileReport
from chengshu.data.ingest.reading.rows import ReadOptions, RowBatch, duplicates, plan_headers

_BATCH_ROWS = 5_000
_BATCH_CHARACTERS = 8 * MEBIBYTE
_PIECE = 256 * 1024
_LONGEST_RECORD = 16 * MEBIBYTE
_LOOK_ROWS = 200
_PREVIEW = 20
_DEPTH = 4
_SPACE = " \t\r\n"


def sniff_json(path: Path, records: str, limits: ReadLimits) -> FileReport:
    """Columns from the first records, a preview, and roughly how many records there are."""
    head = list(islice(_records(path, records, limits), _LOOK_ROWS))
    headers = tuple(dict.fromkeys(name for _, _, cells in head for name in cells))
    if not headers:
        raise EmptySheetError(f"文件“{path.name}”里没有一条有内容的记录。请重新导出后上传。")
    size = path.stat().st_size
    used = max((position for position, _, _ in head), default=1)
    few = len(head) < _LOOK_ROWS
    estimated = len(head) if few else round(len(head) * size / max(used, 1))
    return FileReport(
        path=path, kind=FileKind.JSON, size=size, encodings=(), delimiter=None, sheets=(),
        sheet=None, header_row=1, headers=headers, duplicate_headers=duplicates(headers),
        preview=tuple(tuple(c.get(h) or "" for h in headers) for _, _, c in head[:_PREVIEW]),
        estimated_rows=estimated, needs_confirmation=False, warnings=(),
    )  # fmt: skip


def open_json(path: Path, options: ReadOptions, limits: ReadLimits) -> Iterator[RowBatch]:
    """Batches of records; a column a record lacks is empty in it."""
    report = sniff_json(path, options.records, limits)
    # A column that only later records have is still one the person mapped.
    late = tuple(header for header in options.mapping if header not in report.headers)
    plan = plan_headers(report.headers, options) if not late else None
    if plan is None:
        known = {name for _, _, cells in _records(path, options.records, limits) for name in cells}
        plan = plan_headers(tuple(dict.fromkeys([*report.headers, *sorted(known)])), options)
    numbers: list[int] = []
    rows: list[list[str | None]] = []
    characters, position = 0, 0
    for position, number, cells in _records(path, options.records, limits):
        row = [cells.get(header) for header in plan.headers]
        if any(row):
            numbers.append(number)
            rows.append(row)
            characters += sum(len(cell) for cell in row if cell)
        if len(rows) >= _BATCH_ROWS or characters >= _BATCH_CHARACTERS:
            columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
            yield RowBatch(plan.batch(numbers, columns), (), min(0.99, position / report.size))
            numbers, rows, characters = [], [], 0
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(len(plan.names))]
    yield RowBatch(plan.batch(numbers, columns), (), 1.0)


def _records(
    path: Path, records: str, limits: ReadLimits
) -> Iterator[tuple[int, int, dict[str, str | None]]]:
    """(characters read so far, record number from 1, cells) of every record."""
    with path.open("rb") as file:
        window = _Window(path, file)
        first = window.peek()
        if first == "{" and not records and _is_lines(path):
            found = window.lines()
        elif first in "[{":
            found = window.array(path_parts(records))
        else:
            raise _broken(path, "开头不是 [ 或 {")
        for number, value in enumerate(found, 1):
            if not isinstance(value, dict):
                raise BrokenFileError(
                    f"文件“{path.name}”的第 {number} 条记录不是对象，分不出列。请让对方每条记录写成键值对。",
                    row=number,
                )
            cells = flat(value)
            if len(cells) > limits.columns:
                raise FileTooLargeError(
                    f"文件“{path.name}”的第 {number} 条记录有 {len(cells):,} 列，超过上限 {limits.columns:,} 列。"
                )
            yield window.read, number, cells


def _is_lines(path: Path) -> bool:
    """Whether every line stands for itself: the first one is a whole object and there is more, or it is all."""
    with path.open("rb") as file:
        line = file.readline(_LONGEST_RECORD).strip().removeprefix(codecs.BOM_UTF8)
        rest = file.read(1)
    try:
        value, end = DECODER.raw_decode(line.decode())
    except ValueError:
        return False
    return end == len(line.decode()) and (bool(rest) or not _holds_records(value, 0))


def _holds_records(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        return depth < _DEPTH and any(_holds_records(inner, depth + 1) for inner in value.values())
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _broken(path: Path, why: str) -> BrokenFileError:
    return BrokenFileError(f"文件“{path.name}”不是完整的 JSON：{why}。请重新导出后上传。")


class _Window:
    """A sliding piece of the text: only the record being read is in memory."""

    def __init__(self, path: Path, file: Any) -> None:
        self._path, self._file = path, file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")
        self._text, self._at, self._ended = "", 0, False
        self.read = 0

    def peek(self) -> str:
        """The next character that is no space, "" at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def lines(self) -> Iterator[Any]:
        """One value a line."""
        while self.peek():
            yield self._value()

    def array(self, parts: list[str]) -> Iterator[Any]:
        """The elements of the array at ``parts``, or of the first array of objects; the rest must be whole too."""
        found = yield from self._descend(parts, 0, looking=not parts)
        if not found:
            where = f"“{'.'.join(parts)}”处没有记录数组" if parts else "里面没有记录数组"
            raise _broken(self._path, where)
        if self.peek():
            raise _broken(self._path, "结尾之后还有内容")

    def _descend(self, parts: list[str], depth: int, *, looking: bool) -> Any:
        if self.peek() == "[":
            if not parts:
                yield from self._elements()
                return True
            self._value()
            return False
        if self.peek() != "{" or depth > _DEPTH:
            self._value()
            return False
        return (yield from self._members(parts, depth, looking=looking))

    def _members(self, parts: list[str], depth: int, *, looking: bool) -> Any:
        found = False
        self._take("{")
        while self.peek() != "}":
            key = self._value()
            self._take(":")
            next_one = self.peek()
            wanted = not found and (looking or (bool(parts) and key == parts[0]))
            if (
                wanted
                and next_one in "[{"
                and (parts or next_one == "{" or self._array_of_objects())
            ):
                found = yield from self._descend(parts[1:], depth + 1, looking=looking)
            else:
                self._value()
            if self.peek() == ",":
                self._take(",")
        self._take("}")
        return found

    def _array_of_objects(self) -> bool:
        """Whether the array at hand begins with an object (or is empty, and so is a delivery without records)."""
        at = self._at + 1
        while True:
            rest = self._text[at:].lstrip(_SPACE)
            if rest:
                return rest[0] == "{"
            if not self._more_kept():
                return False

    def _elements(self) -> Iterator[Any]:
        self._take("[")
        while self.peek() != "]":
            yield self._value()
            if self.peek() == ",":
                self._take(",")
            elif self.peek() != "]":
                raise _broken(self._path, "记录之间缺少逗号，或文件在中间断了")
        self._take("]")

    def _take(self, sign: str) -> None:
        if self.peek() != sign:
            raise _broken(self._path, f"该有“{sign}”的地方不是它，或文件在中间断了")
        self._at += 1

    def _value(self) -> Any:
        self.peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._more_kept():
                    raise _broken(self._path, "有一处写法不对，或文件在中间断了") from error
                continue
            except RecursionError as error:
                raise _broken(self._path, "嵌套得太深") from error
            # A number at the very end of the piece may go on in the next.
            if end == len(self._text) and not self._ended and self._more_kept():
                continue
            if end - self._at > _LONGEST_RECORD:
                raise self._too_long()
            self._at = end
            return value

    def _more_kept(self) -> bool:
        if len(self._text) - self._at > _LONGEST_RECORD:
            raise self._too_long()
        return self._more()

    def _too_long(self) -> FileTooLargeError:
        return FileTooLargeError(
            f"文件“{self._path.name}”里有一条记录超过 {_LONGEST_RECORD // MEBIBYTE} MB。"
            "请确认记录的位置，或让对方拆开。"
        )

    def _more(self) -> bool:
        if self._ended:
            return False
        # Doubling keeps a long record from being parsed over and over.
        raw = self._file.read(max(_PIECE, len(self._text) - self._at))
        self._ended = not raw
        try:
            text = self._decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            raise BrokenFileError(
                f"文件“{self._path.name}”不是 UTF-8 编码，JSON 只能用 UTF-8。请让对方改用 UTF-8 导出。"
            ) from error
        self._text, self._at = self._text[self._at :] + text, 0
        self.read += len(raw)
        return bool(text) or not self._ended
