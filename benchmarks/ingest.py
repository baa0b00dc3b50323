"""Ingest of 1,000,000 rows × 15 columns beside `psql \\copy` of the same file with a primary key.

Ours: read the CSV, type it, check every cell (identity numbers, credit codes, cards with check digits,
codes, dates, amounts), quarantine about 1 % planted bad rows, find 0.5 % duplicates, stage Parquet, merge
into a new lake table. Theirs: PostgreSQL 15, own temporary cluster with default settings, the same types
and a text primary key; the file it gets has neither bad rows nor duplicates, because \\copy stops at the
first one. Rounds are interleaved; figures are medians. Peak memory is our process alone.

    python benchmarks/ingest.py [--rows 1000000] [--repeat 3] [--dir FOLDER] [--no-postgres]
"""

import argparse
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
from contextlib import contextmanager, nullcontext
from pathlib import Path

from stdnum import luhn
from stdnum.cn import ric, uscc

from chengshu.data.ingest.pipeline import stage
from chengshu.data.ingest.reading import ReadOptions, open_rows, sniff
from chengshu.data.quality.contract import ColumnSpec, TableContract, compile_contract
from chengshu_lake import Lake

POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")
TABLE = "std/resident"
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
    started = time.perf_counter()
    report = sniff(source)
    mapping = CONTRACT.match_headers(list(report.headers))
    options = ReadOptions(
        mapping=mapping, encoding=report.encoding, delimiter=report.delimiter,
        header_row=report.header_row,
    )  # fmt: skip
    result = stage(open_rows(source, options), compile_contract(CONTRACT), work / "stage")
    staged = time.perf_counter()
    lake = Lake(work / "lake")
    lake.create(TABLE, CONTRACT.schema, key=CONTRACT.key)
    lake.merge(TABLE, result.reader(CONTRACT.schema.names), commit_key="benchmark")
    finished = time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": finished - started,
        "stage_seconds": staged - started,
        "merge_seconds": finished - staged,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * 1024,
        "source": result.source,
        "accepted": result.accepted,
        "quarantined": result.quarantined,
        "duplicates": result.duplicates,
        "in_lake": lake.count(TABLE),
    }


def measure_ours(source: Path, work: Path) -> dict[str, float]:
    """A fresh process, so that its peak memory is one ingest's."""
    command = [sys.executable, __file__, "--child", str(source), "--dir", str(work)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


@contextmanager
def postgres(folder: Path) -> Iterator[list[str]]:
    """A temporary cluster on a Unix socket; yields the psql command to reach it."""
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
        yield ["psql", "-q", "-h", str(folder), "-p", port, "-U", "bench", "-d", "postgres",
               "-v", "ON_ERROR_STOP=1"]  # fmt: skip
    finally:
        run(*control, "-m", "immediate", "stop")


def copy(psql: list[str], source: Path) -> float:
    """Seconds of one `\\copy` into a new table with a primary key."""
    kinds = {"text": "text", "date": "date", "decimal": "numeric(12, 2)"}
    columns = ", ".join(
        f"{column.name} {kinds[column.type]}" + (" PRIMARY KEY" if column.key else "")
        for column in CONTRACT.columns
    )
    prepare = f"DROP TABLE IF EXISTS resident; CREATE TABLE resident ({columns})"
    subprocess.run([*psql, "-c", prepare], check=True, capture_output=True)
    started = time.perf_counter()
    subprocess.run(
        [*psql, "-c", f"\\copy resident from '{source}' with (format csv, header)"], check=True
    )
    return time.perf_counter() - started


def compare(folder: Path, rows: int, repeat: int, with_postgres: bool) -> None:
    dirty, clean, planted = generate(folder, rows)
    print(f"{rows:,} rows, {dirty.stat().st_size / 1e6:.0f} MB, planted {planted}")
    mine: list[dict[str, float]] = []
    theirs: list[float] = []
    with postgres(folder / "postgres") if with_postgres else nullcontext([]) as psql:
        for _ in range(repeat):
            mine.append(measure_ours(dirty, folder / "work"))
            wrong = {k: mine[-1][k] for k, count in planted.items() if mine[-1][k] != count}
            if wrong or mine[-1]["in_lake"] != mine[-1]["accepted"]:
                raise SystemExit(f"the counts are wrong: {mine[-1]}")
            print(json.dumps(mine[-1]), flush=True)
            if with_postgres:
                theirs.append(copy(psql, clean))
                print(json.dumps({"psql_copy_seconds": theirs[-1]}), flush=True)

    def median(name: str) -> float:
        return statistics.median(figures[name] for figures in mine)

    seconds, peak = median("seconds"), max(figures["peak_bytes"] for figures in mine)
    print(
        f"\nchengshu, typed + checked + staged + merged  {seconds:6.2f} s  {rows / seconds:>10,.0f} rows/s"
    )
    print(
        f"  of which staged {median('stage_seconds'):.2f} s, merged {median('merge_seconds'):.2f} s"
    )
    print(f"  peak memory {peak / 1e6:,.0f} MB (goal < {MEMORY_GOAL / 1e6:,.0f} MB)")
    if theirs:
        other = statistics.median(theirs)
        print(
            f"psql \\copy with primary key                  {other:6.2f} s  {rows / other:>10,.0f} rows/s"
        )
        print(f"ratio {other / seconds:.2f} (goal > 1)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--no-postgres", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(ours(options.child, options.dir)))
        return
    available = (POSTGRES_BIN / "initdb").exists() and not options.no_postgres
    if not available:
        print("psql \\copy is not measured: PostgreSQL 15 is missing or was switched off")
    with tempfile.TemporaryDirectory(dir=options.dir) as name:
        folder = Path(name)
        folder.chmod(0o755)
        compare(folder, options.rows, options.repeat, available)


if __name__ == "__main__":
    main()
