"""Keyed masks over whole Arrow columns: what `masks` and `mask_pseudonyms` do to one value, for many at once.

Each kernel takes different texts without nulls and the key, and returns which of them it knows and what becomes of
those; the usual shapes are known, the others go through the function of one value. The results are the same to the
letter: the tests compare them.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as arrow_compute

from chengshu_gateway import mask_pseudonyms as single
from chengshu_gateway.mask_keyed import digests
from chengshu_gateway.mask_limbs import limbs, take_off
from chengshu_gateway.mask_values import FULL
from chengshu_gateway.masks import HASH_DIGITS, HASHES

# The stubs' overloads of the compute kernels are too narrow to be of help.
pc: Any = arrow_compute

Kernel = Callable[[Any, bytes], tuple[Any, Any]]
Numbers = npt.NDArray[np.int64]

_ID_SIZE, _ZERO = 18, 48
_MOBILE_SIZE, _MOBILE_DIGITS = 11, 9
# Before the year 1000 the function of one value pads differently; nobody living was born then.
_ID = r"^[0-9]{6}[1-9][0-9]{10}[0-9Xx]\z"
_MOBILE = r"^(?:\+?86[- ]?)?1[0-9]{10}\z"
_NAME = r"^[\x{4e00}-\x{9fa5}]{1,20}\z"
_CODE = rf"^[ -~\x{{4e00}}-\x{{9fa5}}]{{1,{single.CODE_PART}}}\z"
_SURNAMES = np.array(list(single.SURNAMES))
_GIVEN = np.array(list(single.GIVEN))
_GIVEN_CODES = _GIVEN.view(np.uint32)
_CHECK = np.frombuffer(single.CHECK.encode(), np.uint8)


def _fixed(table: npt.NDArray[np.uint8]) -> Any:
    """Rows of ASCII characters as Arrow text."""
    rows, size = table.shape
    offsets = np.arange(0, (rows + 1) * size, size, dtype=np.int32)
    return pa.StringArray.from_buffers(
        rows, pa.py_buffer(offsets.tobytes()), pa.py_buffer(table.tobytes())
    )


def _digits(table: npt.NDArray[np.uint8], start: int, numbers: Numbers, size: int) -> None:
    for place in range(start + size - 1, start - 1, -1):
        numbers, digit = np.divmod(numbers, 10)
        table[:, place] = digit + _ZERO


def _known(values: Any, pattern: str) -> tuple[Any, Any]:
    known = pc.match_substring_regex(values, pattern)
    return known, values.filter(known)


def _spread(known: Any, shown: Any) -> Any:
    """What is known at its places, null elsewhere."""
    if len(shown) == len(known):
        return shown
    empty = pa.nulls(len(known), pa.string())
    return pc.replace_with_mask(empty, known, shown)


def _bits(key: bytes, purpose: str, texts: Any) -> Any:
    return limbs(digests(key, pc.cast(texts, pa.binary()).to_pylist(), purpose=purpose))


def _hash(algorithm: str) -> Kernel:
    def kernel(values: Any, key: bytes) -> tuple[Any, Any]:
        half = HASH_DIGITS // 2
        found = digests(key, pc.cast(values, pa.binary()).to_pylist(), algorithm=algorithm)
        shown = b"".join([digest[:half] for digest in found]).hex().encode()
        table = np.frombuffer(shown, np.uint8).reshape(len(found), HASH_DIGITS)
        return pc.is_valid(values), _fixed(table)

    return kernel


def _identity(*, keep: bool) -> Kernel:
    def kernel(values: Any, key: bytes) -> tuple[Any, Any]:
        known, chosen = _known(values, _ID)
        chosen = pc.ascii_upper(chosen)
        bits = _bits(key, single.ID_PURPOSE, chosen)
        region, drawn = take_off(bits, 10_000), take_off(bits, single.YEARS)
        day, order = take_off(bits, 365), take_off(bits, 1000)
        year = single.FIRST_YEAR + drawn
        if keep:
            year = _number(pc.utf8_slice_codeunits(chosen, 6, 10))
            order += _number(pc.utf8_slice_codeunits(chosen, 16, 17)) % 2 - order % 2
        return known, _spread(known, _numbered(region, year, day, order))

    return kernel


def _number(texts: Any) -> Numbers:
    found: Numbers = pc.cast(texts, pa.int64()).to_numpy(zero_copy_only=False)
    return found


def _numbered(region: Numbers, year: Numbers, day: Numbers, order: Numbers) -> Any:
    """Identity numbers of a province that never was, with their check digits."""
    first = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    born = first + day.astype("timedelta64[D]")
    month = born.astype("datetime64[M]")
    table = np.empty((len(year), _ID_SIZE), np.uint8)
    table[:, 0], table[:, 1] = ord("3"), ord("9")
    _digits(table, 2, region, 4)
    _digits(table, 6, year, 4)
    _digits(table, 10, month.astype(np.int64) % 12 + 1, 2)
    _digits(table, 12, (born - month.astype("datetime64[D]")).astype(np.int64) + 1, 2)
    _digits(table, 14, order, 3)
    weights = np.array(single.WEIGHTS, np.int64)
    total = (table[:, :-1].astype(np.int64) - _ZERO) @ weights
    table[:, -1] = _CHECK[total % len(_CHECK)]
    return _fixed(table)


def _telephone(values: Any, key: bytes) -> tuple[Any, Any]:
    known, chosen = _known(values, _MOBILE)
    drawn = _bits(key, single.PHONE_PURPOSE, pc.utf8_slice_codeunits(chosen, -_MOBILE_SIZE))
    table = np.empty((len(chosen), _MOBILE_SIZE), np.uint8)
    table[:, 0], table[:, 1] = ord("1"), ord("2")
    _digits(table, 2, take_off(drawn, 10**_MOBILE_DIGITS), _MOBILE_DIGITS)
    return known, _spread(known, _fixed(table))


def _name(values: Any, key: bytes) -> tuple[Any, Any]:
    known, chosen = _known(values, _NAME)
    bits = _bits(key, single.NAME_PURPOSE, chosen)
    surname = _SURNAMES[take_off(bits, len(_SURNAMES))]
    first = _GIVEN[take_off(bits, len(_GIVEN))]
    second = _GIVEN[take_off(bits, len(_GIVEN))]
    longer = pc.utf8_length(chosen).to_numpy(zero_copy_only=False) > 2  # noqa: PLR2004 - surname and one
    made = np.stack([surname, first, np.where(longer, second, "")], axis=1)
    shown = np.ascontiguousarray(made).view("U3").ravel()
    return known, _spread(known, pa.array(shown, pa.string()))


def _code(values: Any, key: bytes) -> tuple[Any, Any]:
    known, chosen = _known(values, _CODE)
    if not len(chosen):
        return known, _spread(known, chosen)
    bits = _bits(key, single.code_purpose(0), chosen)
    texts = np.array(chosen.to_pylist())
    table = np.ascontiguousarray(texts).view(np.uint32).reshape(len(texts), -1).copy()
    for place in range(table.shape[1]):
        _draw(table[:, place], bits)
    shown = np.ascontiguousarray(table).view(texts.dtype).ravel()
    return known, _spread(known, pa.array(shown, pa.string()))


# First and last character of a kind, how many there are of it.
_KINDS = ((ord("0"), ord("9"), 10), (ord("A"), ord("Z"), 26), (ord("a"), ord("z"), 26))
_HAN = 0x4E00


def _draw(column: npt.NDArray[np.uint32], bits: Any) -> None:
    """Replace the characters of one place, each kind by its own."""
    before = column.copy()
    for first, last, size in _KINDS:
        where = (before >= first) & (before <= last)
        column[where] = first + _drawn(bits, where, size)
    where = before >= _HAN
    column[where] = _GIVEN_CODES[_drawn(bits, where, len(_GIVEN_CODES))]


def _drawn(bits: Any, where: npt.NDArray[np.bool_], size: int) -> Numbers:
    if where.all():
        return take_off(bits, size)
    if not where.any():
        return np.zeros(0, np.int64)
    part = bits[:, where]
    found = take_off(part, size)
    bits[:, where] = part
    return found


KERNELS: dict[str, Kernel] = {
    **{kind: _hash(algorithm) for kind, algorithm in HASHES.items()},
    "pseudo_id": _identity(keep=False),
    "pseudo_id_kept": _identity(keep=True),
    "pseudo_phone": _telephone,
    "pseudo_name": _name,
    "pseudo_code": _code,
}

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = 1 - _EPOCH, date.max.toordinal() - _EPOCH
_UNKNOWN = np.iinfo(np.int32).max


def shift_dates(days: Any, subjects: Any, key: bytes, most: int) -> Any:
    """Dates as text (dictionary-encoded), moved by the number of days of each row's subject (likewise encoded)."""
    whom = pc.cast(subjects.dictionary, pa.string())
    drawn = take_off(_bits(key, single.SHIFT_PURPOSE, whom), 2 * most)
    offset = np.where(drawn < most, drawn - most, drawn - most + 1)
    place = days.indices.fill_null(0).to_numpy(zero_copy_only=False)
    person = subjects.indices.fill_null(0).to_numpy(zero_copy_only=False)
    day = np.array([_day(text) for text in days.dictionary.to_pylist()] or [_UNKNOWN], np.int64)
    moved = day[place] + (offset if len(offset) else np.zeros(1, np.int64))[person]
    sound = (day[place] != _UNKNOWN) & (moved >= _FIRST) & (moved <= _LAST)
    sound &= subjects.indices.is_valid().to_numpy(zero_copy_only=False)
    shown = pc.cast(pa.array(np.where(sound, moved, 0).astype(np.int32), pa.date32()), pa.string())
    shown = pc.if_else(pa.array(sound), shown, FULL)
    return pc.if_else(days.indices.is_valid(), shown, pa.scalar(None, pa.string()))


def _day(text: str) -> int:
    try:
        return date.fromisoformat(text[:10]).toordinal() - _EPOCH
    except ValueError:
        return _UNKNOWN
