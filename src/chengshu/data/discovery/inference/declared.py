"""A source's own word for a type as one of the catalogue's logical types."""

import re

_TYPES: tuple[tuple[str, str], ...] = (
    (r"^(bool|bit$|bit\(1\)|tinyint\(1\))", "boolean"),
    (r"(timestamp|datetime|smalldatetime)", "datetime"),
    (r"^date", "date"),
    (r"^(u?int|integer|bigint|smallint|tinyint|mediumint|serial|bigserial|int\d)", "integer"),
    (r"^(numeric|decimal|number|money|float|double|real|dec)", "decimal"),
)


def logical(word: str, *, scale: int | None = None) -> str:
    """The logical type; text for everything that is neither number, time nor truth."""
    text = word.strip().lower()
    for pattern, kind in _TYPES:
        if re.search(pattern, text):
            # Oracle writes whole numbers as NUMBER(p,0).
            whole = (
                kind == "decimal"
                and scale == 0
                and text.startswith(("number", "numeric", "decimal"))
            )
            return "integer" if whole else kind
    return "text" if text else ""
