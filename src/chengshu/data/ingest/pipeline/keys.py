# ruff: noqa: S608 - statements are built from quoted identifiers and literals only
"""Rows of one source that share a key: exact repeats are duplicates, others are conflicts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from chengshu.data.ingest.pipeline.quarantine import Problem, QuarantinedRow
from chengshu.data.quality.facade import ROW_COLUMN, ROW_RULES, TableContract, identifier, shorten

SPOOL_VIEW = "spool"
_FETCH_ROWS = 10_000


@dataclass(slots=True)
class KeyCheck:
    """Finds repeated keys among the spooled rows with the engine, which spills when it must.

    The first row of a key stays. A later row equal in every column (after normalising) is a
    duplicate; a later row that differs conflicts with the first.
    """

    connection: duckdb.DuckDBPyConnection
    contract: TableContract

    def run(self) -> tuple[int, int]:
        """Fill the table `repeats(_row, first_row, same)`; returns (duplicates, conflicts)."""
        run = self.connection.execute
        if not self.contract.key:
            run("CREATE TEMP TABLE repeats (_row BIGINT, first_row BIGINT, same BOOLEAN)")
            return 0, 0
        keys = ", ".join(identifier(name) for name in self.contract.key)
        names = [identifier(column.name) for column in self.contract.columns]
        equal = " AND ".join(f"later.{name} IS NOT DISTINCT FROM first.{name}" for name in names)
        run(
            # Numbers group several times faster than texts; a collision only costs a second look.
            f"CREATE TEMP TABLE alike AS SELECT hash({keys}) AS h "
            f"FROM {SPOOL_VIEW} GROUP BY h HAVING count(*) > 1"
        )
        run(
            f"CREATE TEMP TABLE repeated AS SELECT {keys}, min({ROW_COLUMN}) AS first_row "
            f"FROM {SPOOL_VIEW} WHERE hash({keys}) IN (SELECT h FROM alike) "
            f"GROUP BY {keys} HAVING count(*) > 1"
        )
        run(
            f"CREATE TEMP TABLE suspects AS SELECT {SPOOL_VIEW}.*, repeated.first_row "
            f"FROM {SPOOL_VIEW} JOIN repeated USING ({keys})"
        )
        run(
            f"CREATE TEMP TABLE repeats AS SELECT later.{ROW_COLUMN}, later.first_row, {equal} AS same "
            f"FROM suspects later JOIN suspects first ON first.{ROW_COLUMN} = later.first_row "
            f"WHERE later.{ROW_COLUMN} <> later.first_row"
        )
        counted: Any = run(
            "SELECT count(*) FILTER (same), count(*) FILTER (NOT same) FROM repeats"
        ).fetchall()[0]
        return counted[0], counted[1]

    def conflicts(self) -> Iterator[list[QuarantinedRow]]:
        """The conflicting rows, in pieces, as quarantine entries."""
        names = [column.name for column in self.contract.columns]
        cells = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in names)
        result: Any = self.connection.execute(
            f"SELECT {ROW_COLUMN}, first_row, {cells} FROM suspects "
            f"JOIN (SELECT {ROW_COLUMN} FROM repeats WHERE NOT same) USING ({ROW_COLUMN}) "
            f"ORDER BY {ROW_COLUMN}"
        )
        while rows := result.fetchmany(_FETCH_ROWS):
            yield [
                self._conflict(row[0], row[1], dict(zip(names, row[2:], strict=True)))
                for row in rows
            ]

    def _conflict(self, row: int, first_row: int, cells: dict[str, str | None]) -> QuarantinedRow:
        key = "，".join(str(cells[name]) for name in self.contract.key)
        rule = ROW_RULES["key_conflict"]
        message = rule.template.format(row=row, first_row=first_row, value=shorten(key))
        column = self.contract.key[0] if len(self.contract.key) == 1 else ""
        title = "、".join(self.contract.column(name).title for name in self.contract.key)
        return QuarantinedRow(row, (Problem(column, title, rule.key, message, key),), cells)
