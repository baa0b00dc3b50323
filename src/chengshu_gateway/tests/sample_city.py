"""A small published city for the tests: data directory, in-process gateway, real server."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from chengshu_gateway.audit_reader import Call, read_calls
from chengshu_gateway.bundle import AppKey, Application, Bundle, Column, Grant, Interface
from chengshu_gateway.bundle_store import publish_bundle
from chengshu_gateway.client import GatewayClient, sign
from chengshu_gateway.keys import SECRET_VARIABLE, GatewayKeys
from chengshu_gateway.server import Gateway, Settings
from chengshu_gateway.snapshot_build import publish_snapshot

MASTER = "master-secret-of-the-test-city-0123456789"
KEYS = GatewayKeys.from_secret(MASTER)
SECRET = "integrator-secret-0123456789"
RESIDENTS = pa.table(
    {
        "code": ["R1", "R2", "R3", "人 4"],
        "name": ["张三丰", "李四", None, "王五"],
        "id_number": ["330383199001011234", None, "330383200102033456", "330383198505055678"],
        "phone": ["13812341234", "0577-64221234", "bad", None],
        "address": ["浙江省温州市龙港市城东社区龙翔路1号", None, "城东社区2号", "x"],
        "area": ["330383", "330383", "330383", "110101"],
        "age": pa.array([36, None, 25, 41], pa.int64()),
        "alive": [True, False, None, True],
    }
)
COLUMNS = tuple(
    Column(name, {"age": "integer", "alive": "boolean"}.get(name, "text"))
    for name in RESIDENTS.column_names
)
INTERFACE = Interface("residents", "1/01/0001", "居民基本信息", "residents", "code", COLUMNS)
OTHER = Interface("secret-list", "1/01/0002", "未授权的表", "residents", "code", COLUMNS)
APP = Application("app-1", "政务服务", (AppKey("k1", SECRET),))
GRANT = Grant(
    "app-1",
    "residents",
    ("code", "name", "id_number", "phone", "address", "age", "alive"),
    masks={"name": "name", "id_number": "id_number", "phone": "phone", "address": "address"},
    row_filter={"eq": ["area", "330383"]},
)


def publish_rules(data: Path, *, app: Application = APP, grant: Grant | None = GRANT) -> int:
    grants = () if grant is None else (grant,)
    bundle = Bundle((app,), (INTERFACE, OTHER), grants)
    return publish_bundle(data / "bundles", bundle, KEYS.bundle)


def publish_rows(data: Path, table: pa.Table = RESIDENTS) -> str:
    published = publish_snapshot(
        data / "snapshots" / "residents", table.schema, table.to_batches(), key_column="code"
    )
    return published.version


def publish(data: Path, **rules: Any) -> Path:
    publish_rows(data)
    publish_rules(data, **rules)
    return data


def calls(data: Path) -> list[Call]:
    return [call for _position, call in read_calls(data / "audit")]


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def signed(path: str, query: str = "", **changes: Any) -> dict[str, str]:
    identity = {"app": "app-1", "key_id": "k1", "secret": SECRET}
    return sign(path=path, query=query, **{**identity, **changes})


@dataclass
class Local:
    """A gateway inside this process, called without sockets."""

    gateway: Gateway
    runner: asyncio.Runner

    def ask(
        self,
        path: str,
        query: str = "",
        *,
        headers: dict[str, str] | None = None,
        method: str = "GET",
        body: bytes = b"",
        ip: str = "127.0.0.1",
        **signing: Any,
    ) -> Reply:
        chosen = signed(path, query, **signing) if headers is None else headers
        pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in chosen.items()]
        if body:
            pairs.append((b"content-length", b"%d" % len(body)))
        scope = {
            "type": "http",
            "method": method,
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": pairs,
            "client": (ip, 40000),
        }
        return self.runner.run(self._exchange(scope, body))

    async def exchange(
        self, path: str, headers: dict[str, str], body: bytes, *, method: str = "POST"
    ) -> Reply:
        """One call as a coroutine, for calls that overlap."""
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "method": method,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [*pairs, (b"content-length", b"%d" % len(body))],
            "client": ("127.0.0.1", 40000),
        }
        return await self._exchange(scope, body)

    def refresh(self) -> None:
        """Take up what was published, as the watcher would at its next poll."""
        self.runner.run(self.gateway.state.refresh())

    def wait(self, seconds: float) -> None:
        self.runner.run(asyncio.sleep(seconds))

    async def _exchange(self, scope: dict[str, Any], body: bytes) -> Reply:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.gateway(scope, receive, send)
        start, content = sent
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return Reply(start["status"], headers, content["body"])


def post(gateway: Local, operation: str, content: Any, **signing: Any) -> Reply:
    """Post a call about the residents; `content` is JSON or, as bytes, the body itself."""
    path = f"/share/v1/residents/{operation}"
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    headers = signed(path, method="POST", body=body, **signing)
    return gateway.ask(path, headers=headers, method="POST", body=body)


@contextlib.contextmanager
def local(data: Path, **settings: Any) -> Iterator[Local]:
    gateway = Gateway(replace(Settings(data, KEYS, poll_seconds=3600), **settings))
    with asyncio.Runner() as runner:
        runner.run(gateway.start())
        try:
            yield Local(gateway, runner)
        finally:
            runner.run(gateway.stop())


@dataclass
class Served:
    """A gateway under granian in its own processes."""

    process: subprocess.Popen[bytes]
    port: int
    data: Path
    log: Path
    clients: list[GatewayClient] = field(default_factory=list)

    def client(self, **changes: str) -> GatewayClient:
        identity = {"app": "app-1", "key_id": "k1", "secret": SECRET, **changes}
        client = GatewayClient(f"http://127.0.0.1:{self.port}", **identity)
        self.clients.append(client)
        return client

    def raw(self, request: bytes) -> bytes:
        """Send bytes on a fresh connection, return the status line and what follows."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            connection.sendall(request)
            return connection.recv(65536)

    def kill_all(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        for client in self.clients:
            client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@contextlib.contextmanager
def served(data: Path, *arguments: str) -> Iterator[Served]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command: Sequence[str] = [sys.executable, "-m", "chengshu_gateway", "serve"]
    log = data / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "--data", str(data), "--port", str(port), *arguments],
            env={**os.environ, SECRET_VARIABLE: MASTER},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Served(process, port, data, log)
    try:
        _await_ready(server)
        yield server
    finally:
        server.stop()


def _await_ready(server: Served) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and server.process.poll() is None:
        with contextlib.suppress(OSError):
            if b" 200 " in server.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")[:20]:
                return
        time.sleep(0.1)
    raise AssertionError(f"gateway did not start: {server.log.read_text()}")
