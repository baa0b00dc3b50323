"""When two values count as the same for a verification (核验), and the comparison itself.

Stated rules, per type of the column:

- text: full-width and compatibility forms are unified (NFKC), all white space is dropped, the dots
  in names of minorities (· • ・ …) are one, case does not matter (`x` at the end of an identity number);
- integer, real, decimal: by value (`1.50` = `1.5`), as a number or as text;
- boolean: true/false, 是/否, 1/0;
- date: `1990-01-02`, `1990-1-2`, `19900102`, `1990/1/2`, `1990年1月2日`;
- timestamp: ISO 8601, compared in UTC where it has a zone.

An empty stored value equals nothing.
"""

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

_LONGEST = 1000
_DOTS = str.maketrans(dict.fromkeys("•・‧∙⋅●᛫", "·"))
_DATE = re.compile(r"(\d{4})(?:[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{2})(\d{2}))", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_NUMBER = re.compile(
    r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE
)
_TRUTH = {"TRUE": "1", "1": "1", "是": "1", "FALSE": "0", "0": "0", "否": "0"}


def normal(kind: str, value: Any) -> str | None:
    """Return the form in which values of a column type are compared; None when it has none."""
    if value is None or (isinstance(value, str) and len(value) > _LONGEST):
        return None
    return _FORMS.get(kind, _text)(value) or None


def equal(stored: str | None, given: str) -> bool:
    """Tell whether two normal forms agree, in a time that depends on neither of them."""
    # An absent value is compared as well: with something nobody can have given.
    known = hashlib.sha256((stored if stored is not None else secrets.token_hex()).encode())
    return hmac.compare_digest(known.digest(), hashlib.sha256(given.encode()).digest())


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    unified = unicodedata.normalize("NFKC", value).translate(_DOTS)
    text = "".join(unified.split()).upper()
    return None if re.search(r"[\ud800-\udfff]", text) else text


def _integer(value: Any) -> str | None:
    text = _plain(value)
    return str(int(text)) if _INTEGER.fullmatch(text) else None


def _number(value: Any) -> str | None:
    text = _plain(value)
    if not _NUMBER.fullmatch(text):
        return None
    try:
        # Adding zero turns a negative zero into zero.
        return str(Decimal(text).normalize() + 0)
    except InvalidOperation:
        return None


def _boolean(value: Any) -> str | None:
    return str(int(value)) if isinstance(value, bool) else _TRUTH.get(_plain(value).upper())


def _date(value: Any) -> str | None:
    found = _DATE.fullmatch(_plain(value))
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2] or found[4]), int(found[3] or found[5])).isoformat()
    except ValueError:
        return None


def _timestamp(value: Any) -> str | None:
    try:
        moment = datetime.fromisoformat(unicodedata.normalize("NFKC", value).strip())
        return (moment.astimezone(UTC) if moment.tzinfo else moment).isoformat(timespec="seconds")
    except (ValueError, TypeError, OverflowError):
        return None


def _plain(value: Any) -> str:
    """A number or text as text; "" for anything else (a boolean is no number)."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return ""
    return unicodedata.normalize("NFKC", str(value)).strip()


_FORMS: dict[str, Callable[[Any], str | None]] = {
    "integer": _integer,
    "real": _number,
    "decimal": _number,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
}
