"""Calls with OAuth tokens instead of signatures, for applications that speak OAuth already.

client = TokenClient("https://share.example", app="app-1", key_id="", secret="…")
print(client.lookup("villages-by-code", "330383001001").data)
"""

import hashlib
import http.client
import json
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

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
    was registered) no secret is needed. The proof key lives as long as this object.
    """

    assertion_key: str = field(default="", repr=False)
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
        headers = {
            "Authorization": f"DPoP {self._token}",
            "DPoP": proof(self._proof_key, method, self._url(path), self._token),
        }
        if purpose:
            headers["X-Cs-Purpose"] = quote(purpose, safe="")
        return headers

    def _url(self, path: str) -> str:
        return self.base_url.rstrip("/") + path

    def _obtain(self) -> None:
        form = {"grant_type": "client_credentials", "client_id": self.app}
        if self.assertion_key:
            form |= {
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": self._assertion(),
            }
        else:
            form["client_secret"] = str(self.secret)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "DPoP": proof(self._proof_key, "POST", self._url(_PATH)),
        }
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
