"""Masks over whole Arrow columns, so that previews and downloads mask exactly as calls do."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa

from chengshu_gateway.arrow_columns import storable, type_name
from chengshu_gateway.masks import Mask


def mask_array(
    column: Any,
    mask: Mask,
    *,
    hash_key: bytes = b"",
    today: Callable[[], date] = date.today,
) -> Any:
    """Return the masked Array or ChunkedArray as text (unchanged for "none"); nulls stay null.

    Works on the distinct values only, so a column of a million rows with few values is cheap.
    """
    if not mask.hides:
        return column
    function = mask.compile(hash_key=hash_key, today=today)
    if isinstance(column, pa.ChunkedArray):
        chunks = [_mask_chunk(chunk, function) for chunk in column.chunks]
        return pa.chunked_array(chunks, type=pa.string())
    return _mask_chunk(column, function)


def _mask_chunk(chunk: Any, function: Callable[[Any], str | None]) -> Any:
    encoded = storable(chunk, type_name(chunk.type) or "text").dictionary_encode()
    values = encoded.dictionary.to_pylist()
    masked = pa.array([function(value) for value in values], pa.string())
    return masked.take(encoded.indices)
