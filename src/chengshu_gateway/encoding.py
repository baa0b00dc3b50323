"""Values as the JSON text of an answer, masked on the way: one value, or one column of a page.

A page is made column by column: the same work, without calling a function through another for every
value of every row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any

from chengshu_gateway.masks import Mask, MaskFunction

_INFINITE = float("inf")
_NULL = "null"

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Encoder:
    """How the values of one field are answered; `many` gives what `one` gives, for each value."""

    one: Callable[[Any], str]
    many: Callable[[Sequence[Any]], list[str]]


class RowEncoder:
    """Whole rows as JSON objects."""

    def __init__(self, fields: Sequence[str], encoders: Sequence[Encoder]) -> None:
        """`fields` name the first values of the rows, one encoder each."""
        self._steps = tuple(
            (f'{"," if at else "{"}"{name}":', encoder.one)
            for at, (name, encoder) in enumerate(zip(fields, encoders, strict=True))
        )
        self._columns = tuple(encoder.many for encoder in encoders)
        members = ",".join(f'"{name}":'.replace("%", "%%") + "%s" for name in fields)
        self._whole = f"{{{members}}}".__mod__

    def one(self, row: Row) -> str:
        """Return one row, whose values begin with the fields."""
        parts = [
            name + encode(value) for (name, encode), value in zip(self._steps, row, strict=False)
        ]
        return "".join(parts) + "}"

    def many(self, rows: Sequence[Row]) -> list[str]:
        """Return each row as `one` gives it."""
        columns = zip(*rows, strict=True)
        cells = [encode(column) for encode, column in zip(self._columns, columns, strict=False)]
        return list(map(self._whole, zip(*cells, strict=True)))


def encoder_of(kind: str, mask: Mask, hash_key: bytes) -> Encoder:
    """Return the encoder of a column of this type under this mask.

    A mask with a `subject` encodes the pair of both values.
    """
    if not mask.hides:
        return _PLAIN.get(kind, _TEXT)
    if mask.subject:
        pair = mask.compile_pair(hash_key=hash_key)
        return _one_by_one(lambda both: _encode_text(pair(*both)))
    function = mask.compile(hash_key=hash_key)
    if kind == "boolean":
        return _masked(lambda value: function(None if value is None else bool(value)))
    return _masked(function)


def _masked(function: MaskFunction) -> Encoder:
    quote = encode_basestring

    def many(values: Sequence[Any]) -> list[str]:
        return [_NULL if (shown := function(value)) is None else quote(shown) for value in values]

    return Encoder(lambda value: _encode_text(function(value)), many)


def _one_by_one(one: Callable[[Any], str]) -> Encoder:
    return Encoder(one, lambda values: list(map(one, values)))


def _encode_text(value: str | None) -> str:
    return _NULL if value is None else encode_basestring(value)


def _encode_texts(values: Sequence[str | None]) -> list[str]:
    return [_NULL if value is None else encode_basestring(value) for value in values]


def _encode_number(value: float | None) -> str:
    if value is None or value != value or value in (_INFINITE, -_INFINITE):  # noqa: PLR0124 - NaN
        return _NULL
    return repr(value)


def _encode_boolean(value: int | None) -> str:
    if value is None:
        return _NULL
    return "true" if value else "false"


_TEXT = Encoder(_encode_text, _encode_texts)
_PLAIN: dict[str, Encoder] = {
    "integer": _one_by_one(_encode_number),
    "real": _one_by_one(_encode_number),
    "boolean": _one_by_one(_encode_boolean),
}
