"""Conditions on text in the way the engine answers fastest; each means exactly what its plain form means.

A column of few different values is stored as a dictionary, and DuckDB asks some functions once per value of the
dictionary instead of once per row: ``GLOB`` and ``list_position`` are among them, regular expressions and long
``IN`` lists are not (an ``IN`` of 300 codes inside a condition compares 300 times per row).
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from chengshu.data.quality.engine.text import literal

FEW_CODES: Final = 4
"""Up to so many codes are compared one by one."""
_MOST_SIGNS: Final = 64
# One sign, or a class of ASCII letters, digits and harmless signs; perhaps repeated a fixed number of times.
# What means something else to either matcher (RE2, GLOB) is not in here, and the pattern stays a regular expression.
_RANGE = r"(?:a-z|A-Z|0-9|[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_ /@:.,])"
_PART = re.compile(
    rf"(?:(?P<class>\[{_RANGE}+\])|(?P<digit>\\d)|\\(?P<escaped>[./-])"
    r"|(?P<plain>[A-Za-z0-9_ /@:,\u4e00-\u9fff-]))(?:\{(?P<times>[1-9][0-9]?)\})?"
)
_SPAN = re.compile(r"([A-Za-z0-9])-([A-Za-z0-9])")


def matches(value: str, pattern: str) -> str:
    """True where all of the text ``value`` (an SQL expression) matches the regular expression, unknown where NULL."""
    glob = as_glob(pattern)
    if glob is not None:
        return f"({value} GLOB {literal(glob)})"
    return f"regexp_full_match({value}, {literal(pattern)})"


def as_glob(pattern: str) -> str | None:
    """The pattern as a GLOB that matches the very same texts; None when it is not a plain row of signs and classes."""
    parts: list[str] = []
    place = 0
    while place < len(pattern):
        found = _PART.match(pattern, place)
        if found is None:
            return None
        part = found["class"] or found["escaped"] or found["plain"] or "[0-9]"
        # An empty range ("z-a") is an error to a regular expression and matches nothing as a GLOB.
        if found["class"] and any(first > last for first, last in _SPAN.findall(part)):
            return None
        parts += [part] * int(found["times"] or 1)
        place = found.end()
    return "".join(parts) if 0 < len(parts) <= _MOST_SIGNS else None


def none_of(value: str, codes: Iterable[str]) -> str:
    """True where the text ``value`` is filled and none of the codes; never unknown."""
    listed: Sequence[str] = [literal(code) for code in codes]
    if len(listed) <= FEW_CODES:
        unequal = " AND ".join(f"{value} <> {code}" for code in listed)
        return f"({value} IS NOT NULL AND {unequal})" if listed else f"{value} IS NOT NULL"
    return f"({value} IS NOT NULL AND list_position([{', '.join(listed)}], {value}) IS NULL)"


def longer(value: str, signs: int) -> str:
    """True where the text has more than so many characters; bytes first, as there are never fewer of them."""
    return f"CASE WHEN strlen({value}) > {signs} THEN length({value}) > {signs} ELSE false END"
