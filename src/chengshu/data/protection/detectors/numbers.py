"""Numbers and codes with a shape: identity numbers, mobiles, cards, plates, credit codes, e-mail, telephones.

Check digits come from the load contract's vectorised rules (tested there against python-stdnum).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chengshu.data.contract.facade import FORMAT_PATTERNS, ColumnFormat, verify_format
from chengshu.data.protection.detectors.model import Kind

Flags = npt.NDArray[np.bool_]

_BIRTH = r"(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_SHORT_BIRTH = r"\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
# First two digits of GB/T 2260; 39 was never assigned and marks fictitious people in test data.
_PROVINCE = r"(?:1[1-5]|2[1-3]|3[1-79]|4[1-6]|5[0-4]|6[1-5]|71|8[123])"
_CREDIT = "0-9A-HJ-NPQRTUWXY"


@dataclass(frozen=True, slots=True)
class Shape:
    """How a kind looks: ``whole`` matches a cell, ``inside`` a place in a text (RE2 and Python alike).

    ``chance`` is the probability that a random value of the right length passes; a column of such values is
    believed only when many more pass. ``checked`` names the format whose check digit must agree.
    """

    kind: Kind
    whole: str
    inside: str
    chance: float
    checked: ColumnFormat | None = None


SHAPES: tuple[Shape, ...] = (
    Shape(
        Kind.ID_NUMBER, rf"{_PROVINCE}\d{{4}}{_BIRTH}\d{{3}}[\dX]",
        rf"{_PROVINCE}\d{{4}}{_BIRTH}\d{{3}}[\dXx]", 0.0001, ColumnFormat.ID_NUMBER,
    ),
    Shape(
        Kind.USCC, rf"[1-9A-HJ-NPQRTUWXY][{_CREDIT}]\d{{6}}[{_CREDIT}]{{10}}",
        rf"[1-9A-HJ-NPQRTUWXY][{_CREDIT}]\d{{6}}[{_CREDIT}]{{10}}", 0.03, ColumnFormat.USCC,
    ),
    Shape(
        Kind.BANK_CARD, r"(?:62\d{14,17}|[3-6]\d{15}|43\d{17}|9\d{18})", r"(?:62\d{14,17}|[45]\d{15})",
        0.1, ColumnFormat.BANK_CARD,
    ),
    Shape(Kind.MOBILE, r"(?:\+?86[- ]?)?1[3-9]\d{9}", r"1[3-9]\d{9}", 0.07),
    Shape(
        Kind.PLATE, rf"(?:{FORMAT_PATTERNS[ColumnFormat.PLATE]})",
        rf"(?:{FORMAT_PATTERNS[ColumnFormat.PLATE]})", 0.0,
    ),
    Shape(
        Kind.EMAIL, r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
        r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", 0.0,
    ),
    # A hyphen says telephone; bare digits that begin with 0 may be any serial number.
    Shape(
        Kind.PHONE, r"0[1-9]\d{1,2}[- ]\d{7,8}(?:-\d{1,6})?", r"0[1-9]\d{1,2}-\d{7,8}", 0.0,
    ),
    Shape(Kind.PHONE, r"0[1-9]\d{1,2}\d{7,8}", r"0[1-9]\d{1,2}-\d{7,8}", 0.09),
)  # fmt: skip
OLD_ID = Shape(
    Kind.ID_NUMBER, rf"{_PROVINCE}\d{{4}}{_SHORT_BIRTH}\d{{3}}",
    rf"{_PROVINCE}\d{{4}}{_SHORT_BIRTH}\d{{3}}", 0.004,
)  # fmt: skip

# For gates: one row is enough and no check digit excuses it. A birth date inside 18 digits makes an identity number; a
# mobile number stands alone among digits (RE2).
STRICT_PATTERNS: dict[Kind, str] = {
    Kind.ID_NUMBER: (
        r"(^|[^0-9A-Za-z])[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
        r"[0-9]{3}[0-9Xx]($|[^0-9A-Za-z])"
    ),
    Kind.MOBILE: r"(^|[^0-9A-Za-z])1[3-9][0-9]{9}($|[^0-9A-Za-z])",
}


def whole_matches(values: Any, shape: Shape) -> Flags:
    """Which values (upper-case text, no nulls) are entirely of the shape, check digit included."""
    flags: Flags = _flags(pc.match_substring_regex(values, rf"^(?:{shape.whole})$"))
    if shape.checked is not None and flags.any():
        where = np.flatnonzero(flags)
        flags[where] = sound(values.take(pa.array(where)), shape.checked)
    return flags


def sound(values: Any, checked: ColumnFormat) -> Flags:
    """Which values have the shape and the check digit of a format."""
    verdict = verify_format(pc.utf8_upper(values), checked)
    found: Flags = verdict.shape & verdict.check
    return found


def _flags(column: Any) -> Flags:
    flags: Flags = column.to_numpy(zero_copy_only=False)
    return flags.copy()
