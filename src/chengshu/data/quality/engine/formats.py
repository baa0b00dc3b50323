"""Identifier formats as SQL conditions over prepared columns.

Formats with a check digit are judged by the load contract's own vectorised check (python-stdnum is its authority),
called from DuckDB with whole vectors: one truth for load and evaluation, and cheap to plan where a digit sum in SQL
would cost a small table more than its scan. Formats without one are regular expressions. Everything is computed once
per row and shared by all checks of the column (shape, check digit, birth date, gender).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import PythonUDFType

from chengshu.data.contract.facade import FORMAT_PATTERNS, ColumnFormat, verify_format
from chengshu.data.quality.engine.text import ROW, cell, quoted

# Arrow arrays; the stubs' overloads are too narrow to be of help.
Values: TypeAlias = Any
_BAD_SHAPE, _BAD_DIGIT = 1, 2
_SHAPES: dict[ColumnFormat, str] = {
    ColumnFormat.REGION12: r"[1-9][0-9]{11}",
    ColumnFormat.REGION6: r"[1-9][0-9]{5}",
    ColumnFormat.MOBILE: r"1[3-9][0-9]{9}",
    ColumnFormat.POSTCODE: r"[0-9]{6}",
    **FORMAT_PATTERNS,
}
CHECKED = frozenset({ColumnFormat.ID_NUMBER, ColumnFormat.USCC, ColumnFormat.BANK_CARD})
"""Formats with a check digit."""


def _verdict(kind: ColumnFormat, column: Values) -> Values:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    verdict = verify_format(column, kind)
    wrong = np.where(verdict.shape, 0, _BAD_SHAPE) + np.where(verdict.check, 0, _BAD_DIGIT)
    return pa.array(wrong.astype(np.uint8))


def register(session: duckdb.DuckDBPyConnection) -> None:
    """Make the checks of :data:`CHECKED` formats callable in a session that will run scans."""
    for kind in sorted(CHECKED):
        function: Callable[..., Values] = partial(_verdict, kind)
        session.create_function(
            f"verdict_{kind}", function, ["varchar"], "utinyint", type=PythonUDFType.ARROW
        )


def unregister(session: duckdb.DuckDBPyConnection) -> None:
    """Take the checks away again before the session closes; it would keep them alive otherwise."""
    for kind in sorted(CHECKED):
        session.remove_function(f"verdict_{kind}")


def prepared(column: str, kind: ColumnFormat) -> dict[str, str]:
    """Columns to compute once per row, by name: the verdict, and digits of an identity number as integers."""
    name = cell(column)
    if kind not in CHECKED:
        pattern = _SHAPES[kind].replace("'", "''")
        return {f"_s_{column}": f"regexp_full_match({name}, '{pattern}')"}
    found = {f"_v_{column}": f"verdict_{kind}({name})"}
    return found | digits(column) if kind is ColumnFormat.ID_NUMBER else found


def digits(column: str) -> dict[str, str]:
    """The first nine and the next eight digits of an identity number."""
    name = cell(column)
    return {
        f"_a_{column}": f"TRY_CAST(left({name}, 9) AS INTEGER)",
        f"_b_{column}": f"TRY_CAST(substr({name}, 10, 8) AS INTEGER)",
    }


def _part(prefix: str, column: str) -> str:
    return f"{ROW}.{quoted(f'_{prefix}_{column}')}"


def birth_parts(column: str) -> tuple[str, str, str]:
    """Year, month and day in an identity number, as integer expressions over prepared digits."""
    head, tail = _part("a", column), _part("b", column)
    return (
        f"({head} % 1000 * 10 + {tail} // 10000000)",
        f"({tail} // 100000 % 100)",
        f"({tail} // 1000 % 100)",
    )


def is_male(column: str) -> str:
    """The 17th digit of an identity number is odd (GB 11643-1999)."""
    return f"({_part('b', column)} % 2 = 1)"


def wrong_shape(column: str, kind: ColumnFormat) -> str:
    """True where the value is not written as its format asks."""
    if kind in CHECKED:
        return f"{_part('v', column)} & {_BAD_SHAPE} <> 0"
    return f"NOT {_part('s', column)}"


def wrong_check_digit(column: str) -> str:
    """True where the shape is right and the check digit is not; only for :data:`CHECKED` formats."""
    return f"{_part('v', column)} & {_BAD_DIGIT} <> 0"
