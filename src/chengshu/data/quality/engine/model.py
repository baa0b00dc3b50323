"""What the engine works with: tables as rules see them, checks, and what a scan found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chengshu.data.contract.facade import ColumnFormat, ColumnSpec
from chengshu.data.quality.choices import Dimension, RuleOrigin, Severity

Masks = npt.NDArray[np.uint64]
"""One row per record (or group of records), one column per 64 checks; bit *i* of word *w* is check 64 *w* + *i*."""
WORD = 64


class RuleError(ValueError):
    """A rule that cannot be used as it is written; the message is for the person who wrote it (Chinese)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableShape:
    """A table as rules see it: ``lake_table`` is ``zone/name``; ``code`` is its catalogue code."""

    code: str
    title: str
    lake_table: str
    columns: tuple[ColumnSpec, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the key columns; empty for a table without a key."""
        return tuple(column.name for column in self.columns if column.key)

    def column(self, name: str) -> ColumnSpec:
        """The column called ``name``.

        Raises:
            RuleError: there is none.
        """
        found = next((column for column in self.columns if column.name == name), None)
        if found is None:
            raise RuleError(f"“{self.title}”没有字段“{name}”，目录可能已经变更，请修改规则。")
        return found

    def only(self, names: "set[str] | frozenset[str]") -> "TableShape":
        """The shape with those columns only that are in ``names`` (what the stored table has)."""
        kept = tuple(column for column in self.columns if column.name in names)
        return TableShape(
            code=self.code, title=self.title, lake_table=self.lake_table, columns=kept
        )


Tables = Callable[[str], TableShape]
"""Finds another table by its catalogue code; raises :class:`RuleError` when it cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Rows of another relation beside each row: at most one per row.

    ``source`` is a query whose ``{name}`` places stand for lake tables given in ``tables``
    (place → ``zone/name``); ``on`` is a condition over ``t`` and the join's ``alias``.
    """

    alias: str
    source: str
    on: str
    tables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule ready to run.

    ``fails`` is an SQL condition over ``t`` and the joins; unknown (NULL) counts as not failing.
    ``checked`` says which rows the rule speaks about; empty: all. A check without ``fails`` is
    never broken in a stored table and counts quarantined rows only. ``prepared`` are columns computed
    once per row and shared by checks (name → expression over ``t``); ``verdicts`` are identifier columns whose check
    digits are verified before the scan.
    """

    key: str
    title: str
    dimension: Dimension
    severity: Severity
    origin: RuleOrigin
    columns: tuple[str, ...] = ()
    fails: str = ""
    checked: str = ""
    joins: tuple[Join, ...] = ()
    prepared: Mapping[str, str] = field(default_factory=dict)
    verdicts: Mapping[str, ColumnFormat] = field(default_factory=dict)
    rule_id: int | None = None


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What one scan found.

    ``groups`` holds each combination of failed checks once with its number of rows in ``sizes``;
    the first may be "none failed". ``keys`` are the failing rows (key columns, then ``w0``, ``w1`` …).
    """

    rows: int
    groups: Masks
    sizes: npt.NDArray[np.int64]
    checked: tuple[int, ...]
    keys: pa.Table

    def failed(self, index: int) -> int:
        """Exact number of rows that fail check ``index``."""
        return int(self.sizes[has_bit(self.groups, index)].sum())


def words_for(checks: int) -> int:
    """How many mask words so many checks need."""
    return max(1, -(-checks // WORD))


def has_bit(masks: Masks, index: int) -> npt.NDArray[np.bool_]:
    """Which of the masks contain check ``index``."""
    word, bit = divmod(index, WORD)
    found: npt.NDArray[np.bool_] = (masks[:, word] >> np.uint64(bit)) & np.uint64(1) == 1
    return found
