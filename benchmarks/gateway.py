"""Benchmark of the sharing gateway beside Datasette, Flask + psycopg and an empty ASGI echo.

python benchmarks/gateway.py [--seconds 4] [--rounds 3] [--rows 200000]

Every server runs as one worker on loopback with the same rows; one raw-socket generator drives
all of them over 32 kept-alive connections with requests prepared (and signed) beforehand. Rounds
are interleaved, figures are medians. CPU counts the server's processes (for Flask also
PostgreSQL's). "Full call" is signature, grant, row filter, four masked fields, durable audit.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import psutil
import pyarrow as pa

from chengshu_gateway.bundle import AppKey, Application, Bundle, Column, Grant, Interface
from chengshu_gateway.bundle_store import publish_bundle
from chengshu_gateway.client import sign
from chengshu_gateway.keys import SECRET_VARIABLE, GatewayKeys
from chengshu_gateway.snapshot_build import publish_snapshot

PEERS = Path(__file__).with_name("gateway_peers")
FIELDS = ("id", "name", "id_number", "phone", "address", "area", "sex", "status")
MASKS = {"name": "name", "id_number": "id_number", "phone": "phone", "address": "address"}
CONNECTIONS = 32
APP, KEY_ID, PREFIX = "bench", "k1", "3303"
QUERYABLE = ("area",)


def rows(count: int) -> list[tuple[str, ...]]:
    """Return fictitious residents; every tenth lives outside the granted area."""
    surnames, given = "王李张刘陈杨黄赵吴周", "伟芳娜敏静丽强磊军洋"
    return [
        (
            f"R{at:09d}",
            surnames[at % 10] + given[at // 10 % 10] + given[at // 100 % 10],
            f"330383{1940 + at % 70}{at % 12 + 1:02d}{at % 28 + 1:02d}{at % 10000:04d}",
            f"138{at % 10**8:08d}",
            f"浙江省温州市龙港市城东社区龙翔路{at % 900}号",
            ("3303" if at % 10 else "3301") + f"{at % 99999999:08d}",
            str(at % 2 + 1),
            "常住",
        )
        for at in range(count)
    ]


@dataclass
class Server:
    """A running server and its measured rounds."""

    name: str
    port: int
    signed: bool
    path: str
    processes: list[int]
    results: list[dict[str, float]] = field(default_factory=list)

    def cpu(self) -> float:
        total = 0.0
        for pid in self.processes:
            family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            for process in family:
                times = process.cpu_times()
                total += times.user + times.system
        return total


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], port: int, probe: str, **env: str) -> Iterator[int]:
    """Start a server, wait until it answers, end it (with its children) afterwards."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, env={**os.environ, **env}, stdout=log, stderr=log, start_new_session=True
        )
        try:
            for _ in range(100):
                try:
                    with socket.create_connection(("127.0.0.1", port), 1):
                        break
                except OSError:
                    time.sleep(0.2)
            if probe:
                urlopen(f"http://127.0.0.1:{port}{probe}", timeout=20).read()
            yield process.pid
        except Exception:
            log.seek(0)
            sys.stderr.write(log.read().decode()[-3000:])
            raise
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def gateway(
    work: Path, table: list[tuple[str, ...]], secret: str, workers: int = 1
) -> Iterator[Server]:
    data, master = work / f"gateway-{workers}", secrets.token_hex(32)
    schema = pa.schema([(name, pa.string()) for name in FIELDS])
    columns = [pa.array(values) for values in zip(*table, strict=True)]
    batches = pa.table(columns, schema=schema).to_batches(max_chunksize=20_000)
    publish_snapshot(
        data / "snapshots" / "residents", schema, batches, key_column="id", queryable=QUERYABLE
    )
    bundle = Bundle(
        (Application(APP, "压测应用", (AppKey(KEY_ID, secret),)),),
        (
            Interface(
                "residents",
                "r",
                "居民",
                "residents",
                "id",
                tuple(Column(name) for name in FIELDS),
                QUERYABLE,
            ),
        ),
        (
            Grant(
                APP,
                "residents",
                FIELDS,
                masks=MASKS,
                row_filter={"and": [{"prefix": ["area", PREFIX]}, {"ne": ["status", "注销"]}]},
                per_minute=10**9,
                per_day=10**9,
                networks=("127.0.0.0/8",),
                kinds=("lookup", "query"),
            ),
        ),
    )
    publish_bundle(data / "bundles", bundle, GatewayKeys.from_secret(master).bundle)
    port = free_port()
    command = [sys.executable, "-m", "chengshu_gateway", "serve", "--data", str(data)]
    command += ["--port", str(port), "--workers", str(workers)]
    with running(command, port, "/healthz", **{SECRET_VARIABLE: master}) as pid:
        yield Server("gateway (full call)", port, True, "/share/v1/residents/{}", [pid])


@contextmanager
def echo() -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asginl", "--http", "1"]
    command += ["--loop", "asyncio", "--no-ws", "--port", str(port), "--log-level", "warning"]
    command += ["--working-dir", str(PEERS), "echo:application"]
    with running(command, port, "/") as pid:
        yield Server("empty ASGI echo", port, True, "/share/v1/residents/{}", [pid])


@contextmanager
def datasette(work: Path, table: list[tuple[str, ...]]) -> Iterator[Server]:
    path = work / "city.db"
    connection = sqlite3.connect(path)
    columns = ", ".join(f"{name} TEXT" + (" PRIMARY KEY" * (name == "id")) for name in FIELDS)
    connection.execute(f"CREATE TABLE residents ({columns}) WITHOUT ROWID")
    connection.executemany(f"INSERT INTO residents VALUES ({','.join('?' * len(FIELDS))})", table)
    connection.commit()
    connection.close()
    port = free_port()
    command = [sys.executable, "-m", "datasette", "serve", "-i", str(path), "--port", str(port)]
    with running(command, port, f"/city/residents/{table[1][0]}.json") as pid:
        yield Server("Datasette row page JSON", port, False, "/city/residents/{}.json", [pid])


@contextmanager
def postgres(work: Path) -> Iterator[tuple[str, int]]:
    """Start a temporary cluster; yields its DSN and the postmaster's pid."""
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"))
    home = work / "pg"
    home.mkdir()
    prefix: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(home, "postgres", "postgres")
        work.chmod(0o755)
        prefix = ["runuser", "-u", "postgres", "--"]
    cluster, port = str(home / "data"), free_port()

    def run(command: list[str]) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=home)

    initdb = [*prefix, str(binaries / "initdb"), "-D", cluster, "-U", "bench", "-A", "trust"]
    run([*initdb, "--no-sync", "-E", "UTF8", "--no-locale"])
    control = [*prefix, str(binaries / "pg_ctl"), "-D", cluster, "-l", str(home / "log"), "-w"]
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c shared_buffers=256MB"
    run([*control, "-o", options, "start"])
    try:
        pid = int((home / "data" / "postmaster.pid").read_text().split()[0])
        yield f"host=127.0.0.1 port={port} user=bench dbname=postgres", pid
    finally:
        run([*control, "-m", "fast", "stop"])


@contextmanager
def flask(work: Path, table: list[tuple[str, ...]], secret: str) -> Iterator[Server]:
    import psycopg

    with postgres(work) as (dsn, postmaster):
        with psycopg.connect(dsn) as connection:
            columns = ", ".join(f"{n} text" + (" PRIMARY KEY" * (n == "id")) for n in FIELDS)
            connection.execute(f"CREATE TABLE residents ({columns})")
            with connection.cursor().copy("COPY residents FROM STDIN") as copy:
                for row in table:
                    copy.write_row(row)
            connection.execute(
                "CREATE TABLE grants (app text, interface text, fields text[], masks jsonb,"
                " area_prefix text, PRIMARY KEY (app, interface))"
            )
            connection.execute(
                "INSERT INTO grants VALUES (%s, 'residents', %s, %s, %s)",
                (APP, list(FIELDS), json.dumps(MASKS), PREFIX),
            )
            connection.execute(
                "CREATE TABLE audit (seq bigserial PRIMARY KEY, at timestamptz, app text, key text,"
                " interface text, record text, status int, purpose text, ip text)"
            )
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "1", "--threads", "8"]
        command += ["--keep-alive", "60", "-b", f"127.0.0.1:{port}", "--log-level", "warning"]
        command += ["--chdir", str(PEERS), "flask_peer:app"]
        env = {"PEER_DSN": dsn, "PEER_SECRET": secret}
        with running(command, port, "", **env) as pid:
            name = "Flask + psycopg + gunicorn"
            yield Server(name, port, True, "/share/v1/residents/{}", [pid, postmaster])


def prepare(server: Server, table: list[tuple[str, ...]], count: int, secret: str) -> bytes:
    """Return `count` requests for visible rows, each with its length before it."""
    parts = []
    for number in range(count):
        row = table[(number * 7919 + secrets.randbelow(97)) % len(table)]
        at = row[0] if row[5].startswith(PREFIX) else table[1][0]
        path = server.path.format(at)
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
        if server.signed:
            headers = sign(app=APP, key_id=KEY_ID, secret=secret, path=path, purpose="居民核验")
            lines += [f"{name}: {value}" for name, value in headers.items()]
        request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        parts.append(len(request).to_bytes(4, "big") + request)
    return b"".join(parts)


def measure(
    server: Server, requests: bytes, seconds: float, connections: int = CONNECTIONS
) -> dict[str, float]:
    before = server.cpu()
    done = subprocess.run(
        [sys.executable, str(PEERS / "load.py"), str(server.port), str(connections), str(seconds)],
        input=requests,
        capture_output=True,
        check=True,
    )
    result = json.loads(done.stdout)
    if set(result["statuses"]) != {"200"} or result["lost"]:
        sys.exit(f"{server.name}: unexpected answers {result}")
    return {
        "rate": result["calls"] / result["seconds"],
        "cpu": (server.cpu() - before) / result["calls"] * 1e6,
        "p50": result["p50"],
        "p99": result["p99"],
    }


def report(servers: list[Server]) -> None:
    figures = {
        server.name: {
            key: statistics.median(each[key] for each in server.results)
            for key in ("rate", "cpu", "p50", "p99")
        }
        for server in servers
    }
    ours = figures["gateway (full call)"]
    print(f"{'server':28} {'req/s':>8} {'CPU µs':>8} {'p50 ms':>8} {'p99 ms':>8}"
          f" {'ours ÷ rate':>12} {'CPU ÷ ours':>11}")  # fmt: skip
    for name, each in figures.items():
        print(f"{name:28} {each['rate']:8.0f} {each['cpu']:8.0f} {each['p50']:8.2f}"
              f" {each['p99']:8.2f} {ours['rate'] / each['rate']:12.2f}"
              f" {each['cpu'] / ours['cpu']:11.2f}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--only", choices=["gateway", "echo", "datasette", "flask"])
    options = parser.parse_args()
    table, secret = rows(options.rows), secrets.token_hex(32)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-")))
        makers = {
            "gateway": lambda: gateway(work, table, secret),
            "echo": echo,
            "datasette": lambda: datasette(work, table),
            "flask": lambda: flask(work, table, secret),
        }
        if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
            print("Flask + psycopg is left out: PostgreSQL's server is not installed here")
            del makers["flask"]
        chosen = [makers[options.only]] if options.only else list(makers.values())
        servers = [stack.enter_context(make()) for make in chosen]
        for server in servers:
            measure(server, prepare(server, table, 2000, secret), 1.0)
        for _round in range(options.rounds):
            for server in servers:
                count = int(max(each["rate"] for each in server.results) * options.seconds * 1.3) \
                    if server.results else int(16_000 * options.seconds)  # fmt: skip
                requests = prepare(server, table, count, secret)
                server.results.append(measure(server, requests, options.seconds))
        if options.only:
            print(json.dumps(servers[0].results, indent=1))
        else:
            report(servers)


if __name__ == "__main__":
    main()
