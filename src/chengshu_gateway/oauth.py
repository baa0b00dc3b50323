"""OAuth 2.0 client credentials at the gateway (RFC 6749 §4.4), every token bound to its holder: by a
proof key (DPoP, RFC 9449), a client certificate (RFC 8705), or both.

The endpoint is here and not in the control plane because keys and the trail are here: tokens are
issued, recorded and revoked while the control plane is down. A token names the key that obtained
it; once that key is revoked, the token is worth nothing.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.x509 import Certificate

from chengshu_gateway import certificates, jose, problems
from chengshu_gateway.bundle import SCHEME_HMAC, SCHEME_JWT, AppKey
from chengshu_gateway.certificates import CertificateRules, Shown
from chengshu_gateway.jose import Proof, Token, UnprovenError
from chengshu_gateway.keys import GatewayKeys
from chengshu_gateway.limits import SharedLimits, Verdict, tag
from chengshu_gateway.lockout import Lockout
from chengshu_gateway.policy import AppEntry, Policy
from chengshu_gateway.problems import Refusal
from chengshu_gateway.request import CallRecord, claimed, purpose_of
from chengshu_gateway.token_request import basic_of, form_of, subject_of

PATH = b"/oauth/token"
METADATA_PATH = b"/.well-known/oauth-authorization-server"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
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

    def __init__(
        self, keys: GatewayKeys, limits: SharedLimits, issuer: str, rules: CertificateRules
    ) -> None:
        """`issuer` is the gateway's public address: issuer, audience and base of proofs at once."""
        self._certificates = rules
        self._key = keys.token
        self._limits = limits
        self._lockout = Lockout(limits)
        self._issuer = issuer.rstrip("/")

    def metadata(self) -> bytes:
        """Return what a stranger's client must know (RFC 8414, RFC 8705 §3.3 and §5)."""
        methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
        rules = self._certificates
        if rules.taken:
            methods += ["self_signed_tls_client_auth"]
            methods += ["tls_client_auth"] if rules.authorities else []
        document: dict[str, Any] = {
            "issuer": self._issuer,
            "token_endpoint": self._issuer + PATH.decode(),
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": list(jose.PROOF_ALGORITHMS),
            "dpop_signing_alg_values_supported": list(jose.PROOF_ALGORITHMS),
            "tls_client_certificate_bound_access_tokens": rules.taken,
        }
        if rules.taken and rules.alias:
            alias = rules.alias.rstrip("/") + PATH.decode()
            document["mtls_endpoint_aliases"] = {"token_endpoint": alias}
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
            token, seconds = self._issue(policy, headers, body, call, now)
        except Refusal as refusal:
            return _refused(refusal)
        text = jose.make_token(
            self._key, issuer=self._issuer, token=token, now=now, seconds=seconds
        )
        kind = "DPoP" if token.thumbprint else "Bearer"
        document = {"access_token": text, "token_type": kind, "expires_in": seconds}
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
        """Return who calls with a token and proves to hold it; raises Refusal.

        A stolen token without its proof key or certificate counts as a guess like a wrong signature.
        """
        now = now_ms / 1000
        self._lockout.refuse_locked(call, now_ms)
        try:
            scheme, text = _presented(headers[b"authorization"].decode("latin-1"))
            token = jose.read_token(self._key, text, issuer=self._issuer, now=now)
            _fitting_scheme(scheme, token)
        except UnprovenError as error:
            self._lockout.count(call, now_ms)
            raise Refusal(problems.BAD_TOKEN, extra=error.reason) from error
        call.app, call.key_id = token.app, token.key_id
        if token.certificate:
            try:
                certificates.require_same(headers, token.certificate)
            except UnprovenError as error:
                self._lockout.count(call, now_ms)
                raise Refusal(problems.BAD_CERTIFICATE, extra=error.reason) from error
        # Without a proof nothing of ours can be replayed: TLS lets nobody repeat a request.
        call.client_ms, call.nonce = now_ms, secrets.randbits(64) or 1
        if token.thumbprint:
            try:
                proof = jose.read_proof(
                    headers.get(b"dpop", b""), method=method, base=self._issuer,
                    path=path.decode("latin-1"), now=now, token=text,
                )  # fmt: skip
                _same_holder(proof.thumbprint, token.thumbprint)
            except UnprovenError as error:
                self._lockout.count(call, now_ms)
                raise Refusal(problems.BAD_PROOF, extra=error.reason) from error
            call.client_ms = proof.at_ms
            call.nonce = tag(token.app, "dpop", proof.thumbprint, proof.jti)
        app = policy.applications.get(token.app.encode())
        found = app.keys.get(token.key_id.encode()) if app is not None else None
        if app is None or found is None:
            raise Refusal(problems.KEY_INACTIVE)
        call.verified = True
        call.purpose = purpose_of(headers.get(b"x-cs-purpose"))
        return app, found[1]

    def _issue(
        self,
        policy: Policy,
        headers: dict[bytes, bytes],
        body: bytes | None,
        call: CallRecord,
        now: float,
    ) -> tuple[Token, int]:
        """Return the token and for how many seconds it is good."""
        now_ms = int(now * 1000)
        form = form_of(headers, body)
        basic = basic_of(headers)
        app_id = basic[0] if basic else form.get("client_id", "")
        if not app_id and "client_assertion" in form:
            app_id = subject_of(form["client_assertion"])
        call.app = claimed(app_id.encode("utf-8", "replace"))
        self._lockout.refuse_locked(call, now_ms)
        if form.get("grant_type") != "client_credentials":
            raise Refusal(problems.BAD_TOKEN_REQUEST, extra="grant_type 应为 client_credentials")
        holder = self._holder(headers, call, now)
        once, at_ms = holder.once(app_id, now_ms)
        call.client_ms, call.nonce = at_ms, once
        app = policy.applications.get(app_id.encode("utf-8", "replace"))
        secret = basic[1] if basic else form.get("client_secret")
        by_certificate = secret is None and "client_assertion" not in form
        try:
            if by_certificate and holder.shown is not None:
                key = self._certificates.key_of(_keys(app), *holder.shown, now)
            else:
                key = self._client(app, form, secret, call, now=now)
        except UnprovenError as error:
            self._lockout.count(call, now_ms)
            raise Refusal(problems.BAD_CLIENT, extra=error.reason) from error
        assert app is not None
        call.key_id, call.verified = key.key_id, True
        self._once(app, once, at_ms, now_ms)
        if "client_assertion" in form:
            self._once(app, call.nonce, call.client_ms, now_ms)
        if not _alive(app, key, now):
            raise Refusal(problems.KEY_INACTIVE)
        proven = holder.proof.thumbprint if holder.proof else ""
        if holder.shown is None or (proven and not by_certificate):
            return Token(app_id, key.key_id, proven), jose.TOKEN_SECONDS
        given, certificate = holder.shown
        # A token is never good for longer than the certificate it is bound to.
        left = int(certificate.not_valid_after_utc.timestamp() - now)
        seconds = max(1, min(jose.TOKEN_SECONDS, left))
        return Token(app_id, key.key_id, proven, given.thumbprint), seconds

    def _holder(self, headers: dict[bytes, bytes], call: CallRecord, now: float) -> "_Holder":
        """Return what the asker shows to bind a token to; raises Refusal when it is not genuine."""
        kind = problems.BAD_CERTIFICATE
        try:
            given = certificates.shown(headers)
            pair = (given, given.certificate(now)) if given is not None else None
            proof = None
            if b"dpop" in headers or pair is None:
                kind = problems.BAD_PROOF
                proof = jose.read_proof(
                    headers.get(b"dpop", b""), method="POST", base=self._issuer,
                    path=PATH.decode(), now=now,
                )  # fmt: skip
        except UnprovenError as error:
            self._lockout.count(call, int(now * 1000))
            raise Refusal(kind, extra=error.reason) from error
        return _Holder(proof, pair)

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
        keys = _keys(app)
        assertion = form.get("client_assertion")
        if (secret is None) == (assertion is None):
            raise UnprovenError("请用 client_secret、client_assertion 或客户端证书之一证明身份")
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


@dataclass(frozen=True, slots=True)
class _Holder:
    """What whoever asks for a token has proven to hold: a proof key, a client certificate, or both."""

    proof: Proof | None
    shown: tuple[Shown, Certificate] | None

    def once(self, app_id: str, now_ms: int) -> tuple[int, int]:
        """Return what may come once only, and when it was made (unix ms).

        Without a proof nothing of ours can be replayed: TLS lets nobody repeat a request.
        """
        if self.proof is None:
            return secrets.randbits(64) or 1, now_ms
        return tag(app_id, "dpop", self.proof.thumbprint, self.proof.jti), self.proof.at_ms


def _presented(header: str) -> tuple[str, str]:
    scheme, _, text = header.partition(" ")
    return scheme.lower(), text.strip()


def _fitting_scheme(scheme: str, token: Token) -> None:
    """A token that needs a proof must not pass as one that needs none (RFC 9449 §7.2)."""
    if token.thumbprint and scheme != "dpop":
        raise UnprovenError("这个令牌要用 Authorization: DPoP 出示，并带证明")
    if not token.thumbprint and scheme != "bearer":
        raise UnprovenError("这个令牌绑定客户端证书，要用 Authorization: Bearer 出示")


def _keys(app: AppEntry | None) -> list[AppKey]:
    return [key for _prover, key in app.keys.values()] if app is not None else []


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


_OAUTH_WORDS = {
    problems.BAD_CLIENT.code: "invalid_client",
    problems.KEY_INACTIVE.code: "invalid_client",
    problems.LOCKED.code: "invalid_client",
    problems.BAD_PROOF.code: "invalid_dpop_proof",
    problems.BAD_CERTIFICATE.code: "invalid_client",
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
