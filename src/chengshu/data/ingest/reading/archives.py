"""Refuses workbooks that would unpack to far more than they look: before their reader sees them.

The declared sizes of a zip may lie, and a sheet of a few bytes may claim a used range of 17 billion
cells; so the parts are really unpacked (in pieces, discarded at once), counted, and the cells' far
corner is measured.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from chengshu.data.ingest.reading.errors import (
    BrokenFileError,
    FileTooLargeError,
    SuspiciousArchiveError,
)
from chengshu.data.ingest.reading.limits import ReadLimits

_PIECE = 1024 * 1024
_LOCAL_HEADER = 30
_CELL = re.compile(rb'<(?:\w+:)?c [^>]*?\br="([A-Z]{1,3})')
_ROW = re.compile(rb'<(?:\w+:)?row [^>]*?\br="(\d{1,7})"')
_REFERENCE = re.compile(rb'\br="[A-Z]{1,3}(\d{1,7})"')
_OVERLAP = 256
_LETTERS = 26


@dataclass(slots=True)
class _Extent:
    first: int = 0
    rows: int = 0
    columns: int = 0

    def grow(self, piece: bytes) -> None:
        for letters in set(_CELL.findall(piece)):
            self.columns = max(self.columns, _column_number(letters))
        numbers = _ROW.findall(piece) or _REFERENCE.findall(piece)
        if numbers:
            self.rows = max(self.rows, *map(int, numbers))


def check_workbook(path: Path, limits: ReadLimits) -> None:
    """Raise SuspiciousArchiveError, FileTooLargeError or BrokenFileError; return when all is well."""
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            _check_directory(path, archive, limits)
            budget = limits.archive_unpacked_bytes
            for entry in archive.infolist():
                budget -= _check_entry(path, file, entry, limits, budget)
    except (zipfile.BadZipFile, zlib.error, struct.error, OSError, RuntimeError) as error:
        raise BrokenFileError(
            f"工作簿“{path.name}”不完整或已损坏。请用 Excel 打开并另存后重新上传。"
        ) from error


def _check_directory(path: Path, archive: zipfile.ZipFile, limits: ReadLimits) -> None:
    entries = archive.infolist()
    if len(entries) > limits.archive_entries:
        raise SuspiciousArchiveError(
            f"工作簿“{path.name}”里有 {len(entries):,} 个部件，超过上限 {limits.archive_entries:,}，"
            "疑似压缩炸弹，已拒绝打开。"
        )
    for entry in entries:
        if entry.flag_bits & 1:
            raise BrokenFileError(f"工作簿“{path.name}”设置了密码。请取消密码后重新上传。")
    if sum(entry.file_size for entry in entries) > limits.archive_unpacked_bytes:
        raise _bomb(path, limits)


def _bomb(path: Path, limits: ReadLimits) -> SuspiciousArchiveError:
    return SuspiciousArchiveError(
        f"工作簿“{path.name}”解压后超过 {limits.archive_unpacked_bytes / 1024 / 1024:,.0f} MB，"
        "疑似压缩炸弹，已拒绝打开。确是正常数据时，请另存为 CSV 后上传。"
    )


def _check_entry(
    path: Path, file: BinaryIO, entry: zipfile.ZipInfo, limits: ReadLimits, budget: int
) -> int:
    """Unpack one part and return its true size."""
    sheet = entry.filename.startswith("xl/worksheets/") and entry.filename.endswith(".xml")
    extent, tail, total = _Extent(), b"", 0
    for piece in _unpack(file, entry):
        total += len(piece)
        if total > budget or total > entry.file_size:
            raise _bomb(path, limits)
        if sheet:
            extent.grow(tail + piece)
            tail = piece[-_OVERLAP:]
    packed = max(entry.compress_size, 1)
    if total > limits.archive_ratio_from_bytes and total > packed * limits.archive_ratio:
        raise SuspiciousArchiveError(
            f"工作簿“{path.name}”的部件“{entry.filename}”压缩了 {total // packed} 倍，"
            f"超过上限 {limits.archive_ratio} 倍，疑似压缩炸弹，已拒绝打开。"
        )
    if extent.rows * extent.columns > limits.workbook_cells:
        raise FileTooLargeError(
            f"工作簿“{path.name}”的表格范围是 {extent.rows:,} 行 × {extent.columns:,} 列，"
            f"超过上限 {limits.workbook_cells:,} 个单元格。"
            "请删去右侧和下方多余的空白格式，或另存为 CSV 后上传。"
        )
    return total


def _unpack(file: BinaryIO, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """The part's bytes in pieces, as long as its own data lasts, whatever size it declares."""
    file.seek(entry.header_offset)
    header = file.read(_LOCAL_HEADER)
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    file.seek(name_length + extra_length, 1)
    left = entry.compress_size
    if entry.compress_type == zipfile.ZIP_STORED:
        while left > 0 and (data := file.read(min(_PIECE, left))):
            left -= len(data)
            yield data
        return
    if entry.compress_type != zipfile.ZIP_DEFLATED:
        raise zipfile.BadZipFile(f"compression method {entry.compress_type}")
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    pending = b""
    while not unpacker.eof:
        if not pending:
            pending = file.read(min(_PIECE, left))
            left -= len(pending)
            if not pending:
                return
        piece = unpacker.decompress(pending, _PIECE)
        pending = unpacker.unconsumed_tail
        if piece:
            yield piece


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * _LETTERS + letter - ord("A") + 1
    return number
