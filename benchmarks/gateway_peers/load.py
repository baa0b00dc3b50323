"""Closed-loop load over raw sockets: the same generator for every server, signed or not.

python load.py PORT CONNECTIONS SECONDS < requests: each request is a 4-byte length and its bytes;
the answer is one JSON line with counts, seconds and latencies (ms) on stdout.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator

CHUNKED = 0  # an answer without a length ends with the empty chunk


class Connection(asyncio.Protocol):
    """One kept-alive connection that sends the next request when an answer is complete."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.buffer = b""
        self.need = -1
        self.started = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.send()

    def send(self) -> None:
        request = next(self.run.requests, None) if time.perf_counter() < self.run.until else None
        if request is None:
            self.run.finished(self)
            return
        self.started = time.perf_counter()
        assert self.transport is not None
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        if self.need < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            self.need = CHUNKED
            if at >= 0:
                self.need = end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])
        if self.need == CHUNKED:
            if not self.buffer.endswith(b"\r\n0\r\n\r\n"):
                return
            self.need = len(self.buffer)
        if len(self.buffer) < self.need:
            return
        self.run.answered(self.buffer[9:12], time.perf_counter() - self.started)
        self.buffer = self.buffer[self.need :]
        self.need = -1
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.run.finished(self, lost=True)


class Run:
    """Counts and latencies of one run."""

    def __init__(self, requests: Iterator[bytes], connections: int, seconds: float) -> None:
        self.requests = requests
        self.open = connections
        self.until = time.perf_counter() + seconds
        self.latencies: list[float] = []
        self.statuses: dict[str, int] = {}
        self.lost = 0
        self.done = asyncio.get_running_loop().create_future()
        self.ended: set[Connection] = set()

    def answered(self, status: bytes, seconds: float) -> None:
        self.latencies.append(seconds)
        name = status.decode()
        self.statuses[name] = self.statuses.get(name, 0) + 1

    def finished(self, connection: Connection, *, lost: bool = False) -> None:
        if connection in self.ended:
            return
        self.ended.add(connection)
        self.lost += lost
        self.open -= 1
        if not self.open and not self.done.done():
            self.done.set_result(None)


def read_requests() -> list[bytes]:
    raw = sys.stdin.buffer.read()
    requests, at = [], 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 4], "big")
        requests.append(raw[at + 4 : at + 4 + length])
        at += 4 + length
    return requests


async def main() -> None:
    port, connections, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    requests = read_requests()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    run = Run(iter(requests), connections, seconds)
    for _ in range(connections):
        await loop.create_connection(lambda: Connection(run), "127.0.0.1", port)
    await run.done
    elapsed = time.perf_counter() - started
    ordered = sorted(run.latencies)

    def percentile(part: float) -> float:
        return round(ordered[min(int(len(ordered) * part), len(ordered) - 1)] * 1000, 3)

    result = {
        "calls": len(ordered),
        "seconds": round(elapsed, 3),
        "statuses": run.statuses,
        "lost": run.lost,
        "p50": percentile(0.5),
        "p99": percentile(0.99),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
