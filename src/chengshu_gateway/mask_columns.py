"""Masks over whole Arrow columns, so that previews and downloads mask exactly as calls do.

Where Arrow's kernels can do it they do; what they leave (unusual shapes) goes through the function of one
value, on distinct values only.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as arrow_compute

from chengshu_gateway.arrow_columns import storable, type_name
from chengshu_gateway.mask_pseudonym_columns import KERNELS, shift_dates
from chengshu_gateway.mask_values import FULL
from chengshu_gateway.masks import Mask, plain_text

# The stubs' overloads of the compute kernels are too narrow to be of help.
pc: Any = arrow_compute

# Whole numbers of 256 bits for so many values fit the processor's cache.
_AT_ONCE = 1 << 15

Kernel = Callable[[Any, Mask], tuple[Any, Any]]


def mask_array(
    column: Any,
    mask: Mask,
    *,
    hash_key: bytes = b"",
    today: Callable[[], date] = date.today,
    subjects: Any = None,
) -> Any:
    """Return the masked Array or ChunkedArray as text (unchanged for "none"); nulls stay null.

    `subjects` is the column of the same length that a mask with a `subject` goes by; without it such
    a mask hides everything.
    """
    if not mask.hides:
        return column
    if mask.subject and subjects is not None:
        mask.compile_pair(hash_key=hash_key)  # complains when the key is missing
        days, whom = _plain(column).dictionary_encode(), _plain(subjects).dictionary_encode()
        return shift_dates(_worded(days), _worded(whom), hash_key, mask.first)
    function = mask.compile(hash_key=hash_key, today=today)
    if isinstance(column, pa.ChunkedArray):
        chunks = [_mask_chunk(chunk, mask, function, hash_key) for chunk in column.chunks]
        return pa.chunked_array(chunks, type=pa.string())
    return _mask_chunk(column, mask, function, hash_key)


def _mask_chunk(chunk: Any, mask: Mask, function: Callable[[Any], str | None], key: bytes) -> Any:
    if mask.kind == "null":
        return pa.nulls(len(chunk), pa.string())
    if mask.kind == "full" or mask.subject:
        return pc.if_else(pc.is_valid(chunk), FULL, pa.scalar(None, pa.string()))
    kept = storable(chunk, type_name(chunk.type) or "text")
    if mask.kind in KERNELS and pa.types.is_string(kept.type):
        return _keyed(kept, KERNELS[mask.kind], function, key)
    kernel = _KERNELS.get(mask.kind)
    if kernel is None or not pa.types.is_string(kept.type):
        return _one_by_one(kept, function)
    known, shown = kernel(kept, mask)
    return _rest_one_by_one(kept, known, shown, function)


def _rest_one_by_one(
    values: Any, known: Any, shown: Any, function: Callable[[Any], str | None]
) -> Any:
    rest = pc.and_(pc.invert(pc.fill_null(known, value := False)), pc.is_valid(values))
    if not pc.any(rest, skip_nulls=value).as_py():
        return shown
    return pc.replace_with_mask(shown, rest, _one_by_one(values.filter(rest), function))


def _keyed(values: Any, kernel: Any, function: Callable[[Any], str | None], key: bytes) -> Any:
    """A keyed mask on different values only: every one costs two rounds of the hash."""
    encoded = values.dictionary_encode()
    made = [pa.array([], pa.string())]
    for start in range(0, len(encoded.dictionary), _AT_ONCE):
        part = encoded.dictionary.slice(start, _AT_ONCE)
        known, shown = kernel(part, key)
        made.append(_rest_one_by_one(part, known, shown, function))
    return pa.concat_arrays(made).take(encoded.indices)


def _one_by_one(values: Any, function: Callable[[Any], str | None]) -> Any:
    encoded = values.dictionary_encode()
    masked = pa.array([function(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return masked.take(encoded.indices)


def _worded(encoded: Any) -> Any:
    """A dictionary-encoded column whose dictionary is text."""
    if pa.types.is_string(encoded.dictionary.type):
        return encoded
    words = [plain_text(value) for value in encoded.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(encoded.indices, pa.array(words, pa.string()))


def _plain(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return storable(column, type_name(column.type) or "text")


def _matched(values: Any, pattern: str) -> Any:
    return pc.match_substring_regex(values, f"^(?:{pattern})\\z")


def _replaced(pattern: str, shown: str) -> Kernel:
    """A kernel for values that match the pattern entirely; `shown` refers to its groups."""

    def kernel(values: Any, _mask: Mask) -> tuple[Any, Any]:
        return _matched(values, pattern), pc.replace_substring_regex(
            values, f"^(?:{pattern})\\z", shown
        )

    return kernel


def _keep(values: Any, mask: Mask) -> tuple[Any, Any]:
    lengths = pc.utf8_length(values)
    hidden = pc.subtract(lengths, mask.first + mask.second)
    known = pc.greater(hidden, 0)
    stars = pc.binary_repeat("*", pc.max_element_wise(hidden, 0, skip_nulls=False))
    head = pc.utf8_slice_codeunits(values, 0, mask.first)
    tail = pc.utf8_slice_codeunits(values, -mask.second) if mask.second else ""
    return known, pc.binary_join_element_wise(head, stars, tail, "")


# The same as in mask_values, for RE2 (no look-ahead): from the first door on everything goes.
_FROM_DOOR = (
    r"(?s)(?:[0-9０-９一二三四五六七八九十]+[号幢栋室组弄]|[0-9０-９]|路|巷|弄|街(?:[^道]|\z)"
    r"|小区|苑|大厦|公寓).*"
)
_TO_PLACE = r"(?s)^(.*(?:街道|社区|镇|乡|村|区|县|市|州|省)).*\z"


def _address(values: Any, _mask: Mask) -> tuple[Any, Any]:
    public = pc.replace_substring_regex(values, _FROM_DOOR, "", max_replacements=1)
    placed = pc.match_substring_regex(public, _TO_PLACE)
    shown = pc.replace_substring_regex(public, _TO_PLACE, r"\1****")
    return pc.is_valid(values), pc.if_else(placed, shown, FULL)


# What comes before a digit is public down to the town; see mask_values.address_street. RE2 cannot look around, so
# values where that matters (镇区, 新乡) and those with stars or line breaks are left to the function of one value.
_TO_STREET = r"(?s)^([^0-9０-９]*?(?:街道|镇|乡)).*\z"
_TO_COUNTY = r"(?s)^([^0-9０-９]*[市县区]).*\z"
_UNUSUAL = r"镇区|新乡|[*\r\n\x{2028}\x{2029}\x{85}\x0b\x0c\x1c-\x1e]"


def _street(values: Any, _mask: Mask) -> tuple[Any, Any]:
    known = pc.invert(pc.match_substring_regex(values, _UNUSUAL))
    town = pc.match_substring_regex(values, _TO_STREET)
    shown = pc.replace_substring_regex(values, _TO_STREET, r"\1****")
    rest = pc.invert(town)
    if not pc.any(rest, skip_nulls=True).as_py():
        return known, shown
    public = pc.replace_substring_regex(values.filter(rest), _FROM_DOOR, "", max_replacements=1)
    county = pc.replace_substring_regex(public, _TO_COUNTY, r"\1****")
    county = pc.if_else(pc.match_substring_regex(public, _TO_COUNTY), county, FULL)
    return known, pc.replace_with_mask(shown, rest, county)


def _name(values: Any, _mask: Mask) -> tuple[Any, Any]:
    return _keep(pc.utf8_trim_whitespace(values), Mask("keep", 1, 0))


_KERNELS: dict[str, Kernel] = {
    "keep": _keep,
    "name": _name,
    "address": _address,
    "address_street": _street,
    "id_number": _replaced(r"([0-9]{6})[0-9]{8}([0-9]{3}[0-9Xx])", r"\1********\2"),
    "phone": _replaced(r"(1[0-9]{2})[0-9]{4}([0-9]{4})", r"\1****\2"),
    "bank_card": _replaced(r"[0-9]{15}([0-9]{4})", r"***************\1"),
    "email": _replaced(r"([^@\s])[^@\s]+@([^@\s]*\.[^@\s]*)", r"\1***@\2"),
    "year": _replaced(r"([0-9]{4})-[0-9]{2}-[0-9]{2}", r"\1"),
    "month": _replaced(r"([0-9]{4}-[0-9]{2})-[0-9]{2}", r"\1"),
}
