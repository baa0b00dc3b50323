"""One scan of a table for all its checks.

Every check becomes one bit; rows are grouped by their bits in the same query that computes them, so the
result is small however large the table is: each combination of failures with its number of rows, and the
keys of the rows that fail anything. Flat memory: only failing keys leave the engine.
"""

# ruff: noqa: S608 - identifiers are quoted, conditions were compiled from checked rules

from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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

ROW_HASH = "row_hash"


def key_columns(shape: TableShape) -> tuple[str, ...]:
    """What identifies a failing row: the key, or a hash of all columns where there is none."""
    return shape.key or (ROW_HASH,)


def row_hash(shape: TableShape, row: str = ROW) -> str:
    """What identifies a row of a table without a key."""
    every = ", ".join(cell(column.name, row) for column in shape.columns)
    return f"md5(concat_ws('|', {every}))"


def scan_query(
    shape: TableShape, source: str, checks: Sequence[Check], places: Mapping[str, str]
) -> str:
    """The statement; ``places`` maps ``zone/name`` of joined tables to their names in the session."""
    masked = [(index, check) for index, check in enumerate(checks) if check.fails]
    words = []
    for word in range(words_for(len(checks))):
        parts = [
            f"CASE WHEN {check.fails} THEN {1 << (index % WORD)}::UBIGINT ELSE 0::UBIGINT END"
            for index, check in masked
            if index // WORD == word
        ]
        words.append(f"{' + '.join(parts) or '0::UBIGINT'} AS w{word}")
    counted = counted_conditions(checks)
    flags = [f"{_countable(condition)} AS c{n}" for n, condition in enumerate(counted)]
    joins = " ".join(_join(join, places) for join in distinct_joins(checks))
    inner = (
        f"SELECT {', '.join([f'struct_pack({_packed(shape)}) AS k', *words, *flags])} "
        f"FROM {_rows(source, checks)} {ROW} {joins}"
    )
    names = [f"w{word}" for word in range(len(words))]
    any_bit = " OR ".join(f"{name} <> 0" for name in names)
    counts = "".join(f", count(c{n}) AS c{n}" for n in range(len(counted)))
    return (
        f"SELECT {', '.join(names)}, count(*) AS n{counts}, list(k) FILTER (WHERE {any_bit}) AS ks "
        f"FROM ({inner}) GROUP BY {', '.join(names)}"
    )


def _countable(condition: str) -> str:
    """What is not empty exactly where the condition holds."""
    column, filled, rest = condition.partition(" IS NOT NULL")
    alone = filled and not rest and " " not in column
    return column if alone else f"CASE WHEN {condition} THEN 1 END"


def _rows(source: str, checks: Sequence[Check]) -> str:
    """The table with the prepared columns beside its own."""
    prepared = {name: text for check in checks for name, text in check.prepared.items()}
    if not prepared:
        return source
    added = ", ".join(f"{text} AS {quoted(name)}" for name, text in prepared.items())
    return f"(SELECT {ROW}.*, {added} FROM {source} {ROW})"


def _packed(shape: TableShape) -> str:
    if shape.key:
        return ", ".join(f"{quoted(name)} := {cell(name)}" for name in shape.key)
    return f"{ROW_HASH} := {row_hash(shape)}"


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
    query = scan_query(shape, source, checks, places or {})
    try:
        found = session.sql(query).to_arrow_table()
    except duckdb.Error as error:
        raise RuleError(f"规则无法执行：{str(error).splitlines()[0]}") from error
    words = words_for(len(checks))
    groups = _masks(found, words)
    sizes = np.asarray(found["n"], dtype=np.int64)
    rows = int(sizes.sum())
    sums = {
        condition: int(pc.sum(found[f"c{n}"]).as_py() or 0)
        for n, condition in enumerate(counted_conditions(checks))
    }
    checked = tuple(sums.get(check.checked, rows) for check in checks)
    return ScanResult(rows, groups, sizes, checked, _keys(found, groups, shape))


def _masks(table: pa.Table, words: int) -> Masks:
    columns = [np.asarray(table[f"w{word}"], dtype=np.uint64) for word in range(words)]
    return np.stack(columns, axis=1) if len(table) else np.zeros((0, words), np.uint64)


def _keys(found: pa.Table, groups: Masks, shape: TableShape) -> pa.Table:
    """The failing rows with their masks, flattened out of the groups."""
    parts = []
    for number, mask in enumerate(groups):
        if not mask.any():
            continue
        listed = found["ks"][number].values
        columns = {name: listed.field(position) for position, name in enumerate(key_columns(shape))}
        columns |= {
            f"w{word}": pa.array(np.full(len(listed), value), pa.uint64())
            for word, value in enumerate(mask)
        }
        parts.append(pa.table(columns))
    if parts:
        return pa.concat_tables(parts)
    names = {name: pa.array([], pa.string()) for name in key_columns(shape)}
    return pa.table(names | {f"w{w}": pa.array([], pa.uint64()) for w in range(groups.shape[1])})
