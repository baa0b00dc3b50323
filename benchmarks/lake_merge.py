"""Merge of 200,000 rows (30 % updates spread over all keys) into 5,000,000 rows × 16 columns.

Side by side, on hard-linked copies of one table: `chengshu_lake` and delta-rs' own MERGE. Beside it
what else the layout promises: an unchanged redelivery, an append-like merge, a key lookup.
Prints one JSON line per measurement, then a table of medians.

    python benchmarks/lake_merge.py [--rows 5000000] [--batch 200000] [--repeat 3] [--dir FOLDER]
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from chengshu_lake import Lake

TABLE = "std/resident"
GOAL_SECONDS = 12.0
COLUMNS = """
 printf('3303832%011d', i) AS id_number,
 printf('9133038%011d', (i * 7919) % 1000000) AS employer,
 ['王','李','张','陈','林','黄','杨','周'][1 + i % 8]
   || ['伟','芳','娜','敏','静','强','磊','军'][1 + (i // 8) % 8] AS name,
 ['男','女'][1 + i % 2] AS sex,
 DATE '1940-01-01' + CAST((i * 31) % 30000 AS INTEGER) AS born,
 printf('1%010d', (i * 104729) % 10000000000) AS phone,
 '龙港市' || ['龙跃路','人民路','世纪大道','百有街'][1 + i % 4] || CAST((i * 13) % 2000 AS VARCHAR)
   || '号' || CAST((i * 17) % 900 AS VARCHAR) || '室' AS address,
 printf('330383%06d', (i * 37) % 102) AS region,
 CAST((i * 48271) % 100000000 AS BIGINT) AS income_fen,
 CAST(i % 120 AS INTEGER) AS age,
 i % 7 = 0 AS insured,
 TIMESTAMPTZ '2024-01-01 00:00:00+08' + to_seconds(CAST((i * 61) % 63072000 AS INTEGER))
   AS updated_at,
 ['常住','流动','寄住','空挂'][1 + (i * 3) % 4] AS residence,
 md5(CAST(i AS VARCHAR)) AS checksum,
 CASE WHEN i % 5 > 0 THEN '第' || CAST((i * 11) % 5000 AS VARCHAR) || '批次采集' END AS remark,
 CAST((i % 10000) / 100.0 AS DECIMAL(12, 2)) AS score
"""


def rows(source: str, remark: str = "remark") -> pa.RecordBatchReader:
    """Deterministic rows for the numbers ``i`` that ``source`` yields."""
    session = duckdb.connect(config={"threads": 2, "memory_limit": "1GB"})
    session.execute("SET TimeZone = 'UTC'")
    query = f"SELECT * REPLACE ({remark} AS remark) FROM (SELECT {COLUMNS} FROM ({source}))"
    reader: pa.RecordBatchReader = session.sql(query).to_arrow_reader(61_440)
    return reader


def timed(action: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall seconds, CPU seconds, result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = action()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def fresh(base: Path, work: Path) -> Path:
    """A copy of the lake that shares the (immutable) data files."""
    copy = Path(tempfile.mkdtemp(prefix="lake-", dir=work))
    shutil.copytree(base, copy, copy_function=os.link, dirs_exist_ok=True)
    return copy


def merge_by_delta_rs(root: Path, batch: pa.Table) -> Any:
    """The upsert as delta-rs documents it."""
    merger = DeltaTable(str(root / TABLE)).merge(
        batch,
        predicate="target.id_number = source.id_number",
        source_alias="source",
        target_alias="target",
    )
    return merger.when_matched_update_all().when_not_matched_insert_all().execute()


def lookups(lake: Lake, total: int) -> float:
    """Median seconds of twenty key lookups."""
    taken = []
    for n in range(20):
        key = f"3303832{n * total // 20:011d}"
        wall, _cpu, found = timed(partial(lake.lookup, TABLE, [key]))
        assert found.num_rows == 1
        taken.append(wall)
    return statistics.median(taken)


class Record:
    """Collects measurements and prints each as a JSON line."""

    def __init__(self) -> None:
        self.results: dict[str, list[tuple[float, float]]] = {}

    def add(self, name: str, wall: float, cpu: float, **more: Any) -> None:
        self.results.setdefault(name, []).append((wall, cpu))
        line = {"benchmark": "lake_merge", "case": name, "seconds": round(wall, 3)}
        print(json.dumps({**line, "cpu_seconds": round(cpu, 2), **more}), flush=True)

    def table(self) -> None:
        print(f"\n{'case':<28}{'median s':>10}{'CPU s':>8}")
        for name, values in self.results.items():
            wall = statistics.median(value[0] for value in values)
            cpu = statistics.median(value[1] for value in values)
            print(f"{name:<28}{wall:>10.3f}{cpu:>8.2f}")
        merge = statistics.median(value[0] for value in self.results["merge: chengshu_lake"])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        verdict = "reached" if merge < GOAL_SECONDS else "missed"
        print(f"goal: merge < {GOAL_SECONDS:.0f} s: {verdict}; peak of the process {peak} MB")


def one_round(base: Path, work: Path, total: int, size: int, record: Record) -> None:
    """Every case once, each on its own copy of the table."""
    updates = size * 3 // 10
    spread = f"SELECT range * {max(1, total // updates)} AS i FROM range({updates})"
    new = f"SELECT {total} + range AS i FROM range({size - updates})"
    batch = rows(f"{spread} UNION ALL {new}", "'第二批更正'").read_all()

    root = fresh(base, work)
    wall, cpu, done = timed(lambda: merge_by_delta_rs(root, batch))
    assert done["num_target_rows_updated"] == updates
    record.add("merge: delta-rs", wall, cpu, files_rewritten=done["num_target_files_removed"])
    record.add("lookup after delta-rs", lookups(Lake(root), total), 0.0)
    shutil.rmtree(root)

    root = fresh(base, work)
    wall, cpu, done = timed(lambda: Lake(root).merge(TABLE, batch))
    assert (done.inserted, done.updated) == (size - updates, updates)
    record.add("merge: chengshu_lake", wall, cpu, files_rewritten=done.files_removed)
    record.add("lookup after merge", lookups(Lake(root), total), 0.0)
    shutil.rmtree(root)

    root = fresh(base, work)
    same, unseen = rows(spread).read_all(), rows(new).read_all()
    wall, cpu, done = timed(lambda: Lake(root).merge(TABLE, same))
    assert (done.unchanged, done.files_added) == (updates, 0)
    record.add("merge: nothing changed", wall, cpu)
    wall, cpu, done = timed(lambda: Lake(root).merge(TABLE, unseen))
    assert done.files_removed == 0
    record.add("merge: only new rows", wall, cpu)
    shutil.rmtree(root)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=5_000_000)
    options.add_argument("--batch", type=int, default=200_000)
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--dir", type=Path, default=None)
    args = options.parse_args()
    record = Record()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=args.dir) as folder:
        work = Path(folder)
        base = work / "base"
        lake = Lake(base)
        first = rows(f"SELECT range AS i FROM range({args.rows})")
        lake.create(TABLE, first.schema, key=["id_number"])
        wall, cpu, _ = timed(lambda: lake.overwrite(TABLE, first))
        stats = lake.stats(TABLE)
        record.add("load", wall, cpu, rows=stats.rows, files=stats.files, mb=stats.bytes >> 20)
        for _ in range(args.repeat):
            one_round(base, work, args.rows, args.batch, record)
    record.table()


if __name__ == "__main__":
    main()
