"""CPU time of each way of calling the gateway, in one process and without sockets.

python benchmarks/gateway_kinds.py [--rows 200000] [--calls 2000]

Signature, grant, row filter, four masked fields and the durable audit are all in; reading HTTP from
a socket is not, so figures compare the ways of calling, not servers. CPU includes the audit's thread.
"""

import argparse
import asyncio
import json
import resource
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from chengshu_gateway.bundle import AppKey, Application, Bundle, Column, Grant, Interface
from chengshu_gateway.bundle_store import load_bundle, publish_bundle
from chengshu_gateway.client import sign
from chengshu_gateway.export_build import Limits, build_export
from chengshu_gateway.keys import GatewayKeys
from chengshu_gateway.server import Gateway, Settings
from chengshu_gateway.snapshot import open_current
from chengshu_gateway.snapshot_build import publish_snapshot
from gateway import APP, FIELDS, KEY_ID, MASKS, PREFIX, rows

Request = tuple[str, str, bytes]
ROOT = "/share/v1/residents"
QUERYABLE = ("sex", "area")


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def publish(data: Path, keys: GatewayKeys, secret: str, table: list[tuple[str, ...]]) -> float:
    """Publish rows and rules; returns the CPU seconds of the snapshot with its indexes."""
    schema = pa.schema([(name, pa.string()) for name in FIELDS])
    columns = [pa.array(values) for values in zip(*table, strict=True)]
    batches = pa.table(columns, schema=schema).to_batches(max_chunksize=20_000)
    before = cpu()
    snapshot(data, schema, batches)
    spent = cpu() - before
    names = tuple(Column(name) for name in FIELDS)
    publish_bundle(
        data / "bundles",
        Bundle(
            (Application(APP, "压测应用", (AppKey(KEY_ID, secret),)),),
            (Interface("residents", "r", "居民", "residents", "id", names, QUERYABLE),),
            (
                Grant(
                    APP, "residents", FIELDS, masks=MASKS, row_filter={"prefix": ["area", PREFIX]},
                    kinds=("lookup", "batch", "verify", "query", "changes", "export", "statistics"),
                ),
            ),
        ),
        keys.bundle,
    )  # fmt: skip
    return spent


def snapshot(data: Path, schema: pa.Schema, batches: list[pa.RecordBatch]) -> None:
    publish_snapshot(
        data / "snapshots" / "residents", schema, batches, key_column="id", queryable=QUERYABLE,
        track_changes=True,
    )  # fmt: skip


def republish(data: Path, table: list[tuple[str, ...]], share: int) -> float:
    """Publish the rows again with every `share`-th name changed; returns the CPU seconds."""
    name = FIELDS.index("name")
    changed = [
        (*row[:name], f"改{row[name]}", *row[name + 1 :]) if at % share == 1 else row
        for at, row in enumerate(table)
    ]
    schema = pa.schema([(name, pa.string()) for name in FIELDS])
    columns = [pa.array(values) for values in zip(*changed, strict=True)]
    batches = pa.table(columns, schema=schema).to_batches(max_chunksize=20_000)
    before = cpu()
    snapshot(data, schema, batches)
    return cpu() - before


def export(data: Path, keys: GatewayKeys, secret: str, chosen: str) -> str:
    """Make one export file; returns the line about it."""
    loaded = load_bundle(data / "bundles", keys.bundle)
    opened = open_current(data / "snapshots" / "residents")
    assert loaded is not None
    assert opened is not None
    before = cpu()
    made = build_export(
        data / "file.age", opened, loaded.bundle.interfaces[0], loaded.bundle.grants[0],
        hash_key=keys.for_application(APP), secret=secret, export="0" * 32, chosen=chosen,
        limits=Limits(10**9, 1 << 40),
    )  # fmt: skip
    spent = cpu() - before
    opened.close()
    return f"export as {chosen}: {made.rows:,} rows, {made.size / 2**20:.1f} MB, {spent:.2f} CPU s"


def posted(operation: str, content: dict[str, Any]) -> Request:
    return "POST", f"{ROOT}/{operation}", json.dumps(content, ensure_ascii=False).encode()


async def follow(gateway: Gateway, secret: str, since: str | None) -> tuple[float, int, str | None]:
    """Read changes page after page; returns CPU seconds, records and the last cursor."""
    records, more, before = 0, True, cpu()
    while more:
        content: dict[str, Any] = (
            {"limit": 500} if since is None else {"limit": 500, "since": since}
        )
        bodies: list[bytes] = []
        await measure(gateway, [signed(posted("changes", content), secret)], bodies)
        page = json.loads(bodies[0])
        records, since, more = records + page["found"], page["next"], page["more"]
    return cpu() - before, records, since


def kinds(table: list[tuple[str, ...]]) -> dict[str, tuple[int, Callable[[int], Request]]]:
    """Return what is measured: name, records per call, and how the n-th call is made."""

    # Records of the granted area only: whoever asks for many that it may not see is slowed, rightly.
    visible = [row for row in table if row[FIELDS.index("area")].startswith(PREFIX)]

    def at(number: int) -> tuple[str, ...]:
        return visible[number * 7919 % len(visible)]

    def batch(size: int) -> Callable[[int], Request]:
        return lambda n: posted("batch", {"keys": [at(n * size + i)[0] for i in range(size)]})

    def page(n: int) -> Request:
        return posted("query", {"where": {"area": {"ge": at(n)[5]}}, "limit": 100})

    def filtered(n: int) -> Request:
        where = {"area": {"ge": at(n)[5]}, "sex": "1"}
        return posted("query", {"where": where, "limit": 100})

    return {
        "lookup": (1, lambda n: ("GET", f"{ROOT}/{at(n)[0]}", b"")),
        "verify, 2 values": (
            1,
            lambda n: posted("verify", {"key": at(n)[0], "values": {"name": at(n)[1], "sex": at(n)[6]}}),
        ),
        "batch of 100": (100, batch(100)),
        "batch of 1,000": (1000, batch(1000)),
        "query, page of 100": (100, page),
        "query, page of 100, one more condition": (100, filtered),
    }  # fmt: skip


def signed(request: Request, secret: str) -> dict[str, Any]:
    method, path, body = request
    headers = sign(app=APP, key_id=KEY_ID, secret=secret, path=path, method=method, body=body)
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http", "method": method, "raw_path": path.encode(), "query_string": b"",
        "headers": [*pairs, (b"content-length", b"%d" % len(body))], "client": ("127.0.0.1", 1),
        "body": body,
    }  # fmt: skip


async def measure(
    gateway: Gateway, scopes: list[dict[str, Any]], bodies: list[bytes] | None = None
) -> tuple[float, set[int]]:
    """Return CPU seconds and statuses of the calls, 32 of them at a time; bodies when wanted."""
    statuses: set[int] = set()

    async def call(scope: dict[str, Any]) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": scope["body"], "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if "status" in message:
                statuses.add(message["status"])
            elif bodies is not None:
                bodies.append(message["body"])

        await gateway(scope, receive, send)

    async def caller(share: Iterator[dict[str, Any]]) -> None:
        for scope in share:
            await call(scope)

    waiting = iter(scopes)
    before = cpu()
    await asyncio.gather(*(caller(waiting) for _ in range(32)))
    return cpu() - before, statuses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--calls", type=int, default=2000)
    options = parser.parse_args()
    table, secret = rows(options.rows), secrets.token_hex(32)
    keys = GatewayKeys.from_secret(secrets.token_hex(32))
    with tempfile.TemporaryDirectory(prefix="gateway-kinds-") as folder, asyncio.Runner() as runner:
        built = publish(Path(folder), keys, secret, table)
        print(f"snapshot of {options.rows:,} rows with {len(QUERYABLE)} indexes: {built:.1f} CPU s")
        gateway = Gateway(Settings(Path(folder), keys))
        runner.run(gateway.start())
        for name, (records, make) in kinds(table).items():
            number = max(options.calls // max(records // 20, 1), 20)
            runner.run(measure(gateway, [signed(make(n), secret) for n in range(20)]))
            spent, statuses = runner.run(
                measure(gateway, [signed(make(n), secret) for n in range(number)])
            )
            if statuses != {200}:
                raise SystemExit(
                    f"{name}: refused with {sorted(statuses)}, so nothing was measured"
                )
            micros = spent / number * 1e6
            print(
                f"{name:40} {micros:9.0f} µs a call {micros / records:7.1f} µs a record {sorted(statuses)}"
            )
        spent, records, since = runner.run(follow(gateway, secret, None))
        print(
            f"changes, everything by pages of 500      {spent / records * 1e6:9.1f} µs a record of {records:,}"
        )
        again = republish(Path(folder), table, share=20)
        print(f"the same with 5 % of the rows changed and the log of changes: {again:.1f} CPU s")
        runner.run(gateway.state.refresh())
        spent, records, _since = runner.run(follow(gateway, secret, since))
        print(
            f"changes since then by pages of 500       {spent / records * 1e6:9.1f} µs a record of {records:,}"
        )
        for columns in (["sex"], ["sex", "status"]):
            scope = signed(posted("statistics", {"group": columns}), secret)
            spent, statuses = runner.run(measure(gateway, [scope]))
            print(
                f"statistics by {', '.join(columns):26} {spent * 1e3:9.0f} ms a call {sorted(statuses)}"
            )
        scopes = [
            signed(posted("statistics", {"group": ["sex", "status"]}), secret) for _ in range(200)
        ]
        spent, statuses = runner.run(measure(gateway, scopes))
        print(f"{'the same again, kept':40} {spent / 200 * 1e6:9.0f} µs a call {sorted(statuses)}")
        runner.run(gateway.stop())
        for chosen in ("parquet", "csv"):
            print(export(Path(folder), keys, secret, chosen))


if __name__ == "__main__":
    main()
