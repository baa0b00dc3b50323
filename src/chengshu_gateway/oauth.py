"""OAuth 2.0 client credentials at the gateway (RFC 6749 §4.4), every token bound by DPoP (RFC 9449).

The endpoint is here and not in the control plane because keys and the trail are here: tokens are
issued, recorded and revoked while the control plane is down. A token names the key that obtained
it; once that key is revoked, the token is worth nothing.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote_plus

from chengshu_gateway import jose, problems
from chengshu_gateway.bundle import SCHEME_HMAC, SCHEME_JWT, AppKey
from chengshu_gateway.jose import Token, UnprovenError
from chengshu_gateway.keys import GatewayKeys
from chengshu_gateway.limits import SharedLimits, Verdict, tag
from chengshu_gateway.lockout import Lockout
from chengshu_gateway.policy import AppEntry, Policy
from chengshu_gateway.problems import Refusal
from chengshu_gateway.request import CallRecord, claimed, purpose_of

PATH = b"/oauth/token"
METADATA_PATH = b"/.well-known/oauth-authorization-server"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM = b"application/x-www-form-urlencoded"
_MAX_MEMBERS = 20
_JSON = (b"content-type", b"application/json; charset=utf-8")


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What the token endpoint answers; `outcome` goes into the trail."""

    outcome: str
    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]]


class OAuthDesk:
    """Issues tokens and recognises them; one per worker."""

    def __init__(self, keys: GatewayKeys, limits: SharedLimits, issuer: str) -> None:
        """`issuer` is the gateway's public address: issuer, audience and base of proofs at once."""
        self._key = keys.token
        self._limits = limits
        self._lockout = Lockout(limits)
        self._issuer = issuer.rstrip("/")

    def metadata(self) -> bytes:
        """Return what a stranger's client must know (RFC 8414)."""
        document = {
            "issuer": self._issuer,
            "token_endpoint": self._issuer + PATH.decode(),
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
            ],
            "token_endpoint_auth_signing_alg_values_supported": list(jose.PROOF_ALGORITHMS),
            "dpop_signing_alg_values_supported": list(jose.PROOF_ALGORITHMS),
        }
        return json.dumps(document).encode()

    def answer(
        self,
        policy: Policy | None,
        headers: dict[bytes, bytes],
        body: bytes | None,
        call: CallRecord,
        now: float,
    ) -> TokenAnswer:
        """Answer a token request (RFC 6749 §5); never raises Refusal."""
        call.kind = "token"
        if policy is None:
            return _refused(Refusal(problems.NO_BUNDLE))
        try:
            token = self._issue(policy, headers, body, call, now)
        except Refusal as refusal:
            return _refused(refusal)
        text = jose.make_token(self._key, issuer=self._issuer, token=token, now=now)
        document = {"access_token": text, "token_type": "DPoP", "expires_in": jose.TOKEN_SECONDS}
        return TokenAnswer("ok", 200, json.dumps(document).encode(), [_JSON])

    def authenticate(
        self,
        policy: Policy,
        headers: dict[bytes, bytes],
        call: CallRecord,
        *,
        method: str,
        path: bytes,
        now_ms: int,
    ) -> tuple[AppEntry, AppKey]:
        """Return who calls with a token and a fresh proof; raises Refusal.

        A stolen token without its proof key counts as a guess like a wrong signature.
        """
        now = now_ms / 1000
        self._lockout.refuse_locked(call, now_ms)
        try:
            text = _bound_token(headers[b"authorization"].decode("latin-1"))
            token = jose.read_token(self._key, text, issuer=self._issuer, now=now)
        except UnprovenError as error:
            self._lockout.count(call, now_ms)
            raise Refusal(problems.BAD_TOKEN, extra=error.reason) from error
        call.app, call.key_id = token.app, token.key_id
        try:
            proof = jose.read_proof(
                headers.get(b"dpop", b""), method=method, base=self._issuer,
                path=path.decode("latin-1"), now=now, token=text,
            )  # fmt: skip
            _same_holder(proof.thumbprint, token.thumbprint)
        except UnprovenError as error:
            self._lockout.count(call, now_ms)
            raise Refusal(problems.BAD_PROOF, extra=error.reason) from error
        app = policy.applications.get(token.app.encode())
        found = app.keys.get(token.key_id.encode()) if app is not None else None
        if app is None or found is None:
            raise Refusal(problems.KEY_INACTIVE)
        call.verified = True
        call.purpose = purpose_of(headers.get(b"x-cs-purpose"))
        call.client_ms = proof.at_ms
        call.nonce = tag(token.app, "dpop", proof.thumbprint, proof.jti)
        return app, found[1]

    def _issue(
        self,
        policy: Policy,
        headers: dict[bytes, bytes],
        body: bytes | None,
        call: CallRecord,
        now: float,
    ) -> Token:
        now_ms = int(now * 1000)
        form = _form(headers, body)
        basic = _basic(headers)
        app_id = basic[0] if basic else form.get("client_id", "")
        if not app_id and "client_assertion" in form:
            app_id = _subject(form["client_assertion"])
        call.app = claimed(app_id.encode("utf-8", "replace"))
        self._lockout.refuse_locked(call, now_ms)
        if form.get("grant_type") != "client_credentials":
            raise Refusal(problems.BAD_TOKEN_REQUEST, extra="grant_type 应为 client_credentials")
        try:
            proof = jose.read_proof(
                headers.get(b"dpop", b""), method="POST", base=self._issuer,
                path=PATH.decode(), now=now,
            )  # fmt: skip
        except UnprovenError as error:
            self._lockout.count(call, now_ms)
            raise Refusal(problems.BAD_PROOF, extra=error.reason) from error
        call.client_ms, call.nonce = proof.at_ms, tag(app_id, "dpop", proof.thumbprint, proof.jti)
        app = policy.applications.get(app_id.encode("utf-8", "replace"))
        try:
            secret = basic[1] if basic else form.get("client_secret")
            key = self._client(app, form, secret, call, now=now)
        except UnprovenError as error:
            self._lockout.count(call, now_ms)
            raise Refusal(problems.BAD_CLIENT, extra=error.reason) from error
        assert app is not None
        call.key_id, call.verified = key.key_id, True
        self._once(app, tag(app_id, "dpop", proof.thumbprint, proof.jti), proof.at_ms, now_ms)
        if "client_assertion" in form:
            self._once(app, call.nonce, call.client_ms, now_ms)
        if not _alive(app, key, now):
            raise Refusal(problems.KEY_INACTIVE)
        return Token(app_id, key.key_id, proof.thumbprint)

    def _client(
        self,
        app: AppEntry | None,
        form: dict[str, str],
        secret: str | None,
        call: CallRecord,
        *,
        now: float,
    ) -> AppKey:
        """Return the key the client proved; raises UnprovenError."""
        keys = [key for _prover, key in app.keys.values()] if app is not None else []
        assertion = form.get("client_assertion")
        if (secret is None) == (assertion is None):
            raise UnprovenError("请用 client_secret 或 client_assertion 之一证明身份")
        if secret is not None:
            return _by_secret(keys, secret)
        if form.get("client_assertion_type") != _ASSERTION_TYPE:
            raise UnprovenError("client_assertion_type 应为 jwt-bearer")
        registered = [key for key in keys if key.scheme == SCHEME_JWT]
        which, jti, at_ms = jose.read_assertion(
            assertion.encode("utf-8", "replace") if assertion else b"",
            keys=[jose.public_key(key.public_key) for key in registered],
            app=app.application.app_id if app is not None else "",
            audiences=(self._issuer, self._issuer + PATH.decode()),
            now=now,
        )
        # The record keeps this number and not the proof's: after the loss of the counters a stolen
        # assertion must not buy a token for somebody else's key.
        call.nonce, call.client_ms = tag(call.app, "assertion", jti), at_ms
        return registered[which]

    def _once(self, app: AppEntry, nonce: int, at_ms: int, now_ms: int) -> None:
        verdict = self._limits.admit(
            nonce=nonce, client_ms=at_ms, now_ms=now_ms, app=app.rate, grant=None
        )
        if verdict is Verdict.REPLAYED:
            raise Refusal(problems.REPLAYED)
        if verdict is not Verdict.ADMITTED:
            raise Refusal(problems.BUSY, retry_after=60)


def _bound_token(header: str) -> str:
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "dpop":
        raise UnprovenError("只接受 Authorization: DPoP，不接受不带证明的令牌")
    return text.strip()


def _same_holder(proven: str, bound: str) -> None:
    if not hmac.compare_digest(proven.encode(), bound.encode()):
        raise UnprovenError("令牌不属于出示证明的密钥")


def _alive(app: AppEntry, key: AppKey, now: float) -> bool:
    return (
        app.application.enabled
        and key.state == "active"
        and (key.not_before is None or now >= key.not_before)
        and (key.expires is None or now < key.expires)
    )


def _by_secret(keys: list[AppKey], secret: str) -> AppKey:
    # Digests, so that the time of comparing says nothing about lengths either.
    given = hashlib.sha256(secret.encode("utf-8", "replace")).digest()
    found = None
    for key in keys:
        own = hashlib.sha256(key.secret.encode()).digest()
        if hmac.compare_digest(own, given) and key.scheme == SCHEME_HMAC:
            found = key
    if found is None:
        raise UnprovenError("应用或密钥不正确")
    return found


def _form(headers: dict[bytes, bytes], body: bytes | None) -> dict[str, str]:
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if kind != _FORM or not body:
        _malformed("请求体应为 application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict",
            max_num_fields=_MAX_MEMBERS,
        )  # fmt: skip
    except ValueError:
        _malformed("请求体无法识别")
    form = dict(pairs)
    if len(form) != len(pairs):
        _malformed("参数重复")
    return form


def _malformed(reason: str) -> NoReturn:
    raise Refusal(problems.BAD_TOKEN_REQUEST, extra=reason)


def _basic(headers: dict[bytes, bytes]) -> tuple[str, str] | None:
    """Identifier and secret of RFC 6749 §2.3.1: form-encoded, then base64."""
    header = headers.get(b"authorization")
    if header is None:
        return None
    scheme, _, encoded = header.partition(b" ")
    try:
        user, colon, secret = (
            base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        )
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if scheme.lower() != b"basic" or not colon:
        _malformed("Authorization 应为 Basic")
    return unquote_plus(user), unquote_plus(secret)


def _subject(assertion: str) -> str:
    """Whom an assertion claims to be about, before anything is proven."""
    try:
        part = assertion.split(".")[1]
        claims: Any = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return str(claims["sub"])
    except (ValueError, IndexError, KeyError, TypeError, RecursionError):
        return ""


_OAUTH_WORDS = {
    problems.BAD_CLIENT.code: "invalid_client",
    problems.KEY_INACTIVE.code: "invalid_client",
    problems.LOCKED.code: "invalid_client",
    problems.BAD_PROOF.code: "invalid_dpop_proof",
    problems.NO_BUNDLE.code: "temporarily_unavailable",
    problems.BUSY.code: "temporarily_unavailable",
}


def _refused(refusal: Refusal) -> TokenAnswer:
    """An error as RFC 6749 §5.2 writes it, with the gateway's own code beside."""
    kind = refusal.kind
    document = {
        "error": _OAUTH_WORDS.get(kind.code, "invalid_request"),
        "error_description": kind.detail + (f"（{refusal.extra}）" if refusal.extra else ""),
        "code": kind.code,
    }
    headers = [_JSON]
    if kind is problems.BAD_CLIENT:
        headers.append((b"www-authenticate", b'Basic realm="chengshu"'))
    if refusal.retry_after:
        headers.append((b"retry-after", b"%d" % refusal.retry_after))
    # The description is Chinese and RFC 6749 wants ASCII there: JSON escapes keep both true.
    return TokenAnswer(kind.code, kind.status, json.dumps(document).encode(), headers)
