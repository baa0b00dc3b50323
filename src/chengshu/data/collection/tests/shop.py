# ruff: noqa: ARG002 - the connector's form: this source needs neither a connection nor a name
"""A source in memory: rows as text, a window by comparison, faults on demand. Not a mock: a whole connector."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from chengshu.data.ingest.facade import (
    Checksum,
    Connector,
    Reason,
    RowBatch,
    SourceColumn,
    SourceError,
    SourceObject,
    SourceStructure,
    Window,
)
from chengshu.data.ingest.sources.sql import digest_of

COLUMNS = {
    "no": "varchar", "name": "varchar", "sex": "varchar", "day": "date", "amount": "numeric",
    "changed": "timestamp",
}  # fmt: skip
MAPPING = {
    "no": "person_no", "name": "full_name", "sex": "gender", "day": "registered_on",
    "amount": "amount", "changed": "changed_at",
}  # fmt: skip
_CHUNK = 50


@dataclass
class Shop:
    """The table, its columns, and what is wrong with it."""

    rows: dict[str, dict[str, str | None]] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=lambda: dict(COLUMNS))
    lost_after: int | None = None
    refuse: SourceError | None = None
    reads: int = 0
    now: datetime | None = None

    def clear(self) -> None:
        """As new."""
        self.rows, self.columns = {}, dict(COLUMNS)
        self.lost_after = self.refuse = None
        self.reads = 0
        self.now = None

    def put(self, number: int, at: str = "2026-11-23 08:00:00", **changes: str | None) -> None:
        """A row, or a newer version of it."""
        key = f"P{number:05d}"
        self.rows[key] = {
            "no": key, "name": "张三", "sex": "1", "day": at[:10], "amount": "12.50", "changed": at,
        } | changes  # fmt: skip


SHOP = Shop()


class ShopConnector(Connector):
    """Reads :data:`SHOP`."""

    key, name, windows = "shop", "测试库", True

    def check(self, to: Any) -> str:
        return "shop"

    def clock(self, to: Any) -> datetime | None:
        return SHOP.now

    def objects(self, to: Any) -> list[SourceObject]:
        return [SourceObject(name="main.people", kind="table", columns=self._columns())]

    def structure(self, to: Any, name: str) -> SourceStructure:
        if SHOP.refuse:
            raise SHOP.refuse
        return SourceStructure(name, self._columns())

    def _columns(self) -> tuple[SourceColumn, ...]:
        return tuple(SourceColumn(name=n, type=t, key=n == "no") for n, t in SHOP.columns.items())

    def _within(self, window: Window | None) -> list[dict[str, str | None]]:
        def fits(row: dict[str, str | None]) -> bool:
            if window is None:
                return True
            value = row[window.column]
            if value is None:
                return window.with_empty
            low, high = window.since, window.until
            above = low is None or (value >= low if window.since_inclusive else value > low)
            return above and (high is None or value < high)

        return [row for row in SHOP.rows.values() if fits(row)]

    def read(
        self, to: Any, name: str, mapping: Mapping[str, str], *, window: Window | None = None
    ) -> Iterator[RowBatch]:
        SHOP.reads += 1
        rows = self._within(window)
        for first in range(0, len(rows), _CHUNK):
            part = rows[first : first + _CHUNK]
            if SHOP.lost_after is not None and first >= SHOP.lost_after:
                raise SourceError(Reason.LOST, "读到一半连接断了。", "请稍后重新归集。")
            arrays: dict[str, Any] = {
                "__row": pa.array(range(first + 1, first + len(part) + 1), pa.int64())
            }
            for column, item in mapping.items():
                arrays[item] = pa.array([r[column] for r in part], pa.string())
            yield RowBatch(pa.RecordBatch.from_pydict(arrays))

    def count(self, to: Any, name: str, *, window: Window | None = None) -> int:
        return len(self._within(window))

    def checksum(
        self, to: Any, name: str, columns: Sequence[str], *, window: Window | None = None
    ) -> Checksum:
        return digest_of([[row[c] for c in columns] for row in self._within(window)])

    def highest(self, to: Any, name: str, column: str) -> str | None:
        return max((str(r[column]) for r in SHOP.rows.values() if r[column]), default=None)
