"""A small typed client of the sharing gateway, for integrators and tests.

client = GatewayClient("http://127.0.0.1:8900", app="app-1", key_id="k1", secret="…")
answer = client.lookup("villages-by-code", "330383001001", fields=["name"])
print(answer.data)
many = client.batch("villages-by-code", ["330383001001", "330383001002"])
print(many.data)
"""

import hashlib
import http.client
import json
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from chengshu_gateway import signing


class GatewayRefusedError(RuntimeError):
    """The gateway refused a call; `problem` is the RFC 9457 document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        """Keep status, code and the advice of the problem document."""
        super().__init__(f"{status} {problem.get('title', '')}：{problem.get('detail', '')}")
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", ""))
        self.retry_after = problem.get("retry_after")


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: the row (or rows, or description), its data version and its audit record.

    `document` is the whole answer, with what a way of calling says besides `data`.
    """

    data: Any
    version: str
    request_id: str
    digest: str
    body: bytes
    document: dict[str, Any] = field(default_factory=dict)


def sign(
    *,
    app: str,
    key_id: str,
    secret: str,
    path: str,
    query: str = "",
    method: str = "GET",
    purpose: str = "",
    body: bytes = b"",
    timestamp: int | None = None,
    nonce: str | None = None,
) -> dict[str, str]:
    """Return the signed headers of one call.

    `path` and `query` are percent-encoded as they will be sent; `purpose` is plain text;
    `timestamp` is unix milliseconds (now), `nonce` a fresh random text.
    """
    stamp = str(timestamp if timestamp is not None else time.time_ns() // 1_000_000)
    once = nonce if nonce is not None else secrets.token_urlsafe(16)
    quoted = quote(purpose, safe="")
    text = signing.canonical_text(
        method=method.encode(),
        path=path.encode(),
        query=query.encode(),
        timestamp=stamp.encode(),
        nonce=once.encode(),
        body_digest=hashlib.sha256(body).hexdigest().encode(),
        purpose=quoted.encode(),
    )
    headers = {
        "X-Cs-App": app,
        "X-Cs-Key": key_id,
        "X-Cs-Timestamp": stamp,
        "X-Cs-Nonce": once,
        "X-Cs-Signature": signing.signature(secret.encode(), text).decode(),
    }
    if quoted:
        headers["X-Cs-Purpose"] = quoted
    return headers


@dataclass(slots=True)
class GatewayClient:
    """Signed calls over one kept-alive connection (not shared between threads)."""

    base_url: str
    app: str
    key_id: str
    secret: str = field(repr=False)
    timeout: float = 10.0
    _connection: http.client.HTTPConnection | None = field(default=None, init=False, repr=False)

    def lookup(
        self, interface: str, key: str, *, fields: Sequence[str] = (), purpose: str = ""
    ) -> Answer:
        """Return one row by its key; raises GatewayRefusedError (404 when there is none)."""
        query = urlencode({"fields": ",".join(fields)}) if fields else ""
        path = f"/share/v1/{quote(interface)}/{quote(key, safe='')}"
        return self._call("GET", path, query=query, purpose=purpose)

    def batch(
        self,
        interface: str,
        keys: Sequence[str],
        *,
        fields: Sequence[str] = (),
        purpose: str = "",
    ) -> Answer:
        """Return the rows of up to 1,000 different keys, in their order; None for what there is not.

        Every key counts against the quota; raises GatewayRefusedError.
        """
        content: dict[str, Any] = {"keys": list(keys)}
        if fields:
            content["fields"] = list(fields)
        return self._post(interface, "batch", content, purpose)

    def verify(
        self, interface: str, key: str, values: dict[str, Any], *, purpose: str = ""
    ) -> Answer:
        """Ask whether a record has these values: `data` says true or false per field.

        A record that does not exist answers false; raises GatewayRefusedError.
        """
        return self._post(interface, "verify", {"key": key, "values": values}, purpose)

    def query(
        self,
        interface: str,
        where: dict[str, Any],
        *,
        fields: Sequence[str] = (),
        limit: int = 100,
        after: str | None = None,
        purpose: str = "",
    ) -> Answer:
        """Return one page of the rows that meet conditions; `document["next"]` names the next page."""
        content: dict[str, Any] = {"where": where, "limit": limit}
        if fields:
            content["fields"] = list(fields)
        if after is not None:
            content["after"] = after
        return self._post(interface, "query", content, purpose)

    def pages(
        self, interface: str, where: dict[str, Any], *, limit: int = 100, **options: Any
    ) -> Iterator[Answer]:
        """Yield the pages of a query one after the other; options as for `query`."""
        after: str | None = None
        while True:
            answer = self.query(interface, where, limit=limit, after=after, **options)
            yield answer
            after = answer.document["next"]
            if after is None:
                return

    def proxy(
        self,
        interface: str,
        parameters: dict[str, str],
        *,
        fields: Sequence[str] = (),
        purpose: str = "",
    ) -> Answer:
        """Ask a department's own interface through the gateway; raises GatewayRefusedError.

        502, 503 and 504 mean that the department's side failed; `retry_after` says when to come back.
        """
        content: dict[str, Any] = {"parameters": parameters}
        if fields:
            content["fields"] = list(fields)
        return self._post(interface, "proxy", content, purpose)

    def describe(self, interface: str) -> Answer:
        """Return what this application may see of an interface."""
        return self._call("GET", f"/share/v1/{quote(interface)}")

    def openapi(self, interface: str) -> dict[str, Any]:
        """Return the OpenAPI 3.1 document of this application's grant on an interface."""
        return self._call("GET", f"/share/v1/{quote(interface)}", query="format=openapi").document

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(
        self, interface: str, operation: str, content: dict[str, Any], purpose: str
    ) -> Answer:
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        path = f"/share/v1/{quote(interface)}/{operation}"
        return self._call("POST", path, purpose=purpose, body=body)

    def _call(
        self, method: str, path: str, *, query: str = "", purpose: str = "", body: bytes = b""
    ) -> Answer:
        headers = sign(
            app=self.app,
            key_id=self.key_id,
            secret=self.secret,
            path=path,
            query=query,
            method=method,
            purpose=purpose,
            body=body,
        )
        if body:
            headers["Content-Type"] = "application/json"
        target = f"{path}?{query}" if query else path
        connection = self._connection or self._connect()
        try:
            connection.request(method, target, body=body or None, headers=headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if response.status != http.client.OK:
            raise GatewayRefusedError(response.status, _problem(content))
        document = json.loads(content)
        return Answer(
            data=document.get("data"),
            version=document.get("version", ""),
            request_id=response.headers.get("X-Cs-Record", ""),
            digest=response.headers.get("Content-Digest", ""),
            body=content,
            document=document,
        )

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.base_url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.hostname or "", parts.port, timeout=self.timeout)
        return self._connection


def _problem(body: bytes) -> dict[str, Any]:
    try:
        problem = json.loads(body)
    except ValueError:
        return {"title": "应答无法识别", "detail": "请确认地址指向共享网关。"}
    return problem if isinstance(problem, dict) else {"title": "应答无法识别"}
