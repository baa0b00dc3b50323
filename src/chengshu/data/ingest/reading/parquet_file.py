"""Parquet files as text rows: exact decimals, dates in ISO form, instants in China time, row group by row group."""

import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chengshu.data.ingest.reading.errors import (
    BrokenFileError,
    EmptySheetError,
    FileTooLargeError,
    SuspiciousArchiveError,
)
from chengshu.data.ingest.reading.json_text import cell
from chengshu.data.ingest.reading.limits import MEBIBYTE, ReadLimits
from chengshu.data.ingest.reading.report import FileKind, FileReport
from chengshu.data.ingest.reading.rows import ReadOptions, RowBatch, duplicates, plan_headers

_BATCH_ROWS = 50_000
_PREVIEW = 20
_GROUP_BYTES = 1024 * MEBIBYTE
_MOST_ROWS = 500_000_000
_ZONE = "Asia/Shanghai"
_EXACT = 2**53


def sniff_parquet(path: Path, limits: ReadLimits) -> FileReport:
    """Columns and row count from the footer, a preview from the first group."""
    with _opened(path, limits) as file:
        headers = tuple(file.schema_arrow.names)
        if not headers or not file.metadata.num_rows:
            raise EmptySheetError(f"文件“{path.name}”里没有数据。请重新导出后上传。")
        preview: list[tuple[str, ...]] = []
        for batch in islice(_batches(path, file, list(headers), _PREVIEW), 1):
            columns = [text_of(column).to_pylist() for column in batch.columns]
            preview = [tuple(c or "" for c in row) for row in zip(*columns, strict=True)]
        return FileReport(
            path=path, kind=FileKind.PARQUET, size=path.stat().st_size, encodings=(),
            delimiter=None, sheets=(), sheet=None, header_row=1, headers=headers,
            duplicate_headers=duplicates(headers), preview=tuple(preview),
            estimated_rows=file.metadata.num_rows, needs_confirmation=False, warnings=(),
        )  # fmt: skip


def open_parquet(path: Path, options: ReadOptions, limits: ReadLimits) -> Iterator[RowBatch]:
    """Batches of the mapped columns only; row numbers from 1."""
    with _opened(path, limits) as file:
        plan = plan_headers(tuple(file.schema_arrow.names), options)
        total, first = max(file.metadata.num_rows, 1), 1
        for batch in _batches(path, file, list(plan.headers), _BATCH_ROWS):
            by_name = dict(zip(batch.schema.names, batch.columns, strict=True))
            numbers = np.arange(first, first + batch.num_rows, dtype=np.int64)
            first += batch.num_rows
            columns = [text_of(by_name[header]) for header in plan.headers]
            yield RowBatch(plan.batch(numbers, columns), (), min(1.0, (first - 1) / total))


def _batches(
    path: Path, file: pq.ParquetFile, columns: list[str], rows: int
) -> Iterator[pa.RecordBatch]:
    try:
        yield from file.iter_batches(batch_size=rows, columns=columns, use_threads=False)
    except (pa.ArrowException, OSError, struct.error) as error:
        raise _broken(path) from error


def _opened(path: Path, limits: ReadLimits) -> pq.ParquetFile:
    """Open after looking at what it claims to unpack to: a page of a few bytes may stand for a billion rows."""
    try:
        file = pq.ParquetFile(path, pre_buffer=False)
        facts = file.metadata
        groups = [facts.row_group(i) for i in range(facts.num_row_groups)]
        unpacked = sum(group.total_byte_size for group in groups)
        largest = max((group.total_byte_size for group in groups), default=0)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _broken(path) from error
    if facts.num_columns > limits.columns:
        raise FileTooLargeError(
            f"文件“{path.name}”有 {facts.num_columns:,} 列，超过上限 {limits.columns:,} 列。"
        )
    if facts.num_rows > _MOST_ROWS or unpacked > limits.text_bytes:
        raise SuspiciousArchiveError(
            f"文件“{path.name}”展开后有 {facts.num_rows:,} 行、{unpacked / MEBIBYTE:,.0f} MB，超过上限，"
            "已拒绝打开。请拆成几个文件。"
        )
    if largest > _GROUP_BYTES:
        raise FileTooLargeError(
            f"文件“{path.name}”的一个行组展开后有 {largest / MEBIBYTE:,.0f} MB，"
            f"超过上限 {_GROUP_BYTES // MEBIBYTE:,} MB。请让对方导出时把行组调小。"
        )
    return file


def _broken(path: Path) -> BrokenFileError:
    return BrokenFileError(f"文件“{path.name}”不完整或已损坏，无法打开。请重新导出后上传。")


def text_of(column: Any) -> Any:
    """An Arrow column as text without loss: 7.0 in a float column is 7, 10-digit codes keep all digits."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return text_of(column.dictionary_decode())
    if pa.types.is_string(kind):
        return column
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_floating(kind):
        return _float_text(column.cast(pa.float64()))
    if pa.types.is_timestamp(kind):
        return _instant_text(column, kind)
    if (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    ):
        return pa.array([None if v is None else v.hex() for v in column.to_pylist()], pa.string())
    if pa.types.is_nested(kind):
        return pa.array([cell(_plain(v)) for v in column.to_pylist()], pa.string())
    if pa.types.is_decimal(kind):
        return pa.array(
            [None if v is None else format(v, "f") for v in column.to_pylist()], pa.string()
        )
    return column.cast(pa.string())


def _float_text(column: Any) -> Any:
    values = column.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        whole = np.isfinite(values) & (np.abs(values) < _EXACT) & (values == np.floor(values))
    integers = pa.array(np.where(whole, values, 0).astype(np.int64)).cast(pa.string())
    return pc.if_else(pa.array(whole), integers, column.cast(pa.string()))


def _instant_text(column: Any, kind: Any) -> Any:
    if kind.tz is None:
        text = pc.strftime(column.cast(pa.timestamp("us")), format="%Y-%m-%d %H:%M:%S")
    else:
        local = column.cast(pa.timestamp("us", tz=_ZONE))
        text = pc.strftime(local, format="%Y-%m-%d %H:%M:%S%z")
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
