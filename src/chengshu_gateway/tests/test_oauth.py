"""Tokens: who gets one, and that a token is worth nothing in anybody else's hands."""

import base64
import hashlib
import time
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey

from chengshu_gateway.bundle import AppKey, Application
from chengshu_gateway.jose import encoded
from chengshu_gateway.tests.sample_city import (
    APP,
    GRANT,
    KEYS,
    SECRET,
    calls,
    local,
    publish,
    publish_rules,
)
from chengshu_gateway.token_client import TokenClient

BASE = "https://share.example"
TOKEN, ROW = "/oauth/token", "/share/v1/residents/R1"
HOLDER, THIEF = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
CLIENT, STRANGER = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
EDWARDS = Ed25519PrivateKey.generate()
EDWARDS_PEM = EDWARDS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
EDWARDS_PRIVATE = EDWARDS.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def registered(key_id, pem):
    return AppKey(key_id, "", scheme="private-key-jwt", public_key=pem)


KEYED = replace(
    APP,
    keys=(
        *APP.keys,
        AppKey("k2", "second-secret-0123456789", state="disabled"),
        registered("j1", CLIENT.as_pem(private=False).decode()),
        registered("j2", EDWARDS_PEM.decode()),
    ),
)


@pytest.fixture
def city(tmp_path):
    return publish(tmp_path, app=KEYED)


@pytest.fixture
def gateway(city):
    with local(city, public_url=BASE) as running:
        yield running


def proof(key=HOLDER, method="POST", path=TOKEN, *, token=None, header=None, **changes):
    claims = {"jti": encoded(hashlib.sha256(str(time.time_ns()).encode()).digest()), "htm": method,
              "htu": BASE + path, "iat": int(time.time())}  # fmt: skip
    if token is not None:
        claims["ath"] = encoded(hashlib.sha256(token.encode()).digest())
    claims |= changes
    shown = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False), **(header or {})}
    return jwt.encode(shown, {k: v for k, v in claims.items() if v is not None}, key)


def ask_token(gateway, *, shown=None, basic=None, ip="127.0.0.1", **form):
    values = {"grant_type": "client_credentials", "client_id": "app-1", **form}
    body = urlencode({k: v for k, v in values.items() if v is not None}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if shown != "":
        headers["dpop"] = shown or proof()
    if basic:
        headers["authorization"] = "Basic " + base64.b64encode(basic.encode()).decode()
    return gateway.ask(TOKEN, headers=headers, method="POST", body=body, ip=ip)


def token_of(gateway, **form):
    reply = ask_token(gateway, **(form or {"client_secret": SECRET}))
    assert reply.status == 200, reply.body
    return reply.json["access_token"]


def use(gateway, token, shown=None, path=ROW, *, scheme="DPoP", ip="127.0.0.1"):
    headers = {"authorization": f"{scheme} {token}"}
    if shown != "":
        headers["dpop"] = shown or proof(method="GET", path=path, token=token)
    return gateway.ask(path, headers=headers, ip=ip)


def assertion(key=CLIENT, **changes):
    now = int(time.time())
    claims = {"iss": "app-1", "sub": "app-1", "aud": BASE, "jti": str(time.time_ns()), "iat": now,
              "exp": now + 60, **changes}  # fmt: skip
    return jwt.encode({"alg": "ES256"}, claims, key)


def with_assertion(text):
    return {"client_id": None, "client_assertion_type": ASSERTION_TYPE, "client_assertion": text}


def test_secret_basic_and_both_kinds_of_keys_obtain_tokens_that_answer_like_a_signature(
    city, gateway
):
    edwards = jwt.encode(
        {"alg": "Ed25519"},
        {"iss": "app-1", "sub": "app-1", "aud": BASE + TOKEN, "jti": "edwards-0001",
         "iat": int(time.time()), "exp": int(time.time()) + 60},
        OKPKey.import_key(EDWARDS_PRIVATE),
        algorithms=["Ed25519"],
    )  # fmt: skip
    tokens = [
        token_of(gateway, client_secret=SECRET),
        token_of(gateway, client_id=None, basic=f"app-1:{SECRET}"),
        token_of(gateway, **with_assertion(assertion())),
        token_of(gateway, **with_assertion(edwards)),
    ]
    signed = gateway.ask(ROW).json["data"]
    assert [use(gateway, token).json["data"] for token in tokens] == [signed] * 4
    found = calls(city)
    assert [(c.kind, c.key_id, c.outcome) for c in found[:4]] == [
        ("token", key, "ok") for key in ("k1", "k1", "j1", "j2")
    ]
    assert all(call.verified and call.app == "app-1" for call in found)


def test_a_stolen_token_is_refused_and_logged_whatever_the_thief_shows(city, gateway):
    token = token_of(gateway)
    own = proof(method="GET", path=ROW, token=token)
    assert use(gateway, token, own).status == 200
    good = {"method": "GET", "path": ROW, "token": token}
    thefts = [
        ("bad_proof", {"shown": ""}),
        ("bad_proof", {"shown": proof(THIEF, **good)}),
        ("bad_proof", {"shown": proof(**{**good, "token": None})}),  # a proof without this token
        ("bad_proof", {"shown": proof(**{**good, "token": "another"})}),
        ("bad_proof", {"shown": proof(**{**good, "path": "/share/v1/residents/R2"})}),
        ("bad_proof", {"shown": proof(**{**good, "method": "POST"})}),
        ("bad_proof", {"shown": proof(**good, htu="https://other.example" + ROW)}),
        ("bad_proof", {"shown": proof(**good, header={"typ": "JWT"})}),
        ("bad_proof", {"shown": proof(**good, jti="short")}),
        ("bad_proof", {"shown": proof(**good, iat=int(time.time()) - 301)}),
        ("bad_proof", {"shown": proof(**good, iat=int(time.time()) + 302)}),
        ("bad_token", {"scheme": "Bearer"}),
        ("replayed", {"shown": own}),
    ]
    for n, (code, options) in enumerate(thefts):
        reply = use(gateway, token, ip=f"10.1.0.{n}", **options)
        assert reply.json["code"] == code, (code, options)
        assert reply.status == (409 if code == "replayed" else 401)
        assert "data" not in reply.json
        if reply.status == 401:
            assert reply.headers["www-authenticate"].startswith('DPoP error="invalid_')
    assert [call.outcome for call in calls(city)[2:]] == [code for code, _options in thefts]


def test_a_token_of_another_gateway_an_expired_or_a_homemade_one_is_refused(gateway, monkeypatch):
    genuine = jwt.decode(token_of(gateway), OctKey.import_key(KEYS.token)).claims
    own = OctKey.import_key(KEYS.token)

    def made(key=own, header=None, **changes):
        return jwt.encode(
            {"alg": "HS256", "typ": "at+jwt", **(header or {})}, {**genuine, **changes}, key
        )

    assert use(gateway, made()).status == 200
    past = int(time.time()) - 1
    unsigned = "e30.e30."
    for n, bad in enumerate(
        (
            made(OctKey.import_key(KEYS.bundle)),
            made(aud="https://other.example"),
            made(iss="https://other.example"),
            made(exp=past),
            made(exp=None),
            made(header={"typ": "JWT"}),
            made(cnf={}),
            made()[:-3],
            unsigned,
            "",
            "é" * 9,
            "a.b.c" * 2000,
        )
    ):
        assert use(gateway, bad, ip=f"10.2.0.{n}").json["code"] == "bad_token", n
    later = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: later)
    monkeypatch.setattr(time, "time_ns", lambda: int(later * 1e9))
    assert "过期" in use(gateway, made()).json["detail"]


def test_a_revoked_key_ends_its_tokens_and_those_of_others_go_on(city, gateway):
    by_secret, by_key = token_of(gateway), token_of(gateway, **with_assertion(assertion()))
    keys = tuple(replace(k, state="disabled") if k.key_id == "k1" else k for k in KEYED.keys)
    publish_rules(city, app=replace(KEYED, keys=keys))
    gateway.refresh()
    assert use(gateway, by_secret).json["code"] == "key_inactive"
    assert use(gateway, by_key).status == 200
    assert ask_token(gateway, client_secret=SECRET).json["code"] == "key_inactive"
    publish_rules(city, app=replace(KEYED, keys=()))
    gateway.refresh()
    assert use(gateway, by_key).json["code"] == "key_inactive"


def test_an_assertion_is_good_once_for_this_gateway_and_for_its_own_application(gateway):
    once = assertion()
    assert ask_token(gateway, **with_assertion(once)).status == 200
    replayed = ask_token(gateway, shown=proof(THIEF), **with_assertion(once))
    assert (replayed.status, replayed.json["code"]) == (409, "replayed")
    now = int(time.time())
    for n, bad in enumerate(
        (
            assertion(STRANGER),
            assertion(aud="https://other.example"),
            assertion(aud=[BASE, "https://other.example"]),
            assertion(iss="app-2"),
            assertion(sub="app-2"),
            assertion(exp=now - 1),
            assertion(exp=now + 7200),
            assertion(iat=now - 301),
            assertion(iat=None),
            assertion(jti=""),
            "x.y.z",
            "",
        )
    ):
        reply = ask_token(gateway, ip=f"10.3.0.{n}", **with_assertion(bad))
        assert (reply.status, reply.json["error"]) == (401, "invalid_client"), n


def test_a_replayed_assertion_is_remembered_after_the_loss_of_the_counters(city):
    once = assertion()
    with local(city, public_url=BASE) as first:
        assert ask_token(first, **with_assertion(once)).status == 200
    (city / "state" / "limits.bin").unlink()
    with local(city, public_url=BASE) as second:
        again = ask_token(second, shown=proof(THIEF), **with_assertion(once))
    assert again.json["code"] == "replayed"


def test_a_public_key_cannot_sign_calls_or_serve_as_a_secret(gateway):
    pem = CLIENT.as_pem(private=False).decode()
    assert gateway.ask(ROW, key_id="j1", secret=pem).json["code"] == "bad_signature"
    assert gateway.ask(ROW, key_id="j1", secret="").json["code"] == "bad_signature"
    for secret in (pem, "", "second-secret"):
        assert ask_token(gateway, client_secret=secret).json["code"] == "bad_client"
    forged = jwt.encode(
        {"alg": "HS256"},
        {"iss": "app-1", "sub": "app-1", "aud": BASE, "jti": "12345678", "iat": int(time.time()),
         "exp": int(time.time()) + 60},
        OctKey.import_key(SECRET),
    )  # fmt: skip
    assert ask_token(gateway, **with_assertion(forged)).json["code"] == "bad_client"


def test_other_requests_for_tokens_are_refused_with_the_words_of_the_standard(gateway):
    for n, (options, error) in enumerate(
        (
            ({"grant_type": "password", "client_secret": SECRET}, "invalid_request"),
            ({"grant_type": None, "client_secret": SECRET}, "invalid_request"),
            ({"client_secret": SECRET, "shown": ""}, "invalid_dpop_proof"),
            ({"client_secret": SECRET, "shown": proof(method="GET")}, "invalid_dpop_proof"),
            ({}, "invalid_client"),
            ({"client_secret": SECRET, "client_assertion": assertion()}, "invalid_client"),
            ({"client_secret": "wrong"}, "invalid_client"),
            ({"client_secret": SECRET, "client_id": "app-9"}, "invalid_client"),
            ({"client_secret": "second-secret-0123456789"}, "invalid_client"),
        )
    ):
        reply = ask_token(gateway, ip=f"10.4.0.{n}", **options)
        assert reply.status in (400, 401)
        assert reply.json["error"] == error, options
    for body, kind in (
        (b"grant_type=a&grant_type=b", None),
        (b"\xff=1", None),
        (b"{}", "application/json"),
    ):
        headers = {"content-type": kind or "application/x-www-form-urlencoded", "dpop": proof()}
        reply = gateway.ask(TOKEN, headers=headers, method="POST", body=body)
        assert (reply.status, reply.json["code"]) == (400, "bad_token_request")


def test_a_proof_that_carries_a_private_key_or_a_foreign_curve_is_refused(gateway):
    leaked = proof(header={"jwk": HOLDER.as_dict(private=True)})
    assert (
        "私钥" in ask_token(gateway, client_secret=SECRET, shown=leaked).json["error_description"]
    )
    other = ECKey.generate_key("P-384")
    shown = jwt.encode(
        {"typ": "dpop+jwt", "alg": "ES384", "jwk": other.as_dict(private=False)},
        {"jti": "12345678", "htm": "POST", "htu": BASE + TOKEN, "iat": int(time.time())},
        other, algorithms=["ES384"],
    )  # fmt: skip
    assert ask_token(gateway, client_secret=SECRET, shown=shown).json["code"] == "bad_proof"


def test_guessing_secrets_at_the_token_endpoint_locks_like_guessing_signatures(gateway):
    statuses = [ask_token(gateway, client_secret=f"guess-{n}").status for n in range(11)]
    assert statuses == [401] * 10 + [429]
    assert ask_token(gateway, client_secret=SECRET).json["code"] == "locked"
    assert ask_token(gateway, client_secret=SECRET, ip="10.0.0.9").status == 200


def test_a_client_that_knows_nothing_of_us_finds_the_endpoint(gateway):
    told = gateway.ask("/.well-known/oauth-authorization-server", headers={}).json
    assert (told["issuer"], told["token_endpoint"]) == (BASE, BASE + TOKEN)
    assert "ES256" in told["dpop_signing_alg_values_supported"]


def test_another_application_cannot_use_a_token_for_its_own_grants(tmp_path):
    other = Application("app-2", "另一应用", (AppKey("k9", "other-secret-0123456789"),))
    publish(tmp_path, app=other, grant=replace(GRANT, app_id="app-2"))
    with local(tmp_path, public_url=BASE) as gateway:
        token = token_of(gateway, client_id="app-2", client_secret="other-secret-0123456789")
        assert use(gateway, token).status == 200
        publish_rules(tmp_path, app=other, grant=None)
        gateway.refresh()
        assert use(gateway, token).json["code"] == "not_granted"


def test_the_supplied_client_renews_its_token_and_posts(gateway):
    client = TokenClient(
        BASE, app="app-1", key_id="", secret="", assertion_key=CLIENT.as_pem(private=True).decode()
    )
    asked = []

    class Wire:
        def request(self, method, target, body=None, headers=None):
            asked.append(target)
            self.reply = gateway.ask(target, headers=headers, method=method, body=body or b"")

        def getresponse(self):
            return self

        @property
        def status(self):
            return self.reply.status

        @property
        def headers(self):
            return {"Content-Digest": self.reply.headers.get("content-digest", "")}

        def read(self):
            return self.reply.body

        def close(self):
            pass

    client._connection = Wire()
    assert client.lookup("residents", "R1", purpose="居民核验").data["code"] == "R1"
    assert client.lookup("residents", "R2").data["code"] == "R2"
    client._until = 0
    assert client.describe("residents").data["title"] == "居民基本信息"
    assert asked.count(TOKEN) == 2
