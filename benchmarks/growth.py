"""How cost grows with rows: one table at 1×, 3× and 10×, staged, validated and merged, each in a fresh process.

Linear time and flat memory is the claim. First delivery: rows in key order into an empty table. Then a second
delivery of the same table in which one row in fifty changed, merged, and a third as a snapshot (`sync`) that lacks
one row in a thousand. Peak memory is the process's own resident maximum; beside it stand what the process holds itself
(anonymous) and pages of files it has mapped, which the system takes back whenever it needs room.

    python benchmarks/growth.py [--rows 600000] [--factors 1,3,10] [--dir FOLDER]
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from chengshu.data.contract.facade import ColumnSpec, TableContract, compile_contract
from chengshu.data.ingest.pipeline import STAMPS, stage, stamped
from chengshu.data.ingest.reading import RowBatch
from chengshu_lake import Lake
from gauges import Memory, cpu_seconds

PIECE = 60_000
TABLE = "std/grown"
CONTRACT = TableContract(
    columns=(
        ColumnSpec(name="no", title="编号", length=20, key=True),
        ColumnSpec(name="name", title="名称", length=40, nullable=False),
        ColumnSpec(name="sex", title="性别", codes={"1": "男", "2": "女"}),
        ColumnSpec(name="day", title="日期", type="date", minimum="1900-01-01"),
        ColumnSpec(name="mobile", title="手机号", format="mobile"),
        ColumnSpec(name="region", title="区划代码", format="region12"),
        ColumnSpec(name="amount", title="金额", type="decimal", precision=12, scale=2),
        ColumnSpec(name="address", title="住址", length=100),
    )
)


def delivery(rows: int, *, changed: int = 0, lacking: int = 0) -> Iterator[RowBatch]:
    """Rows in key order; one in ``changed`` has another amount, one in ``lacking`` is not there."""
    for first in range(1, rows + 1, PIECE):
        numbers = range(first, min(first + PIECE, rows + 1))
        kept = [n for n in numbers if not lacking or n % lacking]
        cells = {
            "no": [f"R{n:010}" for n in kept],
            "name": [f"虚构人员{n % 9973}" for n in kept],
            "sex": ["12"[n % 2] for n in kept],
            "day": [f"20{n % 25:02}-{n % 12 + 1:02}-{n % 28 + 1:02}" for n in kept],
            "mobile": [f"13{n % 10**9:09}" for n in kept],
            "region": [f"330383{n % 102 + 1:06}" for n in kept],
            "amount": [f"{n % 70_000 + (changed and not n % changed)}.50" for n in kept],
            "address": [f"龙港市第{n % 102}社区龙翔路{n % 900}号" for n in kept],
        }
        arrays = {name: pa.array(values, pa.string()) for name, values in cells.items()}
        marks = pa.array(kept, pa.int64())
        yield RowBatch(pa.RecordBatch.from_pydict({"__row": marks, **arrays}))


def measure(rows: int, folder: Path) -> dict[str, float]:
    """Three deliveries into one table, in this process."""
    compiled = compile_contract(CONTRACT)
    lake = Lake(folder / "lake")
    lake.create(TABLE, pa.schema([*CONTRACT.schema, *STAMPS]), key=CONTRACT.key)
    found: dict[str, float] = {"rows": rows}
    anonymous = mapped = 0.0
    for name, options in (("load", {}), ("merge", {"changed": 50}), ("sync", {"lacking": 1000})):
        started = time.perf_counter()
        with Memory() as memory:
            staged = stage(delivery(rows, **options), compiled, folder / name)
            staging = memory.anonymous, memory.mapped
            write = lake.sync if name == "sync" else lake.merge
            write(
                TABLE, stamped(staged, CONTRACT.schema.names, name.ljust(16, "0")), commit_key=name
            )
        found[name] = time.perf_counter() - started
        print(
            f"  {name}: staged at {staging[0]:,.0f} + {staging[1]:,.0f} MB, written at "
            f"{memory.anonymous:,.0f} + {memory.mapped:,.0f} MB (anonymous + mapped)",
            file=sys.stderr,
        )
        anonymous, mapped = max(anonymous, memory.anonymous), max(mapped, memory.mapped)
        shutil.rmtree(folder / name)
    found["cpu"] = cpu_seconds()
    found |= {"peak_mb": memory.resident, "anonymous_mb": anonymous, "mapped_mb": mapped}
    if lake.count(TABLE) != rows - rows // 1000:
        raise SystemExit(f"the table holds {lake.count(TABLE)} rows of {rows}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=600_000)
    parser.add_argument("--factors", default="1,3,10")
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options.dir)))
        return
    print(
        f"{'rows':>12}{'load s':>9}{'merge s':>9}{'sync s':>9}{'CPU s':>9}{'CPU µs/row':>12}{'peak MB':>9}"
        f"{'anon MB':>9}{'file MB':>9}"
    )
    for factor in map(int, options.factors.split(",")):
        with tempfile.TemporaryDirectory(dir=options.dir) as folder:
            rows = options.rows * factor
            command = [sys.executable, __file__, "--child", str(rows), "--dir", folder]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        f = json.loads(done.stdout)
        each = f["cpu"] / rows / 3 * 1e6
        print(
            f"{rows:12,}{f['load']:9.1f}{f['merge']:9.1f}{f['sync']:9.1f}{f['cpu']:9.1f}{each:12.2f}{f['peak_mb']:9,.0f}"
            f"{f['anonymous_mb']:9,.0f}{f['mapped_mb']:9,.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
