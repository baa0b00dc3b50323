"""Vectorised text encoders: numbers, dates and identifiers with valid check digits.

Every function takes numpy arrays and returns Arrow string arrays without a Python loop
over the rows. Identifiers follow the published check-digit rules so that a validator
accepts them, but use prefixes that were never assigned (see :data:`FICTITIOUS_PREFIX`),
so that none of them can be the number of a real person, company, telephone, card or car.

Rules: resident identity number GB 11643-1999 (ISO 7064 MOD 11-2), unified social credit
code GB 32100-2015 with the organisation code of GB 11714-1997 inside, bank card Luhn.
"""

import datetime as dt
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# Arrow string arrays. The stubs are too narrow for compute kernels on them to be of help.
Texts: TypeAlias = Any
Ints: TypeAlias = npt.NDArray[np.int64]
Bytes: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]

BLANK: Final[Any] = pa.scalar(None, pa.string())
"""An empty cell."""
FICTITIOUS_PREFIX: Final = "390383"
"""Stands for 330383 in identifiers: no province has the code 39 (GB/T 2260), so no person or
company can carry it, and python-stdnum's birth-place test says so cleanly."""
FICTITIOUS_MOBILE: Final = "154"
"""A mobile segment that is not in use."""
FICTITIOUS_CARD_BIN: Final = "629983"
"""A card prefix without issuer."""
FICTITIOUS_PLATE: Final = "浙Y"
"""A plate letter without an issuing office in Zhejiang."""

EPOCH: Final = dt.date(1900, 1, 1)
LAST_DAY: Final = dt.date(2080, 12, 31)
SECONDS_PER_DAY: Final = 86_400

_USCC_ALPHABET: Final = np.frombuffer(b"0123456789ABCDEFGHJKLMNPQRTUWXY", dtype=np.uint8)
_USCC_WEIGHTS: Final = np.array(
    [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28], dtype=np.int64
)
_ORG_WEIGHTS: Final = np.array([3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int64)
_ID_WEIGHTS: Final = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int64)
_ID_CHECK: Final = np.frombuffer(b"10X98765432", dtype=np.uint8)
_PLATE_ALPHABET: Final = np.frombuffer(b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ", dtype=np.uint8)
_ZERO: Final = ord("0")
_NINE: Final = 9
_SCRAMBLE: Final = 7_368_787  # a prime: multiplication spreads neighbours and stays one to one
ISO_DATE: Final = "{0.year:04}-{0.month:02}-{0.day:02}"
_COMPACT_DATE: Final = "{0.year:04}{0.month:02}{0.day:02}"


def day_number(day: dt.date) -> int:
    """Days since :data:`EPOCH`, the unit of every date array in this package."""
    return (day - EPOCH).days


def fixed_width(cells: Bytes) -> Texts:
    """A matrix of ASCII bytes (rows x width) as a string array, without copying per row."""
    rows, width = cells.shape
    offsets: Any = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    data: Any = np.ascontiguousarray(cells)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(data))


def digits(values: Ints, width: int) -> Bytes:
    """The decimal digits of non-negative integers, zero-padded to ``width``."""
    out = np.empty((len(values), width), dtype=np.uint8)
    rest = values.astype(np.int64, copy=True)
    for position in range(width - 1, -1, -1):
        out[:, position] = rest % 10 + _ZERO
        rest //= 10
    return out


def literal(text: str, rows: int) -> Bytes:
    """The same ASCII text on every row."""
    one = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return np.broadcast_to(one, (rows, len(one)))


def serial(prefix: str, values: Ints, width: int = 10) -> Texts:
    """``prefix`` and a zero-padded number: unique as long as the numbers are."""
    if not prefix.isascii():
        return join(prefix, fixed_width(digits(values, width)))
    return fixed_width(np.hstack([literal(prefix, len(values)), digits(values, width)]))


def integers(values: Ints) -> Texts:
    """Integers as text."""
    return pa.array(values).cast(pa.string())


def decimals(values: Ints, scale: int) -> Texts:
    """Non-negative fixed-point numbers as text; ``values`` count units of ``10**-scale``."""
    whole = pa.array(values // 10**scale).cast(pa.string())
    fraction = fixed_width(digits(values % 10**scale, scale))
    return pc.binary_join_element_wise(whole, fraction, ".")


@cache
def _day_cells(style: str) -> tuple[Bytes, tuple[str, ...]]:
    count = day_number(LAST_DAY) + 1
    texts = tuple(style.format(EPOCH + dt.timedelta(days=n)) for n in range(count))
    if style.isascii():
        width = len(texts[0])
        joined = np.frombuffer("".join(texts).encode("ascii"), dtype=np.uint8)
        return joined.reshape(count, width), texts
    return np.empty((0, 0), dtype=np.uint8), texts


@cache
def _day_vocabulary(style: str) -> Texts:
    return pa.array(_day_cells(style)[1], pa.string())


def dates(days: Ints, style: str = ISO_DATE) -> Texts:
    """Day numbers as text; ``style`` is a format string over one date, as a department writes it."""
    if style.isascii():
        return fixed_width(_day_cells(style)[0][days])
    return _day_vocabulary(style).take(pa.array(days))


@cache
def _second_cells() -> Bytes:
    seconds = np.arange(SECONDS_PER_DAY, dtype=np.int64)
    colon = literal(":", SECONDS_PER_DAY)
    return np.hstack(
        [
            digits(seconds // 3600, 2),
            colon,
            digits(seconds // 60 % 60, 2),
            colon,
            digits(seconds % 60, 2),
        ]
    )


def datetimes(days: Ints, seconds: Ints) -> Texts:
    """Local time as ``YYYY-MM-DD HH:MM:SS``."""
    day_part = _day_cells(ISO_DATE)[0][days]
    return fixed_width(np.hstack([day_part, literal(" ", len(days)), _second_cells()[seconds]]))


def identity_numbers(birth_days: Ints, sequence: Ints) -> Texts:
    """18-digit identity numbers (fictitious division) from birth day and sequence 0-999."""
    rows = len(birth_days)
    body = np.hstack(
        [
            literal(FICTITIOUS_PREFIX, rows),
            _day_cells(_COMPACT_DATE)[0][birth_days],
            digits(sequence, 3),
        ]
    )
    remainder = ((body.astype(np.int64) - _ZERO) @ _ID_WEIGHTS) % 11
    return fixed_width(np.hstack([body, _ID_CHECK[remainder][:, None]]))


def _base(values: Ints, alphabet: Bytes, width: int) -> Bytes:
    out = np.empty((len(values), width), dtype=np.uint8)
    rest = values.astype(np.int64, copy=True)
    for position in range(width - 1, -1, -1):
        out[:, position] = alphabet[rest % len(alphabet)]
        rest //= len(alphabet)
    return out


@cache
def _alphabet_index(alphabet: bytes) -> Bytes:
    index = np.zeros(256, dtype=np.uint8)
    for position, char in enumerate(alphabet):
        index[char] = position
    return index


def credit_codes(numbers: Ints, kinds: Ints) -> Texts:
    """Unified social credit codes: ``kinds`` is the second character (1 enterprise,
    2 self-employed, 3 farmers' cooperative), ``numbers`` distinct organisation numbers.
    """
    rows = len(numbers)
    space = len(_USCC_ALPHABET) ** 6
    body = np.hstack([literal("MA", rows), _base(numbers * _SCRAMBLE % space, _USCC_ALPHABET, 6)])
    plain = _alphabet_index(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")[body].astype(np.int64)
    check = (11 - (plain @ _ORG_WEIGHTS) % 11) % 11
    organisation_check = np.frombuffer(b"0123456789X", dtype=np.uint8)[check]
    head = np.hstack(
        [
            literal("9", rows),
            digits(kinds, 1),
            literal(FICTITIOUS_PREFIX, rows),
            body,
            organisation_check[:, None],
        ]
    )
    values = _alphabet_index(_USCC_ALPHABET.tobytes())[head].astype(np.int64)
    last = _USCC_ALPHABET[(31 - (values @ _USCC_WEIGHTS) % 31) % 31]
    return fixed_width(np.hstack([head, last[:, None]]))


def card_numbers(numbers: Ints) -> Texts:
    """19-digit card numbers with a Luhn check digit."""
    rows = len(numbers)
    scrambled = numbers * _SCRAMBLE % 10**12
    body = np.hstack([literal(FICTITIOUS_CARD_BIN, rows), digits(scrambled, 12)])
    values = body.astype(np.int64) - _ZERO
    doubled = values[:, ::-1].copy()
    doubled[:, ::2] *= 2
    doubled = np.where(doubled > _NINE, doubled - _NINE, doubled)
    check = (10 - doubled.sum(axis=1) % 10) % 10
    return fixed_width(np.hstack([body, (check[:, None] + _ZERO).astype(np.uint8)]))


def mobile_numbers(numbers: Ints) -> Texts:
    """11-digit mobile numbers in an unused segment."""
    return serial(FICTITIOUS_MOBILE, numbers * _SCRAMBLE % 10**8, 8)


def plates(numbers: Ints) -> Texts:
    """Seven-character plates (GA 36 shape) of a plate letter nobody issues."""
    space = len(_PLATE_ALPHABET) ** 5
    cells = fixed_width(_base(numbers * _SCRAMBLE % space, _PLATE_ALPHABET, 5))
    return pc.binary_join_element_wise(pa.scalar(FICTITIOUS_PLATE), cells, "")


def pick(vocabulary: Texts, indices: npt.NDArray[np.integer]) -> Texts:
    """Values of a vocabulary by position."""
    return vocabulary.take(pa.array(indices))


def texts(words: Sequence[str | None]) -> Texts:
    """Words as a string array."""
    return pa.array(list(words), pa.string())


def join(*parts: Texts | str) -> Texts:
    """Element-wise concatenation; plain strings repeat on every row."""
    arrays: list[Any] = [pa.scalar(part) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*arrays, "")
