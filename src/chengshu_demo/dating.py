"""Dates of records: when things happened, and how departments write it down."""

from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow.compute as pc

from chengshu_demo import encoding
from chengshu_demo.encoding import Ints, Texts, pick, texts
from chengshu_demo.frame import Frame
from chengshu_demo.randomness import fraction
from chengshu_demo.semantics import bounds, split
from chengshu_demo.timeframe import REFERENCE_DATE, REFERENCE_DAY, last_day, year_start

DATE_STYLES: Final = (
    (encoding.ISO_DATE, 0.76),
    ("{0.year:04}/{0.month:02}/{0.day:02}", 0.09),
    ("{0.year:04}{0.month:02}{0.day:02}", 0.08),
    ("{0.year:04}年{0.month:02}月{0.day:02}日", 0.07),
)
"""How departments write dates, with the share of entries that do."""
_FUTURE_WORDS: Final = (
    "有效期", "到期", "期限", "期满", "届满", "结束", "终止", "下次", "计划", "承诺", "预产", "报废",
    "期止", "期至", "流转止", "务止", "终保", "拟离", "移出",
)  # fmt: skip
_HOURS: Final = np.array([0.2, 0.1, 0.1, 0.1, 0.1, 0.3, 1, 2, 6, 9, 9, 7, 3, 4, 8, 9, 8, 6, 3, 2,
                          2, 1.5, 1, 0.5])  # fmt: skip
_LAST_MONTH: Final = f"{REFERENCE_DATE:%Y}-{REFERENCE_DATE.month - 1:02}"
"""The last complete month before the reference day."""


def date_style(entry_key: str) -> str:
    """The date style of an entry's department."""
    position = fraction("date style", entry_key)
    for style, share in DATE_STYLES:
        position -= share
        if position < 0:
            return style
    return encoding.ISO_DATE


def days_of(frame: Frame, column: str) -> Ints:
    """Day numbers behind a ``date:`` or ``end:`` column, before any defect."""
    name, argument = split(frame.item(column).generator)
    if name == "end":
        base, _, span = argument.partition("+")
        low, high = bounds(span)
        return days_of(frame, base) + frame.stream(column).integers(low, high + 1, size=len(frame))
    first, last = bounds(argument)
    if name == "born":
        birth = frame.world.people.birth[frame.person]
        after = frame.stream(column).integers(first, last + 1, size=len(frame))
        since_birth: Ints = np.minimum(birth + after, REFERENCE_DAY)
        return since_birth
    return frame.stream(column).integers(year_start(first), last_day(last), size=len(frame))


def may_lie_ahead(title: str) -> bool:
    """Whether a date of this title can be in the future (an expiry, a deadline)."""
    return any(word in title for word in _FUTURE_WORDS)


def _make_date(frame: Frame, _argument: str, column: str) -> Texts:
    return encoding.dates(days_of(frame, column), date_style(frame.entry.key))


def _make_end(frame: Frame, _argument: str, column: str) -> Texts:
    item = frame.item(column)
    days = days_of(frame, column)
    made = encoding.dates(days, date_style(frame.entry.key))
    if item.nullable and not may_lie_ahead(item.title):
        return pc.if_else(days <= REFERENCE_DAY, made, encoding.BLANK)
    return made


def _make_datetime(frame: Frame, argument: str, column: str) -> Texts:
    first, last = bounds(argument)
    generator = frame.stream(column)
    days = generator.integers(year_start(first), last_day(last), size=len(frame))
    hours = generator.choice(len(_HOURS), size=len(frame), p=_HOURS / _HOURS.sum())
    return encoding.datetimes(days, hours * 3600 + generator.integers(0, 3600, size=len(frame)))


def _make_year(frame: Frame, argument: str, column: str) -> Texts:
    low, high = bounds(argument)
    return encoding.integers(frame.stream(column).integers(low, high + 1, size=len(frame)))


def _make_month(frame: Frame, argument: str, column: str) -> Texts:
    low, high = bounds(argument)
    months = [f"{y}-{m:02}" for y in range(low, high + 1) for m in range(1, 13)]
    vocabulary = texts([m for m in months if m <= _LAST_MONTH])
    if frame.reads_meters:
        household = frame.world.people.household[frame.person]
        return pick(vocabulary, (household * 7 + frame.reading) % len(vocabulary))
    index = frame.stream(column).integers(0, len(vocabulary), size=len(frame))
    return pick(vocabulary, index)


def _make_time(frame: Frame, _argument: str, column: str) -> Texts:
    times = texts([f"{h:02}:{m:02}" for h in range(5, 23) for m in (0, 15, 30, 45)])
    return pick(times, frame.stream(column).integers(0, len(times), size=len(frame)))


MAKERS: Final[dict[str, Callable[[Frame, str, str], Texts]]] = {
    "date": _make_date,
    "born": _make_date,
    "end": _make_end,
    "dt": _make_datetime,
    "year": _make_year,
    "ym": _make_month,
    "time": _make_time,
}
"""Values of the date-like generators by name: (frame, argument, column)."""
