"""The gateway as people run it: granian, real sockets, several workers."""

import contextlib
import http.client
import threading
import time
from dataclasses import replace

import pytest

from chengshu_gateway.__main__ import main
from chengshu_gateway.audit_verify import verify
from chengshu_gateway.client import GatewayRefusedError
from chengshu_gateway.keys import SECRET_VARIABLE
from chengshu_gateway.signers import HmacSigner
from chengshu_gateway.tests.sample_city import (
    GRANT,
    KEYS,
    MASTER,
    calls,
    publish,
    publish_rules,
    served,
    signed,
)

pytestmark = pytest.mark.service
ROW = "/share/v1/residents/R1"


def refusal(client, key="R1", **options):
    with pytest.raises(GatewayRefusedError) as caught:
        client.lookup("residents", key, **options)
    return caught.value


def request(path, headers, query=""):
    lines = [f"GET {path}{'?' + query if query else ''} HTTP/1.1", "Host: x", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def test_a_session_of_good_and_bad_calls(tmp_path):
    with served(publish(tmp_path)) as server:
        client = server.client()
        answer = client.lookup("residents", "R1", fields=["name", "age"], purpose="居民核验")
        assert answer.data == {"name": "张**", "age": 36}
        assert answer.digest.startswith("sha-256=:")
        assert client.describe("residents").data["title"] == "居民基本信息"
        assert refusal(client, "人 4").status == 404
        assert refusal(client, fields=["area"]).code == "field_not_granted"
        assert refusal(server.client(secret="wrong-secret-0123456789")).code == "bad_signature"
        once = request(ROW, signed(ROW))
        assert server.raw(once).startswith(b"HTTP/1.1 200")
        assert server.raw(once).startswith(b"HTTP/1.1 409")
        stale = signed(ROW, timestamp=int(time.time() * 1000) - 301_000)
        assert server.raw(request(ROW, stale)).startswith(b"HTTP/1.1 401")
        assert server.raw(request("/share/v1/residents/R2", signed(ROW))).startswith(
            b"HTTP/1.1 401"
        )
    outcomes = [call.outcome for call in calls(tmp_path)]
    assert outcomes == [
        "ok",
        "ok",
        "no_record",
        "field_not_granted",
        "bad_signature",
        "ok",
        "replayed",
        "bad_timestamp",
        "bad_signature",
    ]


def test_hostile_bytes_never_give_a_server_error(tmp_path):
    with served(publish(tmp_path)) as server:
        for path in (
            b"/share/v1/residents/%2e%2e%2f%2e%2e%2fetc",
            b"/share/v1/residents/..%252f",
            b"/share/v1/residents/R1%00",
            b"/share/v1/residents/%ff",
            b"/share/v1/residents/\xff",
            b"/share/v1/residents/\x01",
            b"/share/v1/residents/" + b"a" * 8000,
            b"/share/v1/residents/" + b"a" * 70_000,
            b"//share/v1/residents/R1",
            b"*",
        ):
            with contextlib.suppress(ConnectionError):
                reply = server.raw(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
                assert reply.startswith(b"HTTP/1.1 4"), (path[:60], reply[:80])
        assert server.client().lookup("residents", "R1").data["code"] == "R1"


def test_a_revoked_grant_stops_within_two_seconds(tmp_path):
    with served(publish(tmp_path), "--workers", "2") as server:
        client = server.client()
        client.lookup("residents", "R1")
        publish_rules(tmp_path, grant=None)
        revoked = time.monotonic()
        answered, codes = 0.0, set()
        while time.monotonic() - revoked < 4:
            fresh = server.client()  # a new connection may reach the other worker
            try:
                fresh.lookup("residents", "R1")
                answered = time.monotonic() - revoked
            except GatewayRefusedError as error:
                codes.add(error.code)
            fresh.close()
            time.sleep(0.02)
        assert answered < 2
        assert codes == {"not_granted"}


def test_two_workers_share_quota_and_nonces(tmp_path):
    publish(tmp_path, grant=replace(GRANT, per_day=60))
    with served(tmp_path, "--workers", "2") as server:
        results: list[int] = []

        def work():
            for _ in range(30):
                client = server.client()
                try:
                    client.lookup("residents", "R1")
                    results.append(200)
                except GatewayRefusedError as error:
                    results.append(error.status)
                client.close()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (results.count(200), results.count(429)) == (60, 60)
        once = request("/share/v1/residents", signed("/share/v1/residents"))
        statuses = [server.raw(once)[9:12] for _ in range(12)]
        assert statuses == [b"200"] + [b"409"] * 11
    assert {call.worker for call in calls(tmp_path)} == {0, 1}
    assert verify(tmp_path / "audit", HmacSigner(KEYS.checkpoint)).ok


def test_it_ends_cleanly_and_the_log_verifies_on_the_command_line(tmp_path, monkeypatch, capsys):
    with served(publish(tmp_path)) as server:
        server.client().lookup("residents", "R1")
        assert server.stop() == 0
        with pytest.raises(OSError):
            server.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    monkeypatch.setenv(SECRET_VARIABLE, MASTER)
    assert main(["verify", str(tmp_path)]) == 0
    assert "核验通过：2 条记录，1 个检查点" in capsys.readouterr().out
    segment = next((tmp_path / "audit" / "w00").glob("0*.jsonl"))
    segment.write_bytes(segment.read_bytes().replace(b'"status":200', b'"status":404'))
    assert main(["verify", str(tmp_path)]) == 1
    assert "核验未通过" in capsys.readouterr().out


def test_a_client_that_leaves_early_harms_nobody(tmp_path):
    with served(publish(tmp_path)) as server:
        for _ in range(20):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
            connection.request("GET", ROW, headers=signed(ROW))
            connection.close()
        client = server.client()
        assert [client.lookup("residents", "R1").data["code"] for _ in range(5)] == ["R1"] * 5
    assert verify(tmp_path / "audit", HmacSigner(KEYS.checkpoint)).ok


def test_a_missing_secret_is_said_in_chinese(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    assert main(["serve", "--data", str(tmp_path)]) == 2
    assert "网关密钥缺失" in capsys.readouterr().err
