"""Calls with OAuth tokens instead of signatures, for applications that speak OAuth already.

client = TokenClient("https://share.example", app="app-1", key_id="", secret="…")
print(client.lookup("villages-by-code", "330383001001").data)
"""

import hashlib
import http.client
import json
import secrets
import ssl
import time
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

from chengshu_gateway.client import GatewayClient, GatewayRefusedError
from chengshu_gateway.jose import encoded

_PATH = "/oauth/token"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MARGIN_SECONDS = 30


def proof(key: ECKey, method: str, url: str, token: str = "") -> str:
    """Return a DPoP proof (RFC 9449 §4.2) of holding `key`, for one request."""
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    claims: dict[str, str | int] = {
        "jti": secrets.token_urlsafe(16),
        "htm": method,
        "htu": url,
        "iat": int(time.time()),
    }
    if token:
        claims["ath"] = encoded(hashlib.sha256(token.encode()).digest())
    return jwt.encode(header, claims, key)


@dataclass(slots=True)
class TokenClient(GatewayClient):
    """A client that asks for a token when it needs one and proves each call with its own key.

    `secret` is the issued text; with `assertion_key` (PEM of a P-256 private key whose public half
    was registered) no secret is needed. The proof key lives as long as this object. With
    `certificate_file` and `certificate_key_file` (PEM) the connection's client certificate proves
    everything and needs neither secret nor proof; `authority_file` is who vouches for the gateway.
    """

    assertion_key: str = field(default="", repr=False)
    certificate_file: str = ""
    certificate_key_file: str = ""
    authority_file: str = ""
    _proof_key: ECKey = field(
        default_factory=lambda: ECKey.generate_key("P-256"), init=False, repr=False
    )
    _token: str = field(default="", init=False, repr=False)
    _until: float = field(default=0.0, init=False, repr=False)

    def _identity(
        self, method: str, path: str, query: str, purpose: str, body: bytes
    ) -> dict[str, str]:
        del query, body
        if time.time() >= self._until:
            self._obtain()
        if self.certificate_file:
            headers = {"Authorization": f"Bearer {self._token}"}
        else:
            headers = {
                "Authorization": f"DPoP {self._token}",
                "DPoP": proof(self._proof_key, method, self._url(path), self._token),
            }
        if purpose:
            headers["X-Cs-Purpose"] = quote(purpose, safe="")
        return headers

    def _connect(self) -> http.client.HTTPConnection:
        if not self.certificate_file:
            # slots=True makes a new class, which the short form of super() does not know.
            return super(TokenClient, self)._connect()
        context = ssl.create_default_context(cafile=self.authority_file or None)
        context.load_cert_chain(self.certificate_file, self.certificate_key_file or None)
        parts = urlsplit(self.base_url)
        self._connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=self.timeout, context=context
        )
        return self._connection

    def _url(self, path: str) -> str:
        return self.base_url.rstrip("/") + path

    def _obtain(self) -> None:
        form = {"grant_type": "client_credentials", "client_id": self.app}
        if self.assertion_key:
            form |= {
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": self._assertion(),
            }
        elif not self.certificate_file:
            form["client_secret"] = str(self.secret)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if not self.certificate_file:
            headers["DPoP"] = proof(self._proof_key, "POST", self._url(_PATH))
        connection = self._connection or self._connect()
        try:
            connection.request("POST", _PATH, body=urlencode(form).encode(), headers=headers)
            response = connection.getresponse()
            document = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            self.close()
            raise
        if response.status != http.client.OK:
            problem = {**document, "detail": document.get("error_description", "")}
            raise GatewayRefusedError(response.status, problem)
        self._token = document["access_token"]
        self._until = time.time() + document["expires_in"] - _MARGIN_SECONDS

    def _assertion(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.app,
            "sub": self.app,
            "aud": self.base_url.rstrip("/"),
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 60,
        }
        return jwt.encode({"alg": "ES256"}, claims, ECKey.import_key(self.assertion_key))
