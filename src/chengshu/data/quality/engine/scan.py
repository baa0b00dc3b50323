"""One scan of a table for all its checks.

Every check becomes one bit; one query computes the bits of all rows, counts what each check speaks about, and
hands out the keys and bits of the rows that fail anything. Flat memory: only failing keys leave the engine.
"""

# ruff: noqa: S608 - identifiers are quoted, conditions were compiled from checked rules

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chengshu.data.contract.facade import ColumnFormat
from chengshu.data.quality.engine import formats
from chengshu.data.quality.engine.model import (
    WORD,
    Check,
    Join,
    Masks,
    RuleError,
    ScanResult,
    TableShape,
    words_for,
)
from chengshu.data.quality.engine.text import ROW, cell, quoted

# Arrow arrays; the stubs' overloads are too narrow to be of help.
Values: TypeAlias = Any
Sizes: TypeAlias = npt.NDArray[np.int64]
ROW_HASH = "row_hash"
FOUND = "_found"


def key_columns(shape: TableShape) -> tuple[str, ...]:
    """What identifies a failing row: the key, or a hash of all columns where there is none."""
    return shape.key or (ROW_HASH,)


def row_hash(shape: TableShape, row: str = ROW) -> str:
    """What identifies a row of a table without a key."""
    every = ", ".join(cell(column.name, row) for column in shape.columns)
    return f"md5(concat_ws('|', {every}))"


def scan_query(
    shape: TableShape,
    source: str,
    checks: Sequence[Check],
    places: Mapping[str, str],
    wrong: Mapping[str, str] | None = None,
) -> str:
    """The statement; ``places`` maps ``zone/name`` of joined tables to their names in the session, ``wrong`` identifier
    columns to the relations of their wrong values.

    Conditions are columns of an inner query, and failing rows leave it as they are: written a second time, into the
    words of a mask, the engine would compute what two lazy conditions share for every row, and plan twice as long.
    """
    masked = [(index, check) for index, check in enumerate(checks) if check.fails]
    counted = counted_conditions(checks)
    columns = [f"{expression} AS k{n}" for n, expression in enumerate(_keys_of(shape))]
    row = [f"k{n} := k{n}" for n in range(len(columns))]
    row += [f"f{index} := f{index}" for index, _check in masked]
    columns += [f"({check.fails}) AS f{index}" for index, check in masked]
    columns += [f"{_countable(condition)} AS c{n}" for n, condition in enumerate(counted)]
    joins = " ".join(_join(join, places) for join in distinct_joins(checks))
    inner = f"SELECT {', '.join(columns)} FROM {_rows(source, checks, wrong or {})} {ROW} {joins}"
    counts = "".join(f", count(c{n}) AS c{n}" for n in range(len(counted)))
    failing = " OR ".join(f"f{index}" for index, _check in masked) or "false"
    return (
        f"SELECT count(*) AS n{counts}, list(struct_pack({', '.join(row)})) "
        f"FILTER (WHERE {failing}) AS ks FROM ({inner})"
    )


def _countable(condition: str) -> str:
    """What is not empty exactly where the condition holds."""
    column, filled, rest = condition.partition(" IS NOT NULL")
    alone = filled and not rest and " " not in column
    return column if alone else f"CASE WHEN {condition} THEN 1 END"


def _rows(source: str, checks: Sequence[Check], wrong: Mapping[str, str]) -> str:
    """The table with the prepared columns beside its own."""
    prepared = {name: text for check in checks for name, text in check.prepared.items()}
    joins = []
    for number, column in enumerate(_verified(checks)):
        relation, alias = wrong.get(column), f"_bad{number}"
        verdict = f"coalesce({alias}.bad, 0::UTINYINT)" if relation else "0::UTINYINT"
        prepared[formats.verdict_name(column)] = verdict
        if relation:
            joins.append(f"LEFT JOIN {quoted(relation)} {alias} ON {alias}.v = {cell(column)}")
    if not prepared:
        return source
    added = ", ".join(f"{text} AS {quoted(name)}" for name, text in prepared.items())
    return f"(SELECT {ROW}.*, {added} FROM {source} {ROW} {' '.join(joins)})"


def _verified(checks: Sequence[Check]) -> dict[str, ColumnFormat]:
    return {column: kind for check in checks for column, kind in check.verdicts.items()}


def _keys_of(shape: TableShape) -> list[str]:
    return [cell(name) for name in shape.key] or [row_hash(shape)]


def counted_conditions(checks: Sequence[Check]) -> list[str]:
    """The different conditions that say which rows checks speak about."""
    return list(dict.fromkeys(check.checked for check in checks if check.checked and check.fails))


def distinct_joins(checks: Sequence[Check]) -> list[Join]:
    """The joins of all checks, each alias once."""
    found: dict[str, Join] = {}
    for check in checks:
        for join in check.joins:
            known = found.setdefault(join.alias, join)
            if known != join:
                raise RuleError(f"两条规则用了同一个关联名 {join.alias}，请联系平台运维人员。")
    return list(found.values())


def _join(join: Join, places: Mapping[str, str]) -> str:
    source = join.source
    for place, table in join.tables.items():
        source = source.replace("{" + place + "}", places[table])
    return f"LEFT JOIN ({source}) {join.alias} ON {join.on}"


def scan(
    session: duckdb.DuckDBPyConnection,
    shape: TableShape,
    checks: Sequence[Check],
    *,
    source: str,
    places: Mapping[str, str] | None = None,
) -> ScanResult:
    """Evaluate all checks over the relation ``source`` of the session.

    Raises:
        RuleError: the engine refuses a condition; the message holds its reason.
    """
    try:
        found = _run(session, shape, checks, source, places or {})
    except duckdb.Error as error:
        raise RuleError(f"规则无法执行：{str(error).splitlines()[0]}") from error
    rows = int(found["n"][0].as_py())
    keys = _keys(found["ks"], shape, checks)
    groups, sizes = _groups(keys, rows, words_for(len(checks)))
    sums = {
        condition: int(found[f"c{n}"][0].as_py())
        for n, condition in enumerate(counted_conditions(checks))
    }
    checked = tuple(sums.get(check.checked, rows) for check in checks)
    return ScanResult(rows, groups, sizes, checked, keys)


def _run(
    session: duckdb.DuckDBPyConnection,
    shape: TableShape,
    checks: Sequence[Check],
    source: str,
    places: Mapping[str, str],
) -> pa.Table:
    """The one row of the scan; wrong identifiers are beside the table while it runs."""
    columns = _verified(checks)
    wrong = formats.wrong_values(session, source, columns) if columns else {}
    names = {column: f"_wrong_{number}" for number, column in enumerate(wrong)}
    for column, values in wrong.items():
        session.register(names[column], values)
    query = scan_query(shape, source, checks, places, names)
    try:
        # A statement that is executed is planned once; a relation over it would be bound twice.
        session.execute(f"CREATE OR REPLACE TEMP TABLE {FOUND} AS {query}").fetchall()
        found: pa.Table = session.table(FOUND).to_arrow_table()
        session.execute(f"DROP TABLE {FOUND}").fetchall()
        return found
    finally:
        for name in names.values():
            session.unregister(name)


def _keys(listed: Values, shape: TableShape, checks: Sequence[Check]) -> pa.Table:
    """The failing rows with their masks."""
    names, words = key_columns(shape), words_for(len(checks))
    if listed[0].as_py() is None:
        empty = {name: pa.array([], pa.string()) for name in names}
        return pa.table(empty | {f"w{word}": pa.array([], pa.uint64()) for word in range(words)})
    rows = listed[0].values
    masks = np.zeros((words, len(rows)), np.uint64)
    masked = [index for index, check in enumerate(checks) if check.fails]
    for place, index in enumerate(masked, len(names)):
        word, bit = divmod(index, WORD)
        fails = rows.field(place).fill_null(False).to_numpy(zero_copy_only=False)
        masks[word] |= fails.astype(np.uint64) << np.uint64(bit)
    columns = {name: rows.field(place) for place, name in enumerate(names)}
    return pa.table(columns | {f"w{word}": pa.array(mask) for word, mask in enumerate(masks)})


def _groups(keys: pa.Table, rows: int, words: int) -> tuple[Masks, Sizes]:
    """Each combination of failures once with its number of rows; first the rows without any."""
    columns = [np.asarray(keys[f"w{word}"], dtype=np.uint64) for word in range(words)]
    found, sizes = np.unique(np.stack(columns, axis=1), axis=0, return_counts=True)
    good = rows - len(keys)
    if not good:
        return found, sizes.astype(np.int64)
    none = np.zeros((1, words), np.uint64)
    return np.concatenate([none, found]), np.concatenate([[good], sizes]).astype(np.int64)
