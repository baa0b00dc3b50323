"""The common currency of all sources: batches of text with source row numbers, and rejected rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chengshu.data.ingest.reading.errors import DuplicateHeaderError, MissingColumnsError

ROW_COLUMN = "__row"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadOptions:
    """How to read a file, as confirmed by a person or taken from its `FileReport`.

    `mapping` gives header → column name; headers outside it are not loaded. `required` names
    columns that must be mapped. `encoding` and `delimiter` matter for text, `sheet` for workbooks,
    `records` (where the records lie, e.g. `data.rows`) for JSON.
    """

    mapping: Mapping[str, str]
    header_row: int = 1
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    records: str = ""
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RowReject:
    """A row that cannot become cells. `rule` is a key of the contract's row rules."""

    row: int
    rule: str
    message: str
    text: str
    column: str | None = None
    cells: Mapping[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class RowBatch:
    """`rows`: text columns under their column names plus `__row` (int64, source row number).

    `fraction` is the share of the source consumed so far (0 to 1), None when unknown.
    """

    rows: pa.RecordBatch
    rejects: tuple[RowReject, ...] = ()
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class HeaderPlan:
    """Which positions of a row are loaded, and under which column names."""

    positions: tuple[int, ...]
    names: tuple[str, ...]
    headers: tuple[str, ...]
    width: int
    extra: tuple[str, ...] = field(default=())

    @property
    def schema(self) -> pa.Schema:
        """Schema of the batches."""
        fields: list[pa.Field[Any]] = [pa.field(name, pa.string()) for name in self.names]
        fields.insert(0, pa.field(ROW_COLUMN, pa.int64(), nullable=False))
        return pa.schema(fields)

    def batch(
        self, numbers: Iterable[int] | npt.NDArray[np.int64], columns: Iterable[pa.StringArray]
    ) -> pa.RecordBatch:
        """Assemble a batch from row numbers and columns in plan order."""
        row_numbers = pa.array(numbers, pa.int64())
        return pa.RecordBatch.from_arrays([row_numbers, *columns], schema=self.schema)


def duplicates(headers: Iterable[str]) -> tuple[str, ...]:
    """Non-empty headers that stand more than once, in order of their second appearance."""
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for header in headers:
        if header and header in seen:
            twice[header] = None
        seen.add(header)
    return tuple(twice)


def plan_headers(headers: tuple[str, ...], options: ReadOptions) -> HeaderPlan:
    """Match the file's headers with the mapping.

    Raises DuplicateHeaderError for a mapped header that stands twice, MissingColumnsError for mapped
    headers the file lacks or required columns nobody mapped.
    """
    twice = [header for header in duplicates(headers) if header in options.mapping]
    row = options.header_row
    if twice:
        places = "；".join(
            f"“{header}”在第 {'、'.join(str(i + 1) for i, h in enumerate(headers) if h == header)} 列"
            for header in twice
        )
        raise DuplicateHeaderError(
            f"第 {row} 行表头重复：{places}。请改名或删去重复的列后重新上传。",
            row=row,
            column=twice[0],
        )
    absent = [header for header in options.mapping if header not in headers]
    mapped = {name for header, name in options.mapping.items() if header in headers}
    lacking = sorted(options.required - mapped)
    if absent or lacking or not mapped:
        wanted = "、".join(f"“{name}”" for name in [*absent, *lacking]) or "目录中的任何一列"
        found = "、".join(header for header in headers if header) or "（空）"
        raise MissingColumnsError(
            f"第 {row} 行表头里缺少 {wanted}；文件中的表头是：{found}。"
            "请补上缺少的列，或在对应关系中改选。",
            row=row,
            column=next(iter([*absent, *lacking]), None),
        )
    positions = tuple(i for i, header in enumerate(headers) if header in options.mapping)
    return HeaderPlan(
        positions=positions,
        names=tuple(options.mapping[headers[i]] for i in positions),
        headers=tuple(headers[i] for i in positions),
        width=len(headers),
        extra=tuple(h for h in headers if h and h not in options.mapping),
    )
