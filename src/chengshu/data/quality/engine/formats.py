"""Identifier formats as SQL conditions over prepared columns.

Formats with a check digit are judged by the load contract's own vectorised check (python-stdnum is its authority):
one truth for load and evaluation. It works on whole batches of a column before the scan; what it finds wrong is a short
list of values that the scan looks up. As a function called from DuckDB it would see 2,048 rows at a time, and three
quarters of its cost would be the calls. Formats without a check digit are patterns. Everything is computed once per row
and shared by all checks of the column (shape, check digit, birth date, gender).
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa

from chengshu.data.contract.facade import FORMAT_PATTERNS, ColumnFormat, verify_format
from chengshu.data.quality.engine.matching import matches
from chengshu.data.quality.engine.text import ROW, cell, quoted

# Arrow arrays; the stubs' overloads are too narrow to be of help.
Values: TypeAlias = Any
_BAD_SHAPE, _BAD_DIGIT = 1, 2
_BATCH: Final = 122_880
"""Rows verified at once: a multiple of the engine's vectors, and small enough to stay near the processor."""
_SHAPES: dict[ColumnFormat, str] = {
    ColumnFormat.REGION12: r"[1-9][0-9]{11}",
    ColumnFormat.REGION6: r"[1-9][0-9]{5}",
    ColumnFormat.MOBILE: r"1[3-9][0-9]{9}",
    ColumnFormat.POSTCODE: r"[0-9]{6}",
    **FORMAT_PATTERNS,
}
CHECKED = frozenset({ColumnFormat.ID_NUMBER, ColumnFormat.USCC, ColumnFormat.BANK_CARD})
"""Formats with a check digit."""


def wrong_values(
    session: duckdb.DuckDBPyConnection, source: str, columns: Mapping[str, ColumnFormat]
) -> dict[str, pa.Table]:
    """The different wrong values (``v``) of identifier columns of ``source``, each with its verdict (``bad``).

    One pass over these columns only; memory holds one batch and what is wrong.
    """
    found: dict[str, list[tuple[Values, Values]]] = {name: [] for name in columns}
    listed = ", ".join(map(quoted, columns))
    reader = session.sql(f"SELECT {listed} FROM {source} {ROW}").to_arrow_reader(_BATCH)  # noqa: S608 - quoted
    for batch in reader:
        for place, (name, kind) in enumerate(columns.items()):
            verdict = verify_format(batch.column(place), kind)
            wrong = np.flatnonzero(~(verdict.shape & verdict.check))
            if len(wrong):
                bad = np.where(verdict.shape[wrong], _BAD_DIGIT, _BAD_SHAPE).astype(np.uint8)
                found[name].append((batch.column(place).take(pa.array(wrong)), bad))
    return {name: _distinct(parts) for name, parts in found.items() if parts}


def _distinct(parts: list[tuple[Values, Values]]) -> pa.Table:
    """Each value once: a verdict follows from the value alone."""
    encoded = pa.concat_arrays([values for values, _ in parts]).dictionary_encode()
    bad = np.zeros(len(encoded.dictionary), np.uint8)
    bad[encoded.indices.to_numpy()] = np.concatenate([verdicts for _, verdicts in parts])
    return pa.table({"v": encoded.dictionary, "bad": bad})


def verdict_name(column: str) -> str:
    """The prepared column that holds the verdict on an identifier (0: nothing is wrong)."""
    return f"_v_{column}"


def prepared(column: str, kind: ColumnFormat) -> dict[str, str]:
    """Columns to compute once per row, by name: the shape; verdicts are of :func:`verdicts`."""
    return {} if kind in CHECKED else {f"_s_{column}": matches(cell(column), _SHAPES[kind])}


def verdicts(column: str, kind: ColumnFormat) -> dict[str, ColumnFormat]:
    """The column and its format when it has to be verified before the scan."""
    return {column: kind} if kind in CHECKED else {}


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
