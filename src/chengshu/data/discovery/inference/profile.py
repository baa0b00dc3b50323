"""Counts of a sample, column by column: everything later guesses rest on these figures.

A sample is an Arrow table of text; blank cells and the usual words for "nothing" count as empty.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chengshu.data.contract.facade import ColumnFormat, verify_format

# Beyond this many different values a column is judged by the most frequent ones.
DISTINCT_LOOKED_AT = 20_000
TOP = 200
LENGTH_QUANTILE = 0.99
_EMPTY_WORDS = ("", "-", "--", "/", "无", "空", "NULL", "null", "N/A", "NA", "None", "\\N")

INTEGER = r"^[-+]?\d{1,18}\z"
LEADING_ZERO = r"^0\d+\z"
DECIMAL = r"^[-+]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?\z"
_YMD = r"(19|20)\d{2}([-/.年])(0?[1-9]|1[0-2])([-/.月])(0?[1-9]|[12]\d|3[01])日?"
DATE = rf"^({_YMD}|(19|20)\d{{2}}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01]))\z"
DATETIME = (
    rf"^({_YMD}[ T]\d{{1,2}}:\d{{2}}(:\d{{2}}(\.\d+)?)?(Z|[+-]\d{{2}}:?\d{{2}})?"
    r"|(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{6})\z"
)
BOOLEANS = frozenset(
    {"是", "否", "有", "无", "Y", "N", "y", "n", "T", "F", "true", "false", "TRUE", "FALSE", "True",
     "False", "1", "0", "yes", "no", "√", "×"}
)  # fmt: skip
HANZI = r"[\x{4e00}-\x{9fff}]"
FORMATS = (
    ColumnFormat.ID_NUMBER, ColumnFormat.USCC, ColumnFormat.BANK_CARD, ColumnFormat.MOBILE,
    ColumnFormat.REGION12, ColumnFormat.REGION6, ColumnFormat.PLATE, ColumnFormat.EMAIL,
    ColumnFormat.PHONE,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """Figures of one column. ``shares`` are shares of the filled cells, by the name of the test."""

    rows: int
    filled: int
    distinct: int
    min_length: int
    max_length: int
    usual_length: int
    whole_digits: int
    decimals: int
    shares: dict[str, float]
    top: tuple[tuple[str, int], ...]
    prefix: str

    @property
    def empty_share(self) -> float:
        """Share of cells without a value."""
        return 1 - self.filled / self.rows if self.rows else 1.0

    @property
    def fixed_length(self) -> bool:
        """Whether practically all values have one length."""
        return self.filled > 0 and self.shares["same_length"] >= 0.99  # noqa: PLR2004

    def share(self, name: str) -> float:
        """A share by name, 0 when it was not counted."""
        return self.shares.get(name, 0.0)


def profile(sample: pa.Table) -> dict[str, ColumnProfile]:
    """Figures of every column of ``sample``."""
    return {name: _column(sample.column(name)) for name in sample.column_names}


def cleaned(column: Any) -> Any:
    """The column as trimmed text with every spelling of "nothing" as null."""
    flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    text = pc.utf8_trim_whitespace(pc.cast(flat, pa.string()))
    empty = pc.is_in(text, value_set=pa.array(_EMPTY_WORDS, pa.string()))
    return pc.if_else(empty, pa.scalar(None, pa.string()), text)


def _column(column: Any) -> ColumnProfile:
    values = cleaned(column)
    filled = len(values) - values.null_count
    counted = pc.value_counts(pc.drop_null(values))
    order = pc.sort_indices(counted.field("counts"), sort_keys=[("", "descending")])
    order = order.slice(0, DISTINCT_LOOKED_AT)
    words, counts = counted.field("values").take(order), counted.field("counts").take(order)
    return _figures(len(values), filled, len(counted), words, counts)


def _figures(rows: int, filled: int, distinct: int, words: Any, counts: Any) -> ColumnProfile:
    lengths = pc.utf8_length(words)
    total = pc.sum(counts).as_py() or 0
    usual, same = _usual_length(lengths, counts, total)
    shares = {"same_length": same, **dict(_shares(words, counts, total))}
    numbers = words.filter(pc.match_substring_regex(words, DECIMAL))
    whole, decimals = _digits(numbers)
    return ColumnProfile(
        rows=rows, filled=filled, distinct=distinct,
        min_length=pc.min(lengths).as_py() or 0, max_length=pc.max(lengths).as_py() or 0,
        usual_length=usual, whole_digits=whole, decimals=decimals, shares=shares,
        top=tuple(zip(words[:TOP].to_pylist(), counts[:TOP].to_pylist(), strict=True)),
        prefix=_prefix(words[:TOP].to_pylist()),
    )  # fmt: skip


def _usual_length(lengths: Any, counts: Any, total: int) -> tuple[int, float]:
    """The length that :data:`LENGTH_QUANTILE` of the cells keep to, and the share of the commonest length."""
    if not total:
        return 0, 0.0
    grouped = (
        pa.table({"length": lengths, "cells": counts})
        .group_by("length")
        .aggregate([("cells", "sum")])
        .sort_by("length")
    )
    seen, usual = 0, 0
    for length, cells in zip(
        *(grouped[n].to_pylist() for n in ("length", "cells_sum")), strict=True
    ):
        seen += cells
        usual = length
        if seen >= total * LENGTH_QUANTILE:
            break
    return usual, int(pc.max(grouped["cells_sum"]).as_py() or 0) / total


def _shares(words: Any, counts: Any, total: int) -> Iterator[tuple[str, float]]:
    def share(flags: Any) -> float:
        return (pc.sum(counts.filter(flags)).as_py() or 0) / total if total else 0.0

    for name, pattern in (
        ("integer", INTEGER), ("leading_zero", LEADING_ZERO), ("decimal", DECIMAL), ("date", DATE),
        ("datetime", DATETIME), ("hanzi", HANZI), ("year", r"^(19|20)\d{2}\z"),
        ("name", r"^[\x{4e00}-\x{9fff}·]{2,4}\z"), ("digits6", r"^\d{6}\z"),
        ("address", r"(路|街|巷|村|社区|小区|号).*(号|室|幢|栋|楼)"),
    ):  # fmt: skip
        yield name, share(pc.match_substring_regex(words, pattern))
    yield "boolean", share(pc.is_in(words, value_set=pa.array(sorted(BOOLEANS), pa.string())))
    upper = pc.utf8_upper(words)
    for kind in FORMATS:
        verdict = verify_format(upper if kind is not ColumnFormat.EMAIL else words, kind)
        yield str(kind), share(pa.array(verdict.shape & verdict.check))
        yield f"{kind}.shape", share(pa.array(verdict.shape))


def _digits(numbers: Any) -> tuple[int, int]:
    """Most digits before and after the point."""
    if not len(numbers):
        return 0, 0
    plain = pc.replace_substring_regex(numbers, r"[-+,]", "")
    parts = pc.split_pattern(plain, ".", max_splits=1)
    whole = pc.max(pc.utf8_length(pc.list_element(parts, 0))).as_py() or 0
    tails = pc.utf8_length(pc.replace_substring_regex(plain, r"^\d+\.?", ""))
    return int(whole), int(pc.max(tails).as_py() or 0)


def _prefix(words: Sequence[str]) -> str:
    """What all of the most frequent values begin with."""
    if not words:
        return ""
    first, last = min(words), max(words)
    common = next((i for i, c in enumerate(first) if i >= len(last) or last[i] != c), len(first))
    return first[:common]
