"""The embedded database of a stage, opened when something first needs it.

Opening one costs more than checking a small delivery. What needs neither room nor spilling (the
doubtful cells of a batch, a few repeated keys) therefore shares one database per process.
"""

import os
from pathlib import Path
from threading import Lock
from typing import Self

import duckdb

from chengshu.data.ingest.pipeline.result import StageLimits

SHARED_ROWS = 20_000
_SHARED_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "512MB",
    "threads": 2,
    "temp_directory": "",
}
_guard = Lock()
# By process: a fork must not use its parent's threads.
_shared: dict[int, duckdb.DuckDBPyConnection] = {}


def _shared_cursor() -> duckdb.DuckDBPyConnection:
    with _guard:
        process = os.getpid()
        if process not in _shared:
            _shared[process] = duckdb.connect(config=_SHARED_CONFIG)
        return _shared[process].cursor()


class Engine:
    """Connections for one stage; all are closed with it, and so are their temporary tables."""

    def __init__(self, limits: StageLimits, spill: Path) -> None:
        self._limits, self._spill = limits, spill
        self._lock = Lock()
        self._opened: list[duckdb.DuckDBPyConnection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        for connection in self._opened:
            connection.close()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection for one thread (DuckDB refuses calls from two at once) and small work."""
        return self._kept(_shared_cursor())

    def connect(self, rows: int | None) -> duckdb.DuckDBPyConnection:
        """A connection for tables of so many rows (None: any number), which spills when it must."""
        if rows is not None and rows <= SHARED_ROWS:
            return self.cursor()
        return self._kept(
            duckdb.connect(
                config={
                    "memory_limit": self._limits.memory,
                    "threads": int(self._limits.threads),
                    "temp_directory": str(self._spill),
                }
            )
        )

    def _kept(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        connection.execute("SET timezone = 'UTC'")
        with self._lock:
            self._opened.append(connection)
        return connection
