"""Typing of plain values: those that need no cleaning and break no rule, whole columns at once.

For every column this module types what is beyond doubt and names the rows that are not: a value is
plain only when the slow way (cleaning, then the SELECT of `statement`) would give the same value and no
broken rule. Everything else is left to that way, so this is a question of speed and never of judgement.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chengshu.data.contract.cells import Bytes, Cells, Flags, column_of, trim
from chengshu.data.contract.check_digits import days_in_month, verify
from chengshu.data.contract.model import ArrowColumn, ColumnSpec, ColumnType
from chengshu.data.contract.normalise import to_codes
from chengshu.data.contract.statement import FALSE_WORDS, TRUE_WORDS

Ints = npt.NDArray[np.int64]

_ZERO, _NINE = ord("0"), 9
_PLUS, _MINUS, _POINT = ord("+"), ord("-"), ord(".")
_SAFE_DIGITS = 18  # what surely fits 64 bits
_POWERS = 10 ** np.arange(_SAFE_DIGITS + 1, dtype=np.int64)
_FEW_WORDS = 64
_BOOLEANS = dict.fromkeys(TRUE_WORDS, True) | dict.fromkeys(FALSE_WORDS, False)
_DATE_MARKS = tuple(map(ord, "-/."))
_MICROSECONDS = 1_000_000
_DAY_SECONDS = 86_400
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Plain:
    """A column typed where it is plain; `doubtful` marks the filled cells to be judged otherwise.

    `missing` marks empty cells. Typed values at doubtful places mean nothing.
    """

    typed: ArrowColumn
    missing: Flags
    doubtful: Flags


def judge_plain(raw: ArrowColumn, spec: ColumnSpec, meanings: Mapping[str, str] | None) -> Plain:
    """Type the plain values of a column of text; `meanings` belongs to a code column."""
    column = trim(raw)
    cells = Cells(column)
    match spec.type:
        case ColumnType.TEXT:
            typed, doubtful = _text(column, cells, spec, meanings)
        case ColumnType.BOOLEAN:
            typed, doubtful = _booleans(column)
        case ColumnType.DATE:
            typed, doubtful = _dates(cells, spec)
        case ColumnType.DATETIME:
            typed, doubtful = _date_times(cells, spec)
        case _:
            typed, doubtful = _numbers(cells, spec)
    return Plain(typed, cells.missing, doubtful & ~cells.missing)


def _text(
    column: ArrowColumn, cells: Cells, spec: ColumnSpec, meanings: Mapping[str, str] | None
) -> tuple[ArrowColumn, Flags]:
    if meanings is not None:
        column, known = to_codes(column, meanings)
        doubtful: Flags = ~known.to_numpy(zero_copy_only=False)
        cells = Cells(column)
    elif spec.format is not None:
        # A well-formed identifier cannot look like a number of a spreadsheet: no further test.
        verdict = verify(column, spec.format)
        doubtful = ~(verdict.shape & verdict.check)
    else:
        doubtful = np.zeros(cells.count, dtype=np.bool_)
        doubtful[cells.rows_with(_PLUS)] = True
    if spec.pattern is not None:
        doubtful[:] = True
    # A text has at most as many characters as bytes.
    if spec.length is not None and cells.lengths.max(initial=0) > spec.length:
        longer: ArrowColumn = pc.greater(pc.utf8_length(column), pa.scalar(spec.length, pa.int32()))
        doubtful |= longer.fill_null(False).to_numpy(zero_copy_only=False)
    return column, doubtful


def _booleans(column: ArrowColumn) -> tuple[ArrowColumn, Flags]:
    encoded = column.dictionary_encode()
    if len(encoded.dictionary) > _FEW_WORDS:
        return pa.nulls(len(column), pa.bool_()), np.ones(len(column), dtype=np.bool_)
    words = [_BOOLEANS.get(word.lower()) for word in encoded.dictionary.to_pylist()]
    typed = pa.array(words, pa.bool_()).take(encoded.indices)
    return typed, typed.is_null().to_numpy(zero_copy_only=False).copy()


def _numbers(cells: Cells, spec: ColumnSpec) -> tuple[ArrowColumn, Flags]:
    scale = spec.decimal_size[1] if spec.type is ColumnType.DECIMAL else 0
    values, doubtful = _fixed_point(cells, scale)
    if spec.type is ColumnType.DECIMAL:
        most = 10 ** min(spec.decimal_size[0], _SAFE_DIGITS) - 1
        doubtful |= (values > most) | (values < -most)
    elif spec.length is not None and spec.length < _SAFE_DIGITS:
        doubtful |= (values >= 10**spec.length) | (values <= -(10**spec.length))
    low = None if spec.minimum is None else math.ceil(Fraction(spec.minimum) * 10**scale)
    high = None if spec.maximum is None else math.floor(Fraction(spec.maximum) * 10**scale)
    if any("e" in bound.lower() for bound in (spec.minimum, spec.maximum) if bound):
        doubtful[:] = True  # such a bound is compared as a floating number
    doubtful |= _outside(values, low, high)
    if spec.type is ColumnType.DECIMAL:
        wide = np.empty((cells.count, 2), dtype=np.int64)
        wide[:, 0], wide[:, 1] = values, values >> 63
        values = wide
    return column_of(spec.arrow_type, ~(doubtful | cells.missing), values), doubtful


def _outside(values: Ints, low: int | None, high: int | None) -> Flags:
    """Values beyond an inclusive bound."""
    found = np.zeros(len(values), dtype=np.bool_)
    limits = np.iinfo(np.int64)
    if low is not None:
        found |= (values < low) if limits.min <= low <= limits.max else low > 0
    if high is not None:
        found |= (values > high) if limits.min <= high <= limits.max else high < 0
    return found


def _fixed_point(cells: Cells, scale: int) -> tuple[Ints, Flags]:
    """Values times 10**scale of [-]digits[.digits], and the rows that are written otherwise."""
    if scale >= _SAFE_DIGITS:
        return np.zeros(cells.count, dtype=np.int64), np.ones(cells.count, dtype=np.bool_)
    doubtful = cells.lengths > _SAFE_DIGITS - scale
    places = np.flatnonzero((cells.used - _ZERO) > _NINE) + int(cells.offsets[0])
    rows, signs = cells.rows_at(places), cells.byte(places)
    decimals = np.zeros(cells.count, dtype=np.int64)
    dotted = signs == _POINT
    misplaced = (places != cells.starts[rows]) | (cells.lengths[rows] < 2)  # noqa: PLR2004 - "-" alone
    doubtful[rows[~dotted & ((signs != _MINUS) | misplaced)]] = True
    if scale and dotted.any():
        points, owners = places[dotted], rows[dotted]
        behind = cells.ends[owners] - 1 - points
        digit_before = (points > cells.starts[owners]) & ((cells.byte(points - 1) - _ZERO) <= _NINE)
        fine = (behind >= 1) & (behind <= scale) & digit_before
        fine[1:] &= owners[1:] != owners[:-1]
        doubtful[owners[~fine]] = True
        decimals[owners[fine]] = behind[fine]
        lost = np.bincount(owners, minlength=cells.count)
        text = cells.used[cells.used != _POINT]
    else:
        doubtful[rows[dotted]] = True
        lost, text = None, cells.used
    offsets = cells.offsets - cells.offsets[0]
    if lost is not None:
        offsets[1:] -= np.cumsum(lost, dtype=np.int32)
    written = column_of(pa.string(), ~(doubtful | cells.missing), offsets, text)
    whole: ArrowColumn = written.cast(pa.int64())
    values: Ints = whole.fill_null(0).to_numpy(zero_copy_only=False)
    return (values * _POWERS[scale - decimals] if scale else values), doubtful


def _dates(cells: Cells, spec: ColumnSpec) -> tuple[ArrowColumn, Flags]:
    days, good = _days(cells, cells.lengths)
    low, high = (
        None if bound is None else (date.fromisoformat(bound) - _EPOCH).days
        for bound in (spec.minimum, spec.maximum)
    )
    doubtful = ~good | _outside(days, low, high)
    present = ~(doubtful | cells.missing)
    return column_of(pa.date32(), present, days.astype(np.int32)), doubtful


def _days(cells: Cells, lengths: npt.NDArray[np.int32]) -> tuple[Ints, Flags]:
    """Days since 1970 of dates written y-m-d (also / and .) or yyyymmdd in the first `lengths` bytes."""
    at = [cells.byte(cells.starts + place) for place in range(8)]
    digits = [byte - _ZERO for byte in at]
    good = (lengths >= 8) & (lengths <= 10) & (digits[0] >= 1)  # noqa: PLR2004
    for digit in digits[:4]:
        good &= digit <= _NINE
    year = _joined(digits[:4])
    mark, short = at[4], digits[6] > _NINE
    month = np.where(short, digits[5].astype(np.int32), _joined(digits[5:7]))
    second = cells.starts + np.where(short, np.int32(6), np.int32(7))
    finish = cells.starts + lengths - 1
    units, tens = cells.byte(finish) - _ZERO, cells.byte(second + 1) - _ZERO
    long_day = finish - second == 2  # noqa: PLR2004
    day = units + np.where(long_day, tens, np.uint8(0)).astype(np.int32) * 10
    marked = np.isin(mark, _DATE_MARKS) & (cells.byte(second) == mark) & (digits[5] <= _NINE)
    marked &= (long_day | (finish - second == 1)) & (units <= _NINE) & (tens <= _NINE)
    compact = (mark - _ZERO <= _NINE) & (lengths == 8)  # noqa: PLR2004
    if compact.any():
        for digit in digits[4:]:
            compact &= digit <= _NINE
        month = np.where(compact, _joined(digits[4:6]), month)
        day = np.where(compact, _joined(digits[6:8]), day)
    good &= (marked | compact) & (day >= 1) & (day <= days_in_month(year, month))
    return _days_since_epoch(year, month, day), good


def _joined(digits: list[Bytes]) -> npt.NDArray[np.int32]:
    total = digits[0].astype(np.int32)
    for digit in digits[1:]:
        total = total * 10 + digit
    return total


def _days_since_epoch(
    year: npt.NDArray[np.int32], month: npt.NDArray[np.int32], day: npt.NDArray[np.int32]
) -> Ints:
    """Of the proleptic Gregorian calendar, counting years from March."""
    early = month <= 2  # noqa: PLR2004 - January and February belong to the year before
    year = year - early
    months = np.where(early, month + 9, month - 3)
    days: Ints = (
        year * 365 + year // 4 - year // 100 + year // 400
        + (months * 153 + 2) // 5 + day - 719_469
    ).astype(np.int64)  # fmt: skip
    return days


def _date_times(cells: Cells, spec: ColumnSpec) -> tuple[ArrowColumn, Flags]:
    """yyyy-mm-dd, alone or with hh:mm or hh:mm:ss; wall-clock microseconds."""
    days, good = _days(cells, np.minimum(cells.lengths, 10))
    good &= np.isin(cells.lengths, (10, 16, 19))
    timed = cells.lengths > 10  # noqa: PLR2004 - bytes of a date
    clock = np.zeros(cells.count, dtype=np.int64)
    for place, weight, most in ((11, 3600, 23), (14, 60, 59), (17, 1, 59)):
        tens, units = (cells.byte(cells.starts + place + i) - _ZERO for i in (0, 1))
        part = tens.astype(np.int64) * 10 + units
        given = timed & (cells.lengths > place)
        marks = (ord(" "), ord("T")) if weight == 3600 else (ord(":"),)  # noqa: PLR2004 - the hour
        right = (tens <= _NINE) & (units <= _NINE) & (part <= most)
        right &= np.isin(cells.byte(cells.starts + place - 1), marks)
        good &= right | ~given
        clock += np.where(given & right, part * weight, 0)
    instants = (days * _DAY_SECONDS + clock) * _MICROSECONDS
    low, high = (
        None if bound is None else int(np.datetime64(datetime.fromisoformat(bound), "us").astype(int))
        for bound in (spec.minimum, spec.maximum)
    )  # fmt: skip
    doubtful = ~good | _outside(instants, low, high)
    return column_of(pa.timestamp("us"), ~(doubtful | cells.missing), instants), doubtful
