"""Which answer was given: the digest the caller checks is the one the trail keeps."""

import http.client
import io
from base64 import b64decode

import pytest

from chengshu_gateway.client import AnswerAlteredError, GatewayClient, GatewayRefusedError
from chengshu_gateway.server import MAX_POSTED
from chengshu_gateway.signing import digest_fits
from chengshu_gateway.tests.sample_city import SECRET, calls, local, post, publish

ROW = "/share/v1/residents/R1"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with local(publish(tmp_path_factory.mktemp("city"))) as found:
        yield found


def test_data_refusals_and_health_all_carry_the_digest_the_trail_keeps(gateway):
    replies = [
        gateway.ask(ROW),
        gateway.ask("/share/v1/residents"),
        gateway.ask("/share/v1/residents/nobody"),
        gateway.ask(ROW, headers={}),
        gateway.ask("/elsewhere"),
        post(gateway, "batch", b"x" * (MAX_POSTED + 1)),
    ]
    assert len({reply.status for reply in replies}) > 3
    for reply in [*replies, gateway.ask("/healthz", headers={})]:
        assert digest_fits(reply.headers["content-digest"], reply.body)
        assert "no-transform" in reply.headers["cache-control"]
    kept = {call.request_id: call.digest for call in calls(gateway.gateway._settings.data)}
    for reply in replies:
        told = b64decode(reply.headers["content-digest"].removeprefix("sha-256=").strip(":"))
        assert kept[reply.headers["x-cs-record"]] == told.hex()


def test_the_answer_that_says_the_trail_failed_carries_its_digest_too(tmp_path):
    with local(publish(tmp_path)) as gateway:
        gateway.gateway.audit.pause("disk space")
        reply = gateway.ask(ROW)
        gateway.gateway.audit.pause("")
    assert reply.json["code"] == "audit_unavailable"
    assert digest_fits(reply.headers["content-digest"], reply.body)


class Wire:
    """A connection that answers with what was put on the wire."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def request(self, *_arguments, **_options) -> None:
        pass

    def getresponse(self) -> http.client.HTTPResponse:
        response = http.client.HTTPResponse(self)
        response.begin()
        return response

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self.raw)

    def close(self) -> None:
        pass


def through(raw: bytes) -> GatewayClient:
    client = GatewayClient("http://gateway", app="app-1", key_id="k1", secret=SECRET)
    client._connection = Wire(raw)
    return client


def on_the_wire(reply, body: bytes, *, digest: bool = True) -> bytes:
    kept = [
        f"{name}: {value}\r\n"
        for name, value in reply.headers.items()
        if name != "content-length" and (digest or name != "content-digest")
    ]
    head = f"HTTP/1.1 {reply.status} x\r\n{''.join(kept)}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_the_client_takes_the_answer_that_was_given_and_no_other(gateway):
    reply = gateway.ask(ROW)
    answer = through(on_the_wire(reply, reply.body)).lookup("residents", "R1")
    assert answer.request_id == reply.headers["x-cs-record"]
    altered = reply.body.replace(b"36", b"63")
    assert altered != reply.body
    for raw in (on_the_wire(reply, altered), on_the_wire(reply, reply.body, digest=False)):
        with pytest.raises(AnswerAlteredError, match=reply.headers["x-cs-record"]):
            through(raw).lookup("residents", "R1")


def test_a_refusal_is_checked_too_but_a_proxys_own_error_page_is_no_answer(gateway):
    reply = gateway.ask(ROW, headers={})
    with pytest.raises(GatewayRefusedError):
        through(on_the_wire(reply, reply.body)).lookup("residents", "R1")
    with pytest.raises(AnswerAlteredError):
        through(on_the_wire(reply, reply.body + b" ")).lookup("residents", "R1")
    with pytest.raises(GatewayRefusedError) as caught:
        through(b"HTTP/1.1 502 x\r\nContent-Length: 3\r\n\r\n<h1").lookup("residents", "R1")
    assert caught.value.status == 502


@pytest.mark.parametrize(
    "header", ["", "sha-256=", "sha-512=:AAAA:", "sha-256=:AAAA:", "sha-256=é"]
)
def test_a_digest_header_that_proves_nothing_does_not_fit(header):
    assert not digest_fits(header, b"x")
