"""Ingest of 1,000,000 rows × 15 columns beside `psql \\copy` of the same file, and of many small tables.

Large: read the CSV, type it, check every cell (identity numbers, credit codes, cards with check digits,
codes, dates, amounts), quarantine about 1 % planted bad rows, find 0.5 % duplicates, stage, merge into a
new lake table. Theirs: PostgreSQL 15, own temporary cluster with default settings, the same types and a
text primary key; the file it gets has neither bad rows nor duplicates, because \\copy stops at the first
one. Rows come in key order, as department exports mostly do; `--shuffled` measures the other case.

Small: 273 deliveries of 380 rows × 41 columns, each compiled, staged, merged into a table of its own and
counted by region, as the demo city does (without the bookkeeping of the web platform).

Rounds are interleaved; figures are medians. Wall time depends on who else uses the machine, so CPU seconds
stand beside it: of our process by getrusage, of PostgreSQL the whole cluster and psql, from /proc (the
postmaster waits for its children) and getrusage. Peak memory is our process alone.

    python benchmarks/ingest.py [--rows 1000000] [--repeat 3] [--dir FOLDER] [--no-postgres]
        [--shuffled] [--small 273]
"""

import argparse
import dataclasses
import json
import os
import random
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pyarrow as pa
from stdnum import luhn
from stdnum.cn import ric, uscc

from chengshu.data.contract import ColumnSpec, TableContract, compile_contract
from chengshu.data.ingest.pipeline import STAMPS, stage, stamped
from chengshu.data.ingest.reading import ReadOptions, RowBatch, open_rows, sniff
from chengshu_lake import Lake

POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")
TABLE = "std/resident"
PEER = "psql \\copy with primary key"
BAD_SHARE, DUPLICATE_SHARE = 0.01, 0.005
MEMORY_GOAL = 1_500_000_000
CODES = {"1": "男", "2": "女"}
CONTRACT = TableContract(
    columns=(
        ColumnSpec(name="record_no", title="记录编号", length=20, key=True),
        ColumnSpec(name="id_number", title="身份证号", format="id_number", nullable=False),
        ColumnSpec(name="name", title="姓名", length=20, nullable=False),
        ColumnSpec(name="sex", title="性别", codes=CODES),
        ColumnSpec(name="birth_date", title="出生日期", type="date", minimum="1900-01-01"),
        ColumnSpec(name="mobile", title="手机号", format="mobile"),
        ColumnSpec(name="region", title="区划代码", format="region12"),
        ColumnSpec(name="address", title="住址", length=100),
        ColumnSpec(name="uscc", title="工作单位代码", format="uscc"),
        ColumnSpec(name="employer", title="工作单位", length=100),
        ColumnSpec(name="bank_card", title="社保卡号", format="bank_card"),
        ColumnSpec(
            name="income", title="年收入", type="decimal", precision=12, scale=2, minimum="0"
        ),
        ColumnSpec(name="deposit", title="缴存额", type="decimal", precision=12, scale=2),
        ColumnSpec(name="joined_on", title="参保日期", type="date"),
        ColumnSpec(name="household", title="户别", codes={"10": "家庭户", "20": "集体户"}),
    )
)


def _line(row: int, chance: random.Random) -> list[str]:
    """One good row; identifiers carry valid check digits and belong to nobody."""
    born = f"{chance.randint(1940, 2010)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    body = f"330383{born.replace('-', '')}{chance.randint(0, 999):03}"
    company = f"91330383{chance.randint(0, 999_999_999):09}"
    card = f"621700{chance.randint(0, 10**12 - 1):012}"
    district = chance.randint(1, 102)
    return [
        f"R{row:010}",
        body + ric.calc_check_digit(body + "0"),
        chance.choice("王李张刘陈杨黄赵")
        + chance.choice("伟芳娜敏静丽")
        + chance.choice("强磊军洋"),
        chance.choice("12"),
        born,
        f"13{chance.randint(0, 999_999_999):09}",
        f"330383{district:06}",
        f"浙江省龙港市第{district}社区龙翔路{chance.randint(1, 900)}号",
        company + uscc.calc_check_digit(company + "0"),
        f"龙港市虚构{chance.randint(1, 9999)}印刷有限公司",
        card + luhn.calc_check_digit(card),
        f"{chance.randint(0, 30_000_000) / 100:.2f}",
        f"{chance.randint(0, 500_000) / 100:.2f}",
        f"{chance.randint(2000, 2025)}/{chance.randint(1, 12)}/{chance.randint(1, 28)}",
        chance.choice(("10", "20")),
    ]


def _spoil(line: list[str], chance: random.Random) -> list[str]:
    """Break one cell, or the row's shape."""
    spoiled = line.copy()
    fault = chance.randrange(7)
    if fault == 0:
        spoiled[1] = "3.30383E+17"
    elif fault == 1:
        spoiled[1] = spoiled[1][:17] + ("0" if spoiled[1][17] != "0" else "1")
    elif fault == 2:
        spoiled[4] = "2026-02-30"
    elif fault == 3:
        spoiled[2] = ""
    elif fault == 4:
        spoiled[11] = "3万"
    elif fault == 5:
        spoiled[3] = "9"
    else:
        spoiled.append("多出一列")
    return spoiled


def shuffle(path: Path) -> None:
    """Put the rows of a file into random order."""
    header, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    random.Random(383).shuffle(lines)
    path.write_text(header + "".join(lines), encoding="utf-8")


def cpu_seconds(who: int = resource.RUSAGE_SELF) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def generate(folder: Path, rows: int) -> tuple[Path, Path, dict[str, int]]:
    """Write the dirty file and its clean twin of as many rows; returns them and what was planted."""
    chance = random.Random(330383)
    dirty, clean = folder / "resident.csv", folder / "resident-clean.csv"
    headers = ",".join(column.title for column in CONTRACT.columns) + "\n"
    planted = {"source": rows, "quarantined": 0, "duplicates": 0}
    previous: list[str] | None = None
    with dirty.open("w", encoding="utf-8") as file, clean.open("w", encoding="utf-8") as twin:
        file.write(headers)
        twin.write(headers)
        for row in range(rows):
            line = _line(row, chance)
            twin.write(",".join(line) + "\n")
            draw = chance.random()
            if draw < BAD_SHARE:
                planted["quarantined"] += 1
                file.write(",".join(_spoil(line, chance)) + "\n")
            elif draw < BAD_SHARE + DUPLICATE_SHARE and previous is not None:
                planted["duplicates"] += 1
                file.write(",".join(previous) + "\n")
            else:
                previous = line
                file.write(",".join(line) + "\n")
    return dirty, clean, planted


def ours(source: Path, work: Path) -> dict[str, float]:
    """One ingest from file to committed lake table, in this process."""
    shutil.rmtree(work, ignore_errors=True)
    started, cpu_before = time.perf_counter(), cpu_seconds()
    report = sniff(source)
    mapping = CONTRACT.match_headers(list(report.headers))
    options = ReadOptions(
        mapping=mapping, encoding=report.encoding, delimiter=report.delimiter,
        header_row=report.header_row,
    )  # fmt: skip
    result = stage(open_rows(source, options), compile_contract(CONTRACT), work / "stage")
    staged = time.perf_counter()
    lake = Lake(work / "lake")
    lake.create(TABLE, pa.schema([*CONTRACT.schema, *STAMPS]), key=CONTRACT.key)
    rows = stamped(result, CONTRACT.schema.names, "b" * 16)
    lake.merge(TABLE, rows, commit_key="benchmark")
    finished = time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": finished - started,
        "stage_seconds": staged - started,
        "merge_seconds": finished - staged,
        "cpu_seconds": cpu_seconds() - cpu_before,
        "peak_bytes": used.ru_maxrss * 1024,
        "source": result.source,
        "accepted": result.accepted,
        "quarantined": result.quarantined,
        "duplicates": result.duplicates,
        "in_lake": lake.count(TABLE),
    }


def small_tables(count: int, work: Path) -> dict[str, float]:
    """Load `count` small deliveries into tables of their own, in this process."""
    chance = random.Random(41)
    width, rows = 41, 380
    pattern = [CONTRACT.columns[i % len(CONTRACT.columns)] for i in range(width)]
    contract = TableContract(
        columns=tuple(
            dataclasses.replace(column, name=f"c{i}", title=f"{column.title}{i}", key=i == 0)
            for i, column in enumerate(pattern)
        )
    )
    lines = []
    for row in range(rows):
        line = [cell for _ in range(3) for cell in _line(row, chance)][:width]
        if chance.random() < 2 * BAD_SHARE:
            line[chance.choice((1, 4, 11, 16, 19))] = "坏"
        lines.append(line)
    cells = {f"c{i}": pa.array([line[i] for line in lines]) for i in range(width)}
    numbers = pa.array(range(2, rows + 2), pa.int64())
    batch = RowBatch(pa.RecordBatch.from_pydict({"__row": numbers, **cells}))
    lake = Lake(work / "lake")
    query = "SELECT c6 AS code, count(*) AS n FROM t WHERE c6 IS NOT NULL GROUP BY 1"
    started, cpu_before = time.perf_counter(), cpu_seconds()
    for number in range(count):
        table = f"std/small_{number}"
        result = stage([batch], compile_contract(contract), work / f"stage{number}")
        if not lake.exists(table):
            lake.create(table, pa.schema([*contract.schema, *STAMPS]), key=contract.key)
        rows_in = stamped(result, contract.schema.names, "b" * 16)
        lake.merge(table, rows_in, commit_key="benchmark")
        lake.stats(table)
        counted = lake.sql(query, tables={"t": table}).read_all().to_pylist()
        if sum(group["n"] for group in counted) != result.accepted:
            raise SystemExit(f"the counts of {table} are wrong")
    return {
        "tables": count,
        "seconds": time.perf_counter() - started,
        "cpu_seconds": cpu_seconds() - cpu_before,
    }


def measure_ours(source: Path, work: Path) -> dict[str, float]:
    """A fresh process, so that its peak memory is one ingest's."""
    return _child("--child", str(source), "--dir", str(work))


def _child(*arguments: str) -> dict[str, float]:
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


@contextmanager
def postgres(folder: Path) -> Iterator[tuple[list[str], int]]:
    """A temporary cluster on a Unix socket; yields the psql command to reach it, and its process."""
    user = "postgres" if os.geteuid() == 0 else None
    folder.mkdir()
    if user:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    data = str(folder / "data")
    run(str(POSTGRES_BIN / "initdb"), "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8")
    control = [str(POSTGRES_BIN / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log")]
    run(*control, "-o", f"-k {folder} -p {port} -c listen_addresses=", "start")
    try:
        psql = ["psql", "-q", "-h", str(folder), "-p", port, "-U", "bench", "-d", "postgres",
                "-v", "ON_ERROR_STOP=1"]  # fmt: skip
        yield psql, int((folder / "data" / "postmaster.pid").read_text().split()[0])
    finally:
        run(*control, "-m", "immediate", "stop")


def cluster_cpu(postmaster: int) -> float:
    """CPU seconds of a cluster so far: its processes, and those that have ended."""
    ticks = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
        except OSError:  # ended meanwhile: the postmaster has counted it
            continue
        fields = text.rpartition(")")[2].split()
        if int(status.parent.name) == postmaster:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == postmaster:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def copy(psql: list[str], postmaster: int, source: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one `\\copy` into a new table with a primary key."""
    kinds = {"text": "text", "date": "date", "decimal": "numeric(12, 2)"}
    columns = ", ".join(
        f"{column.name} {kinds[column.type]}" + (" PRIMARY KEY" if column.key else "")
        for column in CONTRACT.columns
    )
    prepare = f"DROP TABLE IF EXISTS resident; CREATE TABLE resident ({columns})"
    subprocess.run([*psql, "-c", prepare], check=True, capture_output=True)
    started = time.perf_counter()
    cpu_before = cluster_cpu(postmaster) + cpu_seconds(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [*psql, "-c", f"\\copy resident from '{source}' with (format csv, header)"], check=True
    )
    wall = time.perf_counter() - started
    used = cluster_cpu(postmaster) + cpu_seconds(resource.RUSAGE_CHILDREN) - cpu_before
    return wall, used


def compare(folder: Path, rows: int, repeat: int, with_postgres: bool, shuffled: bool) -> None:
    dirty, clean, planted = generate(folder, rows)
    if shuffled:
        shuffle(dirty)
        shuffle(clean)
    print(f"{rows:,} rows, {dirty.stat().st_size / 1e6:.0f} MB, planted {planted}")
    mine: list[dict[str, float]] = []
    theirs: list[tuple[float, float]] = []
    server: AbstractContextManager[tuple[list[str], int]] = nullcontext(([], 0))
    if with_postgres:
        server = postgres(folder / "postgres")
    with server as (psql, postmaster):
        for _ in range(repeat):
            mine.append(measure_ours(dirty, folder / "work"))
            wrong = {k: mine[-1][k] for k, count in planted.items() if mine[-1][k] != count}
            if wrong or mine[-1]["in_lake"] != mine[-1]["accepted"]:
                raise SystemExit(f"the counts are wrong: {mine[-1]}")
            print(json.dumps(mine[-1]), flush=True)
            if with_postgres:
                theirs.append(copy(psql, postmaster, clean))
                print(json.dumps({"psql_copy": theirs[-1]}), flush=True)

    def median(name: str) -> float:
        return statistics.median(figures[name] for figures in mine)

    seconds, cpu = median("seconds"), median("cpu_seconds")
    peak = max(figures["peak_bytes"] for figures in mine)
    print(f"\n{'':42}{'wall s':>9}{'CPU s':>9}{'rows/s':>12}")
    print(
        f"{'chengshu, typed + checked + staged + merged':42}{seconds:8.2f}{cpu:9.2f}{rows / seconds:12,.0f}"
    )
    print(
        f"  of which staged {median('stage_seconds'):.2f} s, merged {median('merge_seconds'):.2f} s (wall)"
    )
    print(f"  peak memory {peak / 1e6:,.0f} MB (goal < {MEMORY_GOAL / 1e6:,.0f} MB)")
    if theirs:
        wall, used = (statistics.median(figure) for figure in zip(*theirs, strict=True))
        print(f"{PEER:42}{wall:9.2f}{used:9.2f}{rows / wall:12,.0f}")
        print(f"ratio psql / chengshu: wall {wall / seconds:.2f} (goal > 1), CPU {used / cpu:.2f}")


def compare_small(folder: Path, count: int) -> None:
    figures = _child("--small-child", str(count), "--dir", str(folder))
    seconds, cpu = figures["seconds"], figures["cpu_seconds"]
    print(
        f"\n{count} small tables (380 rows × 41 columns): {seconds:.1f} s wall, {cpu:.1f} CPU s, "
        f"{cpu / count:.3f} CPU s a table (goal <= 0.12)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--no-postgres", action="store_true")
    parser.add_argument("--shuffled", action="store_true", help="rows not in key order")
    parser.add_argument("--small", type=int, default=273, help="number of small tables (0: none)")
    parser.add_argument("--small-child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(ours(options.child, options.dir)))
        return
    if options.small_child:
        print(json.dumps(small_tables(options.small_child, options.dir)))
        return
    available = (POSTGRES_BIN / "initdb").exists() and not options.no_postgres
    if not available:
        print("psql \\copy is not measured: PostgreSQL 15 is missing or was switched off")
    with tempfile.TemporaryDirectory(dir=options.dir) as name:
        folder = Path(name)
        folder.chmod(0o755)
        if options.small:
            compare_small(folder / "small", options.small)
        if options.rows:
            compare(folder, options.rows, options.repeat, available, options.shuffled)


if __name__ == "__main__":
    main()
