"""The whole history of the city's calls, replayed through one gateway: time, disk, memory, and nothing lost.

python benchmarks/gateway_soak.py [--calls 1738598] [--chunk 50000]

The calls are those of the demo city in their order: who asked which interface, and what came of it. Right calls,
unknown keys, fields and interfaces that were not granted, clocks that are wrong, wrong signatures and repeats are all
really sent. Eighteen months of them come within minutes, and with them eighteen months of unknown keys: the grants
of this replay therefore allow as many misses as a grant can. What the limit of misses does is measured by its tests;
here time, memory and losses are. Whoever signs wrongly comes from an address of its own (told by a trusted
proxy): in eighteen months they were strangers, and within minutes from one address the gateway would lock the key
out. Afterwards every answer must have its record in the trail, and the chain of the whole trail must verify.
"""

import argparse
import itertools
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyarrow as pa

from chengshu_demo.calls import CALLS, calls
from chengshu_demo.city import interfaces
from chengshu_gateway import problems
from chengshu_gateway.audit_reader import read_calls
from chengshu_gateway.audit_verify import verify
from chengshu_gateway.bundle import (
    MOST_MISSES,
    AppKey,
    Application,
    Bundle,
    Column,
    Grant,
    Interface,
)
from chengshu_gateway.bundle_store import publish_bundle
from chengshu_gateway.client import sign
from chengshu_gateway.keys import SECRET_VARIABLE, GatewayKeys
from chengshu_gateway.signers import HmacSigner
from chengshu_gateway.snapshot_build import publish_snapshot
from gateway import FIELDS, KEY_ID, MASKS, PEERS, PREFIX, free_port, rows, running

ROWS, CONNECTIONS = 200_000, 32
HIDDEN = "unshared"
SLOWED = {each.code for each in problems.KINDS.values() if each.status == 429}
Told = tuple[str, str, str]


def history(count: int) -> Iterator[Told]:
    """Application, interface and outcome of the calls, in order of time."""

    def all_calls() -> Iterator[Told]:
        for batch in calls("full"):
            columns = (
                batch.column(name).to_pylist() for name in ("application", "interface", "outcome")
            )
            yield from zip(*columns, strict=True)

    return itertools.islice(all_calls(), count)


def publish(data: Path, master: str, table: list[tuple[str, ...]], words: dict[str, str]) -> None:
    """Every interface of the city over one register of residents, granted to those who have it in the city."""
    keys = GatewayKeys.from_secret(master)
    schema = pa.schema([(name, pa.string()) for name in FIELDS])
    columns = [pa.array(values) for values in zip(*table, strict=True)]
    batches = pa.table(columns, schema=schema).to_batches(max_chunksize=20_000)
    publish_snapshot(data / "snapshots" / "residents", schema, batches, key_column="id")
    names = tuple(Column(name) for name in FIELDS)
    kinds = [*(each.code for each in interfaces()), HIDDEN]
    publish_bundle(
        data / "bundles",
        Bundle(
            tuple(Application(app, app, (AppKey(KEY_ID, word),)) for app, word in words.items()),
            tuple(Interface(code, code, code, "residents", "id", names) for code in kinds),
            tuple(
                Grant(
                    app, each.code, FIELDS[:-1], masks=MASKS, row_filter={"prefix": ["area", PREFIX]},
                    per_minute=10**9, per_day=10**9, networks=("10.0.0.0/8",), misses_per_minute=MOST_MISSES,
                )
                for each in interfaces()
                for app in each.applications
            ),
        ),
        keys.bundle,
    )  # fmt: skip


def requests(
    told: list[Told], words: dict[str, str], table: list[tuple[str, ...]], start: int
) -> bytes:
    """The calls as they go over the wire, signed now."""
    parts, last = [], b""
    for number, (app, code, outcome) in enumerate(told, start):
        row = table[number * 7919 % len(table)]
        key = row[0] if row[5].startswith(PREFIX) else table[1][0]
        path, word, asked = f"/share/v1/{code}/{key}", words[app], ""
        if outcome == "no_record":
            path = f"/share/v1/{code}/X{number:09d}"
        elif outcome == "not_granted":
            path = f"/share/v1/{HIDDEN}/{key}"
        elif outcome == "field_not_granted":
            asked = f"fields={FIELDS[-1]}"
        elif outcome == "bad_signature":
            word = word[::-1]
        timestamp = (int(time.time()) - 3600) * 1000 if outcome == "bad_timestamp" else None
        headers = sign(
            app=app,
            key_id=KEY_ID,
            secret=word,
            path=path,
            query=asked,
            purpose="居民核验",
            timestamp=timestamp,
        )
        lines = [f"GET {path}{'?' * bool(asked)}{asked} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        stranger = number if outcome == "bad_signature" else 0
        lines.append(f"X-Forwarded-For: 10.{stranger >> 16}.{stranger >> 8 & 255}.{stranger & 255}")
        made = ("\r\n".join(lines) + "\r\n\r\n").encode()
        request = last if outcome == "replayed" and last else made
        last = made if outcome == "ok" else last
        parts.append(len(request).to_bytes(4, "big") + request)
    return b"".join(parts)


def memory(pid: int) -> tuple[float, float]:
    """Megabytes of the workers: resident in all, and their own (without mapped files, whose pages come in with use)."""
    workers = psutil.Process(pid).children(recursive=True)
    own = 0
    for each in workers:
        status = Path(f"/proc/{each.pid}/status").read_text()
        own += int(status.partition("RssAnon:")[2].split()[0]) * 1024
    return sum(each.memory_info().rss for each in workers) / 1e6, own / 1e6


def processor(pid: int) -> float:
    """CPU seconds the workers have used."""
    found = (each.cpu_times() for each in psutil.Process(pid).children(recursive=True))
    return sum(each.user + each.system for each in found)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def replay(
    port: int,
    pid: int,
    words: dict[str, str],
    table: list[tuple[str, ...]],
    options: argparse.Namespace,
) -> tuple[Counter[str], float]:
    answered: Counter[str] = Counter()
    held = [memory(pid)]
    seconds, done, waiting = 0.0, 0, history(options.calls)
    while told := list(itertools.islice(waiting, options.chunk)):
        run = subprocess.run(
            [sys.executable, str(PEERS / "load.py"), str(port), str(CONNECTIONS), "600"],
            input=requests(told, words, table, done), capture_output=True, check=True,
        )  # fmt: skip
        result = json.loads(run.stdout)
        if result["lost"] or result["calls"] != len(told):
            sys.exit(f"calls without an answer: {result}")
        answered.update(result["statuses"])
        seconds, done = seconds + result["seconds"], done + len(told)
        held.append(memory(pid))
        if done % (options.chunk * 4) == 0 or done == options.calls:
            print(f"{done:>10,} calls {seconds:7.1f} s {held[-1][0]:6.0f} MB, own {held[-1][1]:.0f} MB"
                  f" p99 {result['p99']:.1f} ms", flush=True)  # fmt: skip
    start, middle, end = held[0], held[len(held) // 2], held[-1]
    print(f"workers {processor(pid):.1f} CPU s; memory {start[0]:.0f} MB at the start, {middle[0]:.0f} in the middle, "
          f"{end[0]:.0f} at the end; own {start[1]:.0f}, {middle[1]:.0f}, {end[1]:.0f} MB")  # fmt: skip
    return answered, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=CALLS["full"])
    parser.add_argument("--chunk", type=int, default=50_000)
    options = parser.parse_args()
    table, master = rows(ROWS), secrets.token_hex(32)
    applications = sorted({app for each in interfaces() for app in each.applications})
    words = {app: secrets.token_hex(32) for app in applications}
    with tempfile.TemporaryDirectory(prefix="gateway-soak-") as folder:
        data, port = Path(folder) / "gateway", free_port()
        publish(data, master, table, words)
        command = [
            sys.executable,
            "-m",
            "chengshu_gateway",
            "serve",
            "--data",
            str(data),
            "--port",
            str(port),
            "--trusted-proxy",
            "127.0.0.0/8",
        ]
        with running(command, port, "/healthz", **{SECRET_VARIABLE: master}) as pid:
            answered, seconds = replay(port, pid, words, table, options)
        check(data / "audit", master, answered, seconds)
        print(f"counters and rules {size_of(data / 'state') / 1e6:.0f} MB, "
              f"snapshots {size_of(data / 'snapshots') / 1e6:.0f} MB")  # fmt: skip


def check(audit: Path, master: str, answered: Counter[str], seconds: float) -> None:
    total = answered.total()
    recorded: Counter[str] = Counter()
    words: Counter[str] = Counter()
    started = time.process_time()
    for _position, call in read_calls(audit):
        recorded[str(call.status)] += 1
        words[call.outcome] += 1
    print(f"answered {total:,} in {seconds:.0f} s ({total / seconds:,.0f} a second)")
    print("by status", dict(sorted(answered.items())), "by outcome", dict(words.most_common()))
    slowed = sum(number for word, number in words.items() if word in SLOWED)
    print(f"slowed (429) {slowed:,}, {slowed / total:.2%}")
    lost = sum((answered - recorded).values())
    print(f"answers without record {lost:,}, read in {time.process_time() - started:.0f} CPU s")
    size = size_of(audit)
    print(f"trail {size / 1e6:.0f} MB, {size / total:.0f} bytes a call")
    started = time.perf_counter()
    report = verify(audit, HmacSigner(GatewayKeys.from_secret(master).checkpoint))
    print(
        f"verified {report.records:,} records in {time.perf_counter() - started:.0f} s: {report.ok}"
    )
    if recorded != answered or not report.ok:
        sys.exit(
            f"the trail differs from what was answered: {dict(recorded)}; {report.problems[:3]}"
        )


if __name__ == "__main__":
    main()
