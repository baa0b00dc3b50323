"""Where a proposal's rows come from: a bounded text sample of a table or a file, and its structure."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from chengshu.data.discovery.inference import SourceColumn, SourceTable
from chengshu.data.discovery.inference.declared import logical
from chengshu.data.ingest.facade import (
    DataSource,
    ReadingError,
    ReadOptions,
    RowBatch,
    SourceError,
    SourceObject,
    SourceStructure,
    connector,
    open_rows,
    read,
    sniff,
    structure,
)
from chengshu.kernel.errors import InvalidInput, Unavailable
from chengshu.kernel.files.models import StoredFile

SAMPLE_ROWS = 200_000
# A very wide table is cut earlier: text of this size is profiled in a few hundred megabytes.
SAMPLE_BYTES = 256 * 1024 * 1024
ROW_NUMBER = "__row"


def table_of(found: SourceStructure, comment: str = "") -> SourceTable:
    """A source's structure as inference takes it."""
    return SourceTable(
        name=found.object, comment=comment, columns=tuple(_column(c) for c in found.columns)
    )


def _column(column: Any) -> SourceColumn:
    size = f"({column.length})" if column.length and "(" not in column.type else ""
    return SourceColumn(
        name=column.name, comment=column.comment, declared=f"{column.type}{size}",
        type=logical(column.type, scale=column.scale), length=column.length,
        precision=column.precision, scale=column.scale, nullable=column.nullable, key=column.key,
    )  # fmt: skip


def document(found: SourceStructure) -> list[dict[str, Any]]:
    """A structure for storing."""
    return [asdict(column) for column in found.columns]


@contextmanager
def said() -> Iterator[None]:
    """A reader's failures as the platform's own errors."""
    try:
        yield
    except SourceError as error:
        advice = getattr(error, "advice", "")
        message = getattr(error, "message", "") or str(error)
        raise Unavailable(message, kept="没有读取任何数据。", advice=advice) from error
    except ReadingError as error:
        raise InvalidInput(str(error), kept="没有读取任何数据。") from error


def describe(source: DataSource, name: str) -> SourceStructure:
    """The structure of one object now.

    Raises:
        Unavailable: the source cannot be reached, or the object is gone.
    """
    with said():
        return structure(source, name)


def listed(source: DataSource, found: Iterable[SourceObject]) -> list[SourceObject]:
    """Objects one can describe, tables before views."""
    del source
    return sorted(found, key=lambda o: (o.kind != "table", o.name))


def known_kind(source: DataSource) -> bool:
    """Whether this installation can read sources of this kind."""
    with suppress(SourceError):
        return connector(source.kind) is not None
    return False


def sample_table(source: DataSource, found: SourceStructure) -> pa.Table:
    """The first rows of a table as text.

    Raises:
        Unavailable: the source stopped answering.
    """
    names = {column.name: column.name for column in found.columns}
    with said():
        return bounded(read(source, found.object, names))


def sheets(path: Path) -> tuple[str | None, ...]:
    """Names of the filled sheets of a workbook; one None for a file that has none.

    Raises:
        InvalidInput: no table, misnamed, damaged or too large.
    """
    with said():
        report = sniff(path)
    filled = [s.name for s in report.sheets if not s.empty and not s.hidden]
    return tuple(filled) or (None,)


def sample_file(path: Path, sheet: str | None) -> tuple[SourceTable, pa.Table]:
    """Headers and rows of a file or sheet, encoding and header row as found by looking.

    Raises:
        InvalidInput: it cannot be read as a table.
    """
    with said():
        report = sniff(path, sheet=sheet)
        headers = [h for h in dict.fromkeys(report.headers) if h]
        if report.duplicate_headers or not headers:
            twice = "、".join(f"“{h}”" for h in report.duplicate_headers)
            raise InvalidInput(
                f"表头重复：{twice}。" if twice else "没有找到表头。", kept="没有生成建议。",
                advice="请改好表头后重新上传。",
            )  # fmt: skip
        options = ReadOptions(
            mapping={h: h for h in headers}, header_row=report.header_row,
            encoding=report.encoding, delimiter=report.delimiter, sheet=report.sheet,
        )  # fmt: skip
        rows = bounded(open_rows(path, options))
    name = sheet if sheet and not sheet.lower().startswith("sheet") else path.stem
    return SourceTable(name=name, columns=tuple(SourceColumn(name=h) for h in headers)), rows


def bounded(batches: Iterator[RowBatch]) -> pa.Table:
    """At most :data:`SAMPLE_ROWS` rows or :data:`SAMPLE_BYTES` of text, whichever comes first."""
    kept: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        part = batch.rows.slice(0, SAMPLE_ROWS - rows)
        kept.append(part)
        rows += part.num_rows
        size += part.nbytes
        if rows >= SAMPLE_ROWS or size >= SAMPLE_BYTES:
            break
    close = getattr(batches, "close", None)
    if close is not None:
        close()
    if not kept:
        return pa.table({})
    table = pa.Table.from_batches(kept)
    return table.drop_columns([ROW_NUMBER]) if ROW_NUMBER in table.column_names else table


def path_of(file: StoredFile) -> Path:
    """The content under the person's file name, because readers compare both."""
    folder = file.path.parent / f"{file.path.name}.names"
    folder.mkdir(exist_ok=True)
    link = folder / file.name
    with suppress(FileExistsError):
        link.symlink_to(file.path)
    return link
