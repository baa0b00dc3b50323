"""Identifier formats as SQL conditions, the same answers as the load contract's own check.

The tests compare every condition with ``contract.verify_format`` (which python-stdnum is the authority for).
Digits are taken out of small integers by division: several times faster in DuckDB than cutting the text
into characters. The integers are *prepared* columns, computed once per row and used by every check of
the column (shape, check digit, birth date, gender).
"""

from chengshu.data.contract.facade import FORMAT_PATTERNS, ColumnFormat
from chengshu.data.quality.engine.text import ROW, cell, quoted

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC = f"[{_USCC_ALPHABET}]"
_HEAD = 9
_LUHN_DIGITS = 19
_SHAPES: dict[ColumnFormat, str] = {
    ColumnFormat.ID_NUMBER: r"[0-9]{17}[0-9X]",
    ColumnFormat.USCC: rf"{_USCC}{{2}}[0-9]{{6}}{_USCC}{{10}}",
    ColumnFormat.REGION12: r"[1-9][0-9]{11}",
    ColumnFormat.REGION6: r"[1-9][0-9]{5}",
    ColumnFormat.MOBILE: r"1[3-9][0-9]{9}",
    ColumnFormat.POSTCODE: r"[0-9]{6}",
    ColumnFormat.BANK_CARD: r"[0-9]{12,19}",
    **FORMAT_PATTERNS,
}
CHECKED = frozenset({ColumnFormat.ID_NUMBER, ColumnFormat.USCC, ColumnFormat.BANK_CARD})
"""Formats with a check digit."""


def prepared(column: str, kind: ColumnFormat) -> dict[str, str]:
    """Columns to compute once per row, by name: ``_s_…`` is the shape, ``_a_…`` and ``_b_…`` integers."""
    name = cell(column)
    pattern = _SHAPES[kind].replace("'", "''")
    found = {f"_s_{column}": f"regexp_full_match({name}, '{pattern}')"}
    if kind is ColumnFormat.ID_NUMBER:
        found[f"_a_{column}"] = f"TRY_CAST(left({name}, 9) AS INTEGER)"
        found[f"_b_{column}"] = f"TRY_CAST(substr({name}, 10, 8) AS INTEGER)"
    elif kind is ColumnFormat.BANK_CARD:
        found[f"_a_{column}"] = f"TRY_CAST(left({name}, length({name}) - 9) AS BIGINT)"
        found[f"_b_{column}"] = f"TRY_CAST(right({name}, 9) AS INTEGER)"
    return found


def _part(prefix: str, column: str) -> str:
    return f"{ROW}.{quoted(f'_{prefix}_{column}')}"


def shape_of(column: str) -> str:
    """The prepared flag: the value is written as its format asks."""
    return _part("s", column)


def birth_parts(column: str) -> tuple[str, str, str]:
    """Year, month and day in an identity number, as integer expressions over prepared columns."""
    head, tail = _part("a", column), _part("b", column)
    return (
        f"({head} % 1000 * 10 + {tail} // 10000000)",
        f"({tail} // 100000 % 100)",
        f"({tail} // 1000 % 100)",
    )


def is_male(column: str) -> str:
    """The 17th digit of an identity number is odd (GB 11643-1999)."""
    return f"({_part('b', column)} % 2 = 1)"


def _real_birth_date(column: str) -> str:
    year, month, day = birth_parts(column)
    leap = f"({year} % 4 = 0 AND ({year} % 100 <> 0 OR {year} % 400 = 0))"
    short = f"({day} > 28 AND {month} = 2 AND NOT ({leap} AND {day} = 29))"
    long = f"({day} = 31 AND {month} IN (4, 6, 9, 11))"
    plausible = f"{year} >= 1 AND {month} BETWEEN 1 AND 12 AND {day} BETWEEN 1 AND 31"
    return f"({plausible} AND NOT {short} AND NOT {long})"


def wrong_shape(column: str, kind: ColumnFormat) -> str:
    """True where the value is not written as its format asks."""
    if kind is ColumnFormat.ID_NUMBER:
        return f"NOT {shape_of(column)} OR NOT {_real_birth_date(column)}"
    return f"NOT {shape_of(column)}"


def wrong_check_digit(column: str, kind: ColumnFormat) -> str:
    """True where the shape is right and the check digit is not; only for :data:`CHECKED` formats."""
    match kind:
        case ColumnFormat.ID_NUMBER:
            wrong = f"{_identity(column)} AND {_real_birth_date(column)}"
        case ColumnFormat.USCC:
            wrong = _credit_code(column)
        case _:
            wrong = _luhn(column)
    return f"{shape_of(column)} AND {wrong}"


def _digit(number: str, power: int) -> str:
    return f"{number} // {10**power} % 10"


def _identity(column: str) -> str:
    head, tail = _part("a", column), _part("b", column)
    total = " + ".join(
        f"({_digit(head, 8 - place)}) * {weight}" if place < _HEAD
        else f"({_digit(tail, 16 - place)}) * {weight}"
        for place, weight in enumerate(_ID_WEIGHTS)
    )  # fmt: skip
    # The sum's remainder (0..10) chooses the check character; characters of a text count from 1.
    return f"right({cell(column)}, 1) <> substr('10X98765432', ({total}) % 11 + 1, 1)"


def _credit_code(column: str) -> str:
    def place(position: int) -> str:
        return f"(instr('{_USCC_ALPHABET}', substr({cell(column)}, {position}, 1)) - 1)"

    total = " + ".join(f"{place(n)} * {weight}" for n, weight in enumerate(_USCC_WEIGHTS, 1))
    base = len(_USCC_ALPHABET)
    return f"{place(18)} <> ({base} - ({total}) % {base}) % {base}"


def _luhn(column: str) -> str:
    head, tail = _part("a", column), _part("b", column)
    parts = []
    for position in range(_LUHN_DIGITS):
        digit = _digit(tail, position) if position < _HEAD else _digit(head, position - _HEAD)
        # Every second digit from the right counts double, its two digits added up.
        parts.append(
            f"(({digit}) * 2 - ({digit}) // 5 * 9)" if position % 2 else f"({digit})"
        )
    return f"({' + '.join(parts)}) % 10 <> 0"
