"""What attackers meet on the wire: idle crowds, slow senders, endless bodies, a disk that is full."""

import contextlib
import resource
import socket
import time
from pathlib import Path

import pytest

from chengshu_gateway.audit_verify import verify
from chengshu_gateway.client import GatewayRefusedError, sign
from chengshu_gateway.signers import HmacSigner
from chengshu_gateway.tests.sample_city import KEYS, SECRET, calls, publish, served

pytestmark = pytest.mark.service
ROW = "/share/v1/residents/R1"
IDLE = 10_000


@pytest.fixture
def many_files():
    """As many open files as this machine allows, for this process and the gateway it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < IDLE + 500:
        pytest.skip(f"the machine allows {hard} open files only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ten_thousand_idle_connections_keep_nobody_out(tmp_path, many_files):
    with served(publish(tmp_path)) as server, contextlib.ExitStack() as crowd:
        client = server.client()
        client.lookup("residents", "R1")
        for _ in range(IDLE):
            crowd.enter_context(socket.create_connection(("127.0.0.1", server.port), 10))
        began = time.monotonic()
        assert server.client().lookup("residents", "R1").data["code"] == "R1"
        assert client.lookup("residents", "R2").data["code"] == "R2"
        assert time.monotonic() - began < 2


def ended_after(connection, limit=8.0):
    """Seconds until the gateway ends a connection, and what it said before."""
    connection.settimeout(limit)
    began, said = time.monotonic(), b""
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65536):
            said += chunk
    return time.monotonic() - began, said


def post_head(length, **changes):
    path = "/share/v1/residents/batch"
    headers = sign(
        app="app-1", key_id="k1", secret=SECRET, path=path, method="POST", body=b"{}", **changes
    )
    lines = [f"POST {path} HTTP/1.1", "Host: x", *(f"{n}: {v}" for n, v in headers.items())]
    return "\r\n".join([*lines, length, "", ""]).encode()


def test_slow_senders_of_heads_and_bodies_are_given_up_while_others_are_answered(tmp_path):
    """Slowloris: bytes that trickle in must not hold a place for ever."""
    with served(publish(tmp_path), "--slow-seconds", "1") as server, contextlib.ExitStack() as kept:
        silent, head, body = (
            kept.enter_context(socket.create_connection(("127.0.0.1", server.port), 10))
            for _ in range(3)
        )
        client = server.client()
        head.sendall(b"GET /share/v1/residents/R1 HTTP/1.1\r\nHost: x\r\nX-")
        body.sendall(post_head("Content-Length: 2"))
        body.sendall(b"{")
        assert client.lookup("residents", "R1").data["code"] == "R1"
        assert ended_after(head)[0] < 5
        seconds, said = ended_after(body)
        assert seconds < 5
        assert said.startswith(b"HTTP/1.1 400")
        assert b"bad_body" in said
        assert ended_after(silent)[0] < 5
        # The client's own idle connection was ended as well: it signs anew on a fresh one.
        assert client.lookup("residents", "R1").data["code"] == "R1"
    assert [call.outcome for call in calls(tmp_path)] == ["ok", "bad_body", "ok"]


def test_bodies_without_end_are_cut_off_and_the_next_call_is_answered(tmp_path):
    with served(publish(tmp_path)) as server:
        for length, chunk in (
            ("Content-Length: 9999999999", b"x" * 65536),
            ("Transfer-Encoding: chunked", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        ):
            with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
                connection.sendall(post_head(length))
                sent = 0
                with contextlib.suppress(ConnectionError, TimeoutError):
                    while sent < 50_000_000:
                        connection.sendall(chunk)
                        sent += len(chunk)
                assert sent < 50_000_000
        assert server.client().lookup("residents", "R1").data["code"] == "R1"
    assert [call.outcome for call in calls(tmp_path)] == ["bad_body", "bad_body", "ok"]


def test_smuggled_and_doubled_heads_are_refused_by_the_server(tmp_path):
    with served(publish(tmp_path)) as server:
        for head in (
            b"GET /share/v1/residents/R1 HTTP/1.1\r\nHost: x\r\nX-Cs-App : app-1\r\n\r\n",
            (
                b"POST /share/v1/residents/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                b"Content-Length: 3\r\n\r\n{}"
            ),
            b"GET /share/v1/residents/R1 HTTP/9.9\r\nHost: x\r\n\r\n",
            b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        ):
            with contextlib.suppress(ConnectionError):
                assert server.raw(head)[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 401"), head
        assert server.client().lookup("residents", "R1").data["code"] == "R1"


def workers_of(server):
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def test_when_the_disk_takes_no_more_records_calls_are_refused_not_unlogged(tmp_path):
    """A real failing write: the kernel lets the worker's files grow by one more kilobyte only."""
    with served(publish(tmp_path)) as server:
        client = server.client()
        answered = [client.lookup("residents", "R1").request_id]
        segment = next((tmp_path / "audit" / "w00").glob("0*.jsonl"))
        room = segment.stat().st_size + 1000
        for pid in workers_of(server):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, room))
        codes = []
        for _ in range(12):
            try:
                answered.append(client.lookup("residents", "R1").request_id)
            except GatewayRefusedError as error:
                codes.append(error.code)
        assert set(codes) == {"audit_unavailable"}
        assert len(codes) > 8
        assert b" 503 " in server.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")[:20]
    with served(tmp_path) as server:
        answered.append(server.client().lookup("residents", "R1").request_id)
    assert set(answered) <= {call.request_id for call in calls(tmp_path)}
    report = verify(tmp_path / "audit", HmacSigner(KEYS.checkpoint))
    assert report.ok, report.problems


def test_a_torn_last_line_is_set_aside_and_told_at_the_next_start(tmp_path):
    with served(publish(tmp_path)) as server:
        server.client().lookup("residents", "R1")
        server.kill_all()
    segment = next((tmp_path / "audit" / "w00").glob("0*.jsonl"))
    with segment.open("ab") as file:
        file.write(b'{"seq":3,"time":"2026-11-30T00:0')
    with served(tmp_path) as server:
        server.client().lookup("residents", "R1")
    report = verify(tmp_path / "audit", HmacSigner(KEYS.checkpoint))
    assert report.ok
    assert len(report.torn) == 1
    assert b'"torn":32' in (segment.with_name("00000002.jsonl")).read_bytes().split(b"\n")[0]
