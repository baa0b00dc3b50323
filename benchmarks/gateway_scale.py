"""The gateway at many connections, with pages of 100 rows beside ROAPI, and with 10,000 grants under load.

python benchmarks/gateway_scale.py [--seconds 3] [--rounds 3] [--rows 200000]

Load is made on loopback by one process that shares the machine with the servers, so two workers on two cores
show what such a machine gives, not what two free cores would. Every call is signed, checked against its grant and
row filter, masked in four fields and durably recorded before it is answered; ROAPI, reading the same rows from memory,
does none of it.
"""

import argparse
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from chengshu_gateway.bundle import AppKey, Application, Bundle, Column, Grant, Interface
from chengshu_gateway.bundle_store import load_bundle, publish_bundle
from chengshu_gateway.client import sign
from chengshu_gateway.keys import SECRET_VARIABLE, GatewayKeys
from chengshu_gateway.policy import Policy
from chengshu_gateway.snapshot_build import publish_snapshot
from gateway import (
    APP,
    FIELDS,
    KEY_ID,
    MASKS,
    PREFIX,
    Server,
    free_port,
    gateway,
    measure,
    prepare,
    rows,
    running,
)

PAGE = 100
GRANTS = 10_000
Table = list[tuple[str, ...]]


def framed(lines: list[str], body: bytes = b"") -> bytes:
    request = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
    return len(request).to_bytes(4, "big") + request


def connections_and_workers(
    work: Path, table: Table, secret: str, options: argparse.Namespace
) -> None:
    print(
        f"{'workers':>8} {'connections':>12} {'req/s':>8} {'CPU µs':>8} {'p50 ms':>8} {'p99 ms':>8}"
    )
    for workers in (1, 2):
        with gateway(work, table, secret, workers) as server:
            measure(server, prepare(server, table, 2000, secret), 1.0)
            for connections in (1, 32, 256):
                found = [
                    measure(
                        server, prepare(server, table, int(9000 * options.seconds), secret),
                        options.seconds, connections,
                    )
                    for _round in range(options.rounds)
                ]  # fmt: skip
                middle = {key: statistics.median(each[key] for each in found) for key in found[0]}
                print(f"{workers:8} {connections:12} {middle['rate']:8.0f} {middle['cpu']:8.0f}"
                      f" {middle['p50']:8.2f} {middle['p99']:8.2f}", flush=True)  # fmt: skip


@contextmanager
def roapi(work: Path, table: Table) -> Iterator[Server]:
    path = work / "residents.parquet"
    pq.write_table(
        pa.table(
            {
                name: list(values)
                for name, values in zip(FIELDS, zip(*table, strict=True), strict=True)
            }
        ),
        path,
    )
    port = free_port()
    command = [str(Path(sys.executable).with_name("roapi")), "--addr-http", f"127.0.0.1:{port}"]
    command += ["--addr-postgres", f"127.0.0.1:{free_port()}"]
    command += ["--addr-flight-sql", f"127.0.0.1:{free_port()}", "-t", f"residents={path}"]
    with running(command, port, "/api/tables/residents?limit=1") as pid:
        yield Server("ROAPI", port, False, "", [pid])


def our_pages(table: Table, count: int, secret: str) -> bytes:
    path, parts = "/share/v1/residents/query", []
    for number in range(count):
        row = table[number * 7919 % (len(table) - 10_000)]
        where = {"area": {"ge": row[5] if row[5].startswith(PREFIX) else table[1][5]}}
        body = json.dumps({"where": where, "limit": PAGE}).encode()
        headers = sign(
            app=APP,
            key_id=KEY_ID,
            secret=secret,
            path=path,
            purpose="居民核验",
            method="POST",
            body=body,
        )
        lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        parts.append(framed(lines + [f"{name}: {value}" for name, value in headers.items()], body))
    return b"".join(parts)


def their_pages(table: Table, count: int, order: str) -> bytes:
    parts = []
    for number in range(count):
        at = table[number * 7919 % (len(table) - 10_000)][0]
        path = f"/api/tables/residents?filter[id]gte=%27{at}%27{order}&limit={PAGE}"
        parts.append(framed([f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]))
    return b"".join(parts)


def rows_an_answer(server: Server, request: bytes) -> int:
    """How many rows a page really has: both must give 100."""
    import socket

    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        connection.sendall(request[4 : 4 + int.from_bytes(request[:4], "big")])
        raw = b""
        while not raw.endswith((b"]", b"}", b"0\r\n\r\n")):
            raw += connection.recv(1 << 16)
    return raw.count(b'"id"')


def pages(work: Path, table: Table, secret: str, options: argparse.Namespace) -> None:
    """Pages of 100 rows: ours in the order of the key, ROAPI's in that order and in whatever order it likes."""
    found: dict[str, list[dict[str, float]]] = {}
    with gateway(work / "pages", table, secret) as ours, roapi(work, table) as theirs:
        asked = {
            "gateway, in order": (ours, lambda count: our_pages(table, count, secret)),
            "ROAPI, in order": (theirs, lambda count: their_pages(table, count, "&sort=id")),
            "ROAPI, any order": (theirs, lambda count: their_pages(table, count, "")),
        }
        for name, (server, make) in asked.items():
            print(f"{name}: {rows_an_answer(server, make(1))} rows an answer")
        for _round in range(options.rounds):
            for name, (server, make) in asked.items():
                requests = make(int(1500 * options.seconds))
                found.setdefault(name, []).append(measure(server, requests, options.seconds))
    for name, each in found.items():
        middle = {key: statistics.median(one[key] for one in each) for key in each[0]}
        print(f"{name:18} {middle['rate']:8.0f} pages/s {middle['cpu']:8.0f} CPU µs"
              f" p50 {middle['p50']:.2f} ms p99 {middle['p99']:.2f} ms")  # fmt: skip
    own, *others = found.values()
    for name, peer in zip(list(found)[1:], others, strict=True):
        ratio = statistics.median(a["rate"] / b["rate"] for a, b in zip(own, peer, strict=True))
        print(f"pages of {PAGE} rows: {ratio:.2f} × {name} (goal 3)")


def city_of_grants(secret: str, number: int, *, without: str = "") -> Bundle:
    """``number`` grants: applications with a hundred interfaces each, all over one snapshot."""
    names = tuple(Column(name) for name in FIELDS)
    interfaces = tuple(
        Interface(
            "residents" if n == 0 else f"residents{n}", f"r{n}", "居民", "residents", "id", names
        )
        for n in range(min(100, number))
    )
    apps = [APP, *(f"app{n}" for n in range(1, max(number // 100, 1)))]
    return Bundle(
        tuple(Application(app, app, (AppKey(KEY_ID, secret),)) for app in apps),
        interfaces,
        tuple(
            Grant(
                app, each.interface_id, FIELDS, masks=MASKS, row_filter={"prefix": ["area", PREFIX]},
                per_minute=10**9, per_day=10**9, networks=("127.0.0.0/8",),
            )
            for app in apps
            for each in interfaces
            if (app, each.interface_id) != (APP, without)
        ),
    )  # fmt: skip


def loading(work: Path, secret: str) -> None:
    keys = GatewayKeys.from_secret(secrets.token_hex(32))
    publish_bundle(work / "bundles", city_of_grants(secret, GRANTS), keys.bundle)
    taken = []
    for _round in range(5):
        started = time.perf_counter()
        loaded = load_bundle(work / "bundles", keys.bundle)
        assert loaded is not None
        Policy(loaded, keys, per_app_minute=10**9)
        taken.append(time.perf_counter() - started)
    print(
        f"bundle of {GRANTS:,} grants loaded and compiled in {statistics.median(taken):.3f} s (goal 1)"
    )


def publish_rows(data: Path, table: Table) -> None:
    schema = pa.schema([(name, pa.string()) for name in FIELDS])
    columns = [pa.array(values) for values in zip(*table, strict=True)]
    batches = pa.table(columns, schema=schema).to_batches(max_chunksize=20_000)
    publish_snapshot(data / "snapshots" / "residents", schema, batches, key_column="id")


def status_of(port: int, secret: str, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        headers = sign(app=APP, key_id=KEY_ID, secret=secret, path=path, purpose="居民核验")
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def many_grants_under_load(
    work: Path, table: Table, secret: str, options: argparse.Namespace
) -> None:
    rates: dict[int, list[float]] = {1: [], GRANTS: []}
    visible = []
    with ExitStack() as stack:
        servers = {}
        for number in rates:
            data, master = work / f"grants-{number}", secrets.token_hex(32)
            publish_rows(data, table)
            publish_bundle(
                data / "bundles",
                city_of_grants(secret, number),
                GatewayKeys.from_secret(master).bundle,
            )
            port = free_port()
            command = [
                sys.executable,
                "-m",
                "chengshu_gateway",
                "serve",
                "--data",
                str(data),
                "--port",
                str(port),
            ]
            pid = stack.enter_context(
                running(command, port, "/healthz", **{SECRET_VARIABLE: master})
            )
            server = Server(f"{number}", port, True, "/share/v1/residents/{}", [pid])
            servers[number] = (server, data, master)
            measure(server, prepare(server, table, 2000, secret), 1.0)
        for _round in range(options.rounds):
            for number, (server, _data, _master) in servers.items():
                requests = prepare(server, table, int(9000 * options.seconds), secret)
                rates[number].append(measure(server, requests, options.seconds)["cpu"])
        server, data, master = servers[GRANTS]
        visible += [
            revoke_under_load(server, data, master, table, secret) for _ in range(options.rounds)
        ]
    print(f"lookup: {statistics.median(rates[1]):.0f} CPU µs with 1 grant,"
          f" {statistics.median(rates[GRANTS]):.0f} with {GRANTS:,}")  # fmt: skip
    print(f"revocation under load, {GRANTS:,} grants: refused {statistics.median(visible):.2f} s"
          f" after it was published, at most {max(visible):.2f} s (goal 2)")  # fmt: skip


def revoke_under_load(server: Server, data: Path, master: str, table: Table, secret: str) -> float:
    """Seconds from the published bundle to the first refusal, while 32 connections ask without pause."""
    lost, row = "residents7", next(row for row in table if row[5].startswith(PREFIX))
    key = GatewayKeys.from_secret(master).bundle
    path = f"/share/v1/{lost}/{row[0]}"
    publish_bundle(data / "bundles", city_of_grants(secret, GRANTS), key)
    while status_of(server.port, secret, path) != 200:
        time.sleep(0.05)
    requests = prepare(server, table, 60_000, secret)
    load = threading.Thread(target=measure, args=(server, requests, 5.0))
    load.start()
    time.sleep(1.5)
    without = city_of_grants(secret, GRANTS, without=lost)
    publish_bundle(data / "bundles", without, key)
    published = time.perf_counter()
    while status_of(server.port, secret, path) == 200:
        time.sleep(0.01)
    took = time.perf_counter() - published
    load.join()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=200_000)
    options = parser.parse_args()
    table, secret = rows(options.rows), secrets.token_hex(32)
    with tempfile.TemporaryDirectory(prefix="gateway-scale-") as folder:
        work = Path(folder)
        loading(work, secret)
        connections_and_workers(work, table, secret, options)
        many_grants_under_load(work, table, secret, options)
        if subprocess.run(
            [str(Path(sys.executable).with_name("roapi")), "--version"], check=False
        ).returncode:
            sys.exit("ROAPI is not installed: its comparison is missing")
        pages(work, table, secret, options)


if __name__ == "__main__":
    main()
