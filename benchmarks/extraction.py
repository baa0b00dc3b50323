"""A database table → the validated lake, beside dlt copying the same table without validation.

1,000,000 rows × 15 columns in PostgreSQL (and in MariaDB): identity numbers, credit codes, cards, codes, dates,
amounts, of which 1 % of the rows break a rule. Ours: extract, check every cell, quarantine, settle keys, stage,
merge into a new lake table. Theirs: dlt with its connectorx backend into a Delta table on the local filesystem,
the same columns, nothing checked, the best we know to ask of it (Arrow all the way, no normalisation of rows).

Every round is a process of its own, so that peak memory is that round's; rounds are interleaved; medians.

    python benchmarks/extraction.py --postgres postgresql://… [--mariadb mysql://…] [--rows 1000000] [--repeat 3]
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SCHEMA, TABLE = "chengshu_bench", "resident"
ROUNDS = ("ours", "dlt")


def fill(address: str, rows: int) -> None:
    """Make the table, unless it is there with as many rows."""
    import psycopg
    from benchmarks.ingest import CONTRACT, _line

    chance = random.Random(330383)
    columns = [c.name for c in CONTRACT.columns]
    kinds = {"decimal": "numeric(14,2)", "date": "date"}
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        known = connection.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.{TABLE}",)).fetchone()
        if known and known[0]:
            count = connection.execute(f"SELECT count(*) FROM {SCHEMA}.{TABLE}").fetchone()
            if count == (rows,):
                return
            connection.execute(f"DROP TABLE {SCHEMA}.{TABLE}")
        typed = ", ".join(f"{c.name} {kinds.get(str(c.type), 'text')}" for c in CONTRACT.columns)
        connection.execute(f"CREATE TABLE {SCHEMA}.{TABLE} ({typed})")
        into = f"COPY {SCHEMA}.{TABLE} ({', '.join(columns)}) FROM STDIN"
        with connection.cursor() as cursor, cursor.copy(into) as copy:
            for row in range(rows):
                line = _line(row, chance)
                if chance.random() < 0.01:
                    line[1] = line[1][:17] + ("0" if line[1][17] != "0" else "1")
                copy.write_row(line)
        connection.execute(f"ANALYZE {SCHEMA}.{TABLE}")


def fill_mariadb(postgres: str, mariadb: str, rows: int) -> None:
    """The same table in MariaDB."""
    import psycopg
    import pymysql
    from benchmarks.ingest import CONTRACT

    parts = urlsplit(mariadb)
    kinds = {"decimal": "decimal(14,2)", "date": "date"}
    target = pymysql.connect(
        host=parts.hostname or "", port=parts.port or 3306, user=parts.username,
        password=parts.password or "", charset="utf8mb4", autocommit=True,
    )  # fmt: skip
    with target.cursor() as cursor, psycopg.connect(postgres) as source:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {SCHEMA} CHARACTER SET utf8mb4")
        cursor.execute(f"USE {SCHEMA}")
        cursor.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema=%s", (SCHEMA,)
        )
        if cursor.fetchone() == (1,):
            cursor.execute(f"SELECT count(*) FROM {TABLE}")
            if cursor.fetchone() == (rows,):
                return
            cursor.execute(f"DROP TABLE {TABLE}")
        typed = ", ".join(
            f"{c.name} {kinds.get(str(c.type), 'varchar(120)')}" for c in CONTRACT.columns
        )
        cursor.execute(f"CREATE TABLE {TABLE} ({typed})")
        marks = ",".join(["%s"] * len(CONTRACT.columns))
        with source.cursor("walk") as walk:
            walk.itersize = 5_000
            walk.execute(f"SELECT * FROM {SCHEMA}.{TABLE}")
            while lines := walk.fetchmany(5_000):
                cursor.executemany(f"INSERT INTO {TABLE} VALUES ({marks})", lines)
        cursor.execute(f"ANALYZE TABLE {TABLE}")


def ours(address: str, folder: Path) -> dict[str, Any]:
    """One validated load through the product's own path."""
    from benchmarks.ingest import CONTRACT

    from chengshu.data.contract import compile_contract
    from chengshu.data.ingest.pipeline import stage
    from chengshu.data.ingest.sources import Connection, connector
    from chengshu_lake import Lake

    parts = urlsplit(address)
    kind = "postgresql" if parts.scheme.startswith("postgres") else "mysql"
    database = parts.path.lstrip("/") if kind == "postgresql" else SCHEMA
    options = {
        "host": parts.hostname, "port": parts.port, "database": database, "user": parts.username,
    }  # fmt: skip
    to = Connection(
        name="bench", options=options, secrets={"password": parts.password or ""}, folder=folder
    )
    contract = compile_contract(CONTRACT)
    mapping = {c.name: c.name for c in CONTRACT.columns}
    begun = time.perf_counter()
    rows = connector(kind).read(to, f"{SCHEMA}.{TABLE}", mapping)
    staged = stage(rows, contract, folder / "stage")
    lake = Lake(str(folder / "lake"))
    lake.create("std/resident", contract.schema, key=["record_no"])
    lake.merge("std/resident", staged.reader(contract.schema.names))
    seconds = time.perf_counter() - begun
    assert staged.source == staged.accepted + staged.quarantined + staged.duplicates
    return {"seconds": seconds, "rows": staged.source, "quarantined": staged.quarantined}


def dlt(address: str, folder: Path) -> dict[str, Any]:
    """One copy by dlt, connectorx to Delta; nothing is checked."""
    os.environ |= {
        "DESTINATION__FILESYSTEM__BUCKET_URL": f"file://{folder}/delta",
        "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR",
        "DATA_WRITER__DISABLE_COMPRESSION": "true",
    }  # fmt: skip
    import connectorx
    import dlt as library

    parts = urlsplit(address)
    database = parts.path if parts.scheme.startswith("postgres") else f"/{SCHEMA}"
    url = f"{parts.scheme}://{parts.netloc}{database}"

    @library.resource(name=TABLE, write_disposition="replace", table_format="delta")
    def table() -> Any:
        # What dlt's connectorx backend does: Arrow from connectorx, handed on as it is.
        yield from connectorx.read_sql(
            url, f"SELECT * FROM {SCHEMA}.{TABLE}", return_type="arrow_stream", batch_size=100_000
        )

    begun = time.perf_counter()
    pipeline = library.pipeline(
        "bench", destination="filesystem", dataset_name="d", pipelines_dir=str(folder / "dlt")
    )
    pipeline.run(table())
    seconds = time.perf_counter() - begun
    from deltalake import DeltaTable

    rows = DeltaTable(f"{folder}/delta/d/{TABLE}").count()
    return {"seconds": seconds, "rows": rows}


def once(who: str, address: str) -> None:
    """One round, reported as JSON on the last line."""
    with tempfile.TemporaryDirectory() as folder:
        found = {"ours": ours, "dlt": dlt}[who](address, Path(folder))
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    used = resource.getrusage(resource.RUSAGE_SELF)
    found["cpu"] = used.ru_utime + used.ru_stime
    print(json.dumps(found))


def measure(address: str, repeat: int) -> dict[str, list[dict[str, Any]]]:
    """Interleaved rounds, each in a process of its own."""
    results: dict[str, list[dict[str, Any]]] = {who: [] for who in ROUNDS}
    for _ in range(repeat):
        for who in ROUNDS:
            done = subprocess.run(
                [sys.executable, __file__, "--once", who, "--postgres", address],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                print(f"{who} failed: {done.stderr[-800:]}")
                continue
            results[who].append(json.loads(done.stdout.strip().splitlines()[-1]))
    return results


def report(title: str, results: dict[str, list[dict[str, Any]]]) -> None:
    print(f"\n{title}")
    medians = {}
    for who, rounds in results.items():
        if not rounds:
            continue
        seconds = statistics.median(r["seconds"] for r in rounds)
        medians[who] = rounds[0]["rows"] / seconds
        print(
            f"  {who:5} {seconds:7.2f} s  {medians[who]:10,.0f} rows/s  "
            f"cpu {statistics.median(r['cpu'] for r in rounds):6.1f} s  "
            f"peak {max(r['peak'] for r in rounds) / 1e6:6,.0f} MB  "
            f"rows {rounds[0]['rows']:,}  quarantined {rounds[0].get('quarantined', '-')}"
        )
    if len(medians) == len(ROUNDS):
        print(f"  ratio {medians['ours'] / medians['dlt']:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--postgres", required=True)
    parser.add_argument("--mariadb", default="")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--once", choices=ROUNDS)
    options = parser.parse_args()
    if options.once:
        once(options.once, options.postgres)
        return
    fill(options.postgres, options.rows)
    report("PostgreSQL", measure(options.postgres, options.repeat))
    if options.mariadb:
        fill_mariadb(options.postgres, options.mariadb, options.rows)
        report("MariaDB", measure(options.mariadb, options.repeat))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main()
