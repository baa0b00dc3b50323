"""Cursors: which rows a run reads, and how far it came. Pure.

A cursor value is kept as the source writes it in text. The lower bound is inclusive: rows that share the
last value are read again and settled by their key, or in a log without key by comparing them whole, so that
none is lost and none stands twice. ``lag`` moves the bound back, for rows that arrive late.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from chengshu.data.collection.choices import CursorKind
from chengshu.data.ingest.facade import RowBatch

# A value this far ahead is a fault of the data: neither two clocks nor the time a reading takes explains it.
AHEAD = timedelta(minutes=5)
_OLDEST = "0001-01-01"


class CursorError(ValueError):
    """A value that cannot be a cursor of its kind; the message is Chinese."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A plan's cursor: the source column, the data item it goes to, its kind and the source's time zone."""

    column: str
    item: str
    kind: str
    zone: str = "Asia/Shanghai"


def parse(kind: str, text: str) -> Any:
    """A cursor value as something that can be compared.

    Raises:
        CursorError: it is no value of this kind.
    """
    try:
        match kind:
            case CursorKind.NUMBER:
                return Decimal(text)
            case CursorKind.DATE:
                return date.fromisoformat(text[:10])
            case CursorKind.DATETIME:
                return datetime.fromisoformat(_padded(text))
    except (ValueError, InvalidOperation) as error:
        raise CursorError(
            f"游标列的值“{text[:40]}”不是{CursorKind(kind).label}。请检查来源，或改选游标类型。"
        ) from error
    return text


def date_of(value: date | datetime) -> date:
    """The day of a date or instant, in the zone it is written in."""
    return value.date() if isinstance(value, datetime) else value


def _padded(text: str) -> str:
    """PostgreSQL writes "+08", which Python reads only as "+08:00" when seconds have fractions."""
    text = text.strip()
    return f"{text}:00" if len(text) > 3 and text[-3] in "+-" else text  # noqa: PLR2004 - "+08"


def lower_bound(kind: str, high_water: str, lag: int) -> str:
    """Where the next run begins: the last value, moved back by the lag (minutes, days, or a number).

    Raises:
        CursorError: the last value is no value of this kind.
    """
    if not high_water or not lag or kind == CursorKind.TEXT:
        return high_water
    value = parse(kind, high_water)
    try:
        match kind:
            case CursorKind.NUMBER:
                return str(value - lag)
            case CursorKind.DATE:
                return str(value - timedelta(days=lag))
    except OverflowError:
        return _OLDEST
    try:
        return str((value - timedelta(minutes=lag)).isoformat(sep=" "))
    except OverflowError:
        return _OLDEST


class Watch:
    """Looks at the cursor column while rows pass: the highest value that may become the new high water.

    ``now`` is the upper bound: the source's own time when it was asked before the reading (``theirs``), else ours.
    Rows ahead of it are loaded, but the next run must not start behind them, or the rows of the meantime would be
    lost. Our own clock may differ from theirs by :data:`AHEAD`; theirs cannot. ``future`` counts rows that lie
    ahead by more than :data:`AHEAD`, and ``skew`` is how far, in seconds.
    """

    def __init__(self, cursor: Cursor, now: datetime, *, theirs: bool = False) -> None:
        self._cursor, self._zone, self._now = cursor, ZoneInfo(cursor.zone), now
        self._bound = timedelta(0) if theirs else AHEAD
        self.theirs = theirs
        self._best: Any = None
        self.highest = ""
        self.future = 0
        self.skew: float | None = None

    def over(self, batches: Iterator[RowBatch]) -> Iterator[RowBatch]:
        """The batches, looked at."""
        for batch in batches:
            if self._cursor.item in batch.rows.schema.names:
                self._look(batch)
            yield batch

    def _look(self, batch: RowBatch) -> None:
        column: Any = batch.rows.column(self._cursor.item)
        counted: Any = column.value_counts()
        for entry in counted.to_pylist():
            text = entry["values"]
            if text is None or not text.strip():
                continue
            value = parse(self._cursor.kind, text)
            ahead = self._ahead(value)
            if ahead > AHEAD:
                self.future += entry["counts"]
                self.skew = max(self.skew or 0.0, ahead.total_seconds())
            if ahead <= self._bound and (self._best is None or value > self._best):
                self._best, self.highest = value, text

    def _ahead(self, value: Any) -> timedelta:
        if self._cursor.kind not in (CursorKind.DATE, CursorKind.DATETIME):
            return timedelta(0)
        if isinstance(value, datetime):
            moment = value if value.tzinfo else value.replace(tzinfo=self._zone)
            return moment.astimezone(UTC) - self._now
        ahead: timedelta = value - self._now.astimezone(self._zone).date()
        return max(timedelta(0), ahead)


def later_of(kind: str, one: str, other: str) -> str:
    """The higher of two values; "" is below all."""
    if not one or not other:
        return one or other
    return one if parse(kind, one) >= parse(kind, other) else other
