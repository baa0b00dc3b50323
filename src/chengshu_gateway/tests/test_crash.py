"""kill -9 under load: whatever was answered is in the log, and the log still verifies."""

import contextlib
import http.client
import threading
import time

import pytest

from chengshu_gateway.audit_verify import verify
from chengshu_gateway.client import GatewayRefusedError
from chengshu_gateway.signers import HmacSigner
from chengshu_gateway.tests.sample_city import KEYS, calls, publish, served

pytestmark = [pytest.mark.service, pytest.mark.crash]


def test_every_answered_call_survives_kill_nine(tmp_path):
    publish(tmp_path)
    answered: list[str] = []
    for workers in ("1", "2"):
        with served(tmp_path, "--workers", workers) as server:
            threads = [threading.Thread(target=_call, args=(server, answered)) for _ in range(8)]
            for thread in threads:
                thread.start()
            time.sleep(1.5)
            server.kill_all()
            for thread in threads:
                thread.join(20)
    assert len(answered) > 200
    with served(tmp_path) as server:
        answered.append(server.client().lookup("residents", "R1").request_id)
    recorded = {call.request_id for call in calls(tmp_path)}
    assert set(answered) <= recorded
    assert len(set(answered)) == len(answered)
    report = verify(tmp_path / "audit", HmacSigner(KEYS.checkpoint))
    assert report.ok, report.problems


def test_workers_do_not_outlive_a_killed_supervisor(tmp_path):
    with served(publish(tmp_path), "--workers", "2") as server:
        server.process.kill()
        server.process.wait(10)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                server.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            except OSError:
                return
            time.sleep(0.1)
        raise AssertionError("an orphaned worker still answers")


def _call(server, answered):
    client = server.client()
    with contextlib.suppress(OSError, http.client.HTTPException, GatewayRefusedError):
        while True:
            answered.append(client.lookup("residents", "R1").request_id)
