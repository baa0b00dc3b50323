"""The failing rows of a rule: keys of the latest evaluation, with the values as they are stored now."""

# ruff: noqa: S608 - identifiers are quoted, the path is escaped

from dataclasses import dataclass
from typing import Any

import duckdb

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.quality import sources
from chengshu.data.quality.engine.model import WORD
from chengshu.data.quality.engine.scan import ROW_HASH, row_hash
from chengshu.data.quality.engine.text import quoted
from chengshu.data.quality.models import Evaluation, RuleResult

PAGE = 50


@dataclass(frozen=True, slots=True)
class FailingPage:
    """Failing rows in key order; ``gone`` keys were failing when evaluated and are not stored any more."""

    rows: list[dict[str, Any]]
    gone: int
    total: int
    start: int

    @property
    def more(self) -> bool:
        """Whether further rows follow."""
        return self.start + len(self.rows) + self.gone < self.total


def failing_page(
    evaluation: Evaluation,
    result: RuleResult,
    resource: PublishedResource,
    *,
    start: int = 0,
    size: int = PAGE,
) -> FailingPage:
    """``size`` failing rows of a rule from position ``start``."""
    if result.position < 0 or not evaluation.rows_file.is_file():
        return FailingPage([], 0, 0, start)
    keys, total = _keys(evaluation, result.position, start, size)
    names = list(keys[0]) if keys else []
    stored = _stored(resource, names, [tuple(key[name] for name in names) for key in keys])
    return FailingPage(stored, len(keys) - len(stored), total, start)


def _keys(
    evaluation: Evaluation, position: int, start: int, size: int
) -> tuple[list[dict[str, Any]], int]:
    word, bit = divmod(position, WORD)
    path = str(evaluation.rows_file).replace("'", "''")
    condition = f"(w{word} >> {bit}) & 1 = 1"
    with duckdb.connect(config={"threads": 1, "memory_limit": "256MB"}) as session:
        source = f"read_parquet('{path}')"
        columns = session.sql(f"SELECT * FROM {source} LIMIT 0").columns
        keys = [name for name in columns if not (name[0] == "w" and name[1:].isdigit())]
        listed = ", ".join(map(quoted, keys))
        total = session.sql(f"SELECT count(*) FROM {source} WHERE {condition}").fetchall()[0][0]
        found = session.sql(
            f"SELECT {listed} FROM {source} WHERE {condition} ORDER BY {listed} "
            f"LIMIT {int(size)} OFFSET {int(start)}"
        ).to_arrow_table()
    return found.to_pylist(), int(total)


def _stored(
    resource: PublishedResource, names: list[str], keys: list[tuple[Any, ...]]
) -> list[dict[str, Any]]:
    lake = sources.lake()
    if not keys or not lake.exists(resource.lake_table):
        return []
    known = lake.schema(resource.lake_table).names
    if names == [ROW_HASH]:
        shape = sources.shape_of(resource).only(frozenset(known))
        places = ", ".join("?" for _ in keys)
        query = f"SELECT * FROM t WHERE {row_hash(shape)} IN ({places})"
        found = lake.sql(query, tables={"t": resource.lake_table}, params=[key[0] for key in keys])
        return list(found.read_all().to_pylist())
    columns = [column.name for column in resource.columns if column.name in known]
    wanted = keys if len(names) > 1 else [key[0] for key in keys]
    return list(lake.lookup(resource.lake_table, wanted, columns=columns).to_pylist())
