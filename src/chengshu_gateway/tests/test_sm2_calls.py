"""Calls signed with SM2: the gateway holds public keys only, and nobody else's signature passes."""

import base64
import re
import time
from dataclasses import replace

import pytest

from chengshu_gateway import provers, signing
from chengshu_gateway.bundle import AppKey, BundleError
from chengshu_gateway.client import sign
from chengshu_gateway.tests.sample_city import APP, SECRET, calls, local, publish, publish_rules
from chengshu_gateway.tests.test_signing import DOCUMENT
from chengshu_sm2 import Sm2PrivateKey, Sm2PublicKey, Sm2Unavailable, raw_to_der

ROW = "/share/v1/residents/R1"
PRIVATE = Sm2PrivateKey.generate()
OTHER = Sm2PrivateKey.generate()


def key_of(private, key_id="s1", **changes):
    point = private.public_key().point().hex()
    return AppKey(key_id, "", scheme="sm2-sm3", public_key=point, **changes)


BOTH = replace(APP, keys=(*APP.keys, key_of(PRIVATE), key_of(OTHER, "s2", state="disabled")))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with local(publish(tmp_path_factory.mktemp("city"), app=BOTH)) as found:
        yield found


def ask(gateway, **changes):
    return gateway.ask(ROW, **{"key_id": "s1", "secret": PRIVATE, **changes})


def test_a_call_signed_with_sm2_is_answered_and_hmac_stays_beside_it(gateway):
    assert ask(gateway, purpose="居民核验").json["data"]["code"] == "R1"
    assert gateway.ask(ROW).status == 200
    path = "/share/v1/residents/batch"
    headers = sign(
        app="app-1", key_id="s1", secret=PRIVATE, path=path, method="POST", body=b'{"keys":["R1"]}'
    )
    altered = gateway.ask(path, headers=headers, method="POST", body=b'{"keys":["R2"]}')
    assert altered.json["code"] == "bad_signature"
    fitting = gateway.ask(path, headers=headers, method="POST", body=b'{"keys":["R1"]}')
    assert fitting.json["code"] == "kind_not_granted"


def test_der_and_raw_signatures_are_one(gateway):
    headers = sign(app="app-1", key_id="s1", secret=PRIVATE, path=ROW)
    raw = base64.urlsafe_b64decode(headers["X-Cs-Signature"] + "==")
    der = base64.urlsafe_b64encode(raw_to_der(raw)).decode().rstrip("=")
    assert gateway.ask(ROW, headers={**headers, "X-Cs-Signature": der}).status == 200
    assert gateway.ask(ROW, headers=headers).json["code"] == "replayed"


def test_no_other_key_scheme_or_public_half_signs_for_it(gateway):
    point = PRIVATE.public_key().point().hex()
    stamp = int(time.time() * 1000)
    for changes, code in (
        ({"secret": OTHER}, "bad_signature"),
        ({"secret": point}, "bad_signature"),  # HMAC with the public key as if it were a secret
        ({"secret": ""}, "bad_signature"),
        ({"secret": SECRET}, "bad_signature"),
        ({"key_id": "k1"}, "bad_signature"),
        ({"key_id": "s2"}, "bad_signature"),
        ({"key_id": "s2", "secret": OTHER}, "key_inactive"),
        ({"timestamp": stamp - 301_000}, "bad_timestamp"),
        ({"timestamp": stamp + 301_000}, "bad_timestamp"),
    ):
        assert ask(gateway, **changes).json["code"] == code, changes


@pytest.mark.parametrize("text", ["", "!", "é", "A" * 86, "A" * 96, "A" * 5000, "-_-_" * 24])
def test_a_malformed_signature_is_refused_never_a_fault(gateway, text):
    headers = sign(app="app-1", key_id="s1", secret=PRIVATE, path=ROW)
    reply = gateway.ask(
        ROW, headers={**headers, "X-Cs-Signature": text}, ip=f"10.9.0.{len(text) % 250}"
    )
    assert reply.status == 401


def test_the_bundle_of_an_sm2_application_holds_no_secret(tmp_path):
    publish_rules(tmp_path, app=replace(APP, keys=(key_of(PRIVATE),)))
    text = next((tmp_path / "bundles").glob("*.json")).read_text("utf-8")
    assert re.findall(r'"secret":"[^"]*"', text) == ['"secret":""']
    assert PRIVATE.public_key().point().hex() in text


@pytest.mark.parametrize(
    "key",
    [
        AppKey("s1", SECRET, scheme="sm2-sm3", public_key=PRIVATE.public_key().point().hex()),
        AppKey("s1", "", scheme="sm2-sm3", public_key="04" + "g" * 128),
        AppKey("s1", "", scheme="sm2-sm3"),
        AppKey("s1", "", scheme="rsa"),
        AppKey("s1", ""),
    ],
)
def test_a_key_without_its_material_is_not_published(tmp_path, key):
    with pytest.raises(BundleError):
        publish_rules(tmp_path, app=replace(APP, keys=(key,)))


def test_a_machine_without_sm2_says_so_and_answers_the_others(tmp_path, monkeypatch):
    def missing(*_arguments):
        raise Sm2Unavailable("本机没有支持 SM2 的密码库。")

    monkeypatch.setattr(provers, "libcrypto", missing)
    monkeypatch.setattr(provers.Sm2PublicKey, "from_point", missing)
    with local(publish(tmp_path, app=BOTH)) as gateway:
        health = gateway.ask("/healthz", headers={})
        assert (health.status, health.json["sm2_error"]) == (200, "本机没有支持 SM2 的密码库。")
        assert gateway.ask(ROW).status == 200
        assert ask(gateway).json["code"] == "internal"
    assert calls(tmp_path)[-1].outcome == "internal"


def test_the_documented_sm2_vector_verifies():
    block = DOCUMENT.read_text("utf-8").split("<!-- sm2-vector -->")[1]
    rows = dict(re.findall(r"^\| ([a-z-]+) +\| `(.*)` +\|$", block, re.MULTILINE))
    text = signing.canonical_text(
        method=b"GET", path=rows["path"].encode(), query=b"", timestamp=rows["timestamp"].encode(),
        nonce=rows["nonce"].encode(), scheme=signing.SCHEME_SM2,
    )  # fmt: skip
    public = Sm2PublicKey.from_point(bytes.fromhex(rows["public-key"]))
    signature = base64.urlsafe_b64decode(rows["signature"] + "==")
    assert public.verify(text, raw_to_der(signature))
    private = Sm2PrivateKey.from_scalar(bytes.fromhex(rows["private-key"]))
    assert private.public_key().point().hex() == rows["public-key"]
