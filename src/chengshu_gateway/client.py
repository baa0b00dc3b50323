"""A small typed client of the sharing gateway, for integrators and tests.

client = GatewayClient("http://127.0.0.1:8900", app="app-1", key_id="k1", secret="…")
answer = client.lookup("villages-by-code", "330383001001", fields=["name"])
print(answer.data)
many = client.batch("villages-by-code", ["330383001001", "330383001002"])
print(many.data)
"""

import base64
import hashlib
import http.client
import json
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from chengshu_gateway import export_keys, signing
from chengshu_sm2 import Sm2PrivateKey, der_to_raw


class GatewayRefusedError(RuntimeError):
    """The gateway refused a call; `problem` is the RFC 9457 document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        """Keep status, code and the advice of the problem document."""
        super().__init__(f"{status} {problem.get('title', '')}：{problem.get('detail', '')}")
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", ""))
        self.retry_after = problem.get("retry_after")


class AnswerAlteredError(RuntimeError):
    """An answer is not the one the gateway recorded: its digest is missing or does not fit.

    `request_id` names the gateway's record when the answer said it; nothing of it may be used.
    """

    def __init__(self, request_id: str) -> None:
        """Say what to do; the body is not kept."""
        super().__init__(
            "应答与网关声明的摘要（Content-Digest）不符或没有摘要，可能在途中被改动，内容没有采用。"
            f"请检查中间的代理后重试；留痕编号 {request_id or '不详'}，可向平台运维核对。"
        )
        self.request_id = request_id


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
    secret: str | Sm2PrivateKey,
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
    `timestamp` is unix milliseconds (now), `nonce` a fresh random text. `secret` is the text that was
    issued, or the SM2 private key whose public half was registered.
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
        scheme=signing.SCHEME if isinstance(secret, str) else signing.SCHEME_SM2,
    )
    headers = {
        "X-Cs-App": app,
        "X-Cs-Key": key_id,
        "X-Cs-Timestamp": stamp,
        "X-Cs-Nonce": once,
        "X-Cs-Signature": _signed(secret, text),
    }
    if quoted:
        headers["X-Cs-Purpose"] = quoted
    return headers


def _signed(secret: str | Sm2PrivateKey, text: bytes) -> str:
    if isinstance(secret, str):
        return signing.signature(secret.encode(), text).decode()
    return base64.urlsafe_b64encode(der_to_raw(secret.sign(text))).decode().rstrip("=")


@dataclass(slots=True)
class GatewayClient:
    """Signed calls over one kept-alive connection (not shared between threads).

    `secret` is the text that was issued, or the SM2 private key of a registered public one.
    """

    base_url: str
    app: str
    key_id: str
    secret: str | Sm2PrivateKey = field(repr=False)
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

    def changes(
        self, interface: str, since: str | None = None, *, limit: int = 100, purpose: str = ""
    ) -> Answer:
        """Return one page of changes since a cursor (None: everything, from the beginning).

        Apply `data` in its order, keep `document["next"]`, and call again at once while
        `document["more"]`; raises GatewayRefusedError (410 when the cursor is too old).
        """
        content: dict[str, Any] = {"limit": limit}
        if since is not None:
            content["since"] = since
        return self._post(interface, "changes", content, purpose)

    def statistics(
        self,
        interface: str,
        group: Sequence[str] = (),
        *,
        total: Sequence[str] = (),
        average: Sequence[str] = (),
        purpose: str = "",
    ) -> Answer:
        """Return counts, sums (`total`) and averages of the groups of up to two columns.

        Small groups are missing, counts are rounded, sums are blurred; raises GatewayRefusedError.
        """
        content: dict[str, Any] = {"group": list(group)}
        content |= {"sum": list(total)} if total else {}
        content |= {"avg": list(average)} if average else {}
        return self._post(interface, "statistics", content, purpose)

    def request_export(self, interface: str, form: str = "parquet", *, purpose: str = "") -> str:
        """Ask for a file ("parquet" or "csv") of all granted rows; returns the export's number."""
        answer = self._post(interface, "export", {"format": form}, purpose)
        return str(answer.data["export"])

    def export_state(self, interface: str, export: str) -> dict[str, Any]:
        """Return how far an export is: `state` is waiting, ready, refused (`reason`) or expired."""
        state: dict[str, Any] = self._post(interface, "export-state", {"export": export}, "").data
        return state

    def download_export(
        self, interface: str, export: str, path: Path, *, purpose: str = ""
    ) -> dict[str, Any]:
        """Fetch the encrypted file of a ready export into `path` and check its digest.

        Returns the state; `export_identity` opens the file. Raises GatewayRefusedError.
        """
        state = self.export_state(interface, export)
        digest, size = hashlib.sha256(), 0
        with path.open("wb") as sink:
            while size < max(int(state.get("size", 0)), 1):
                content = {"export": export, "offset": size}
                part = base64.b64decode(
                    self._post(interface, "export-part", content, purpose).data["content"]
                )
                sink.write(part)
                digest.update(part)
                size += len(part)
        if digest.hexdigest() != state["sha256"]:
            raise OSError(f"下载的文件与摘要不符：{path}，请重新下载。")
        return state

    def export_identity(self, export: str) -> str:
        """Return the age identity that opens an export asked for with this client's key.

        Raises:
            TypeError: The client signs with a private key, from which no file key follows.
        """
        if not isinstance(self.secret, str):
            raise TypeError("导出文件用共享密钥加密：请用 HMAC 密钥申请和打开。")
        return export_keys.identity(self.secret, export)

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
        kept = self._connection is not None
        try:
            response, content = self._exchange(method, path, query, purpose, body)
        except (ConnectionError, http.client.BadStatusLine):
            # A connection that was idle for too long has been ended: sign anew on a fresh one.
            if not kept:
                raise
            response, content = self._exchange(method, path, query, purpose, body)
        claimed = response.headers.get("Content-Digest", "")
        # A proxy's own error page has no digest and is no answer; data without one is not taken.
        unclaimed = not claimed and response.status != http.client.OK
        if not unclaimed and not signing.digest_fits(claimed, content):
            self.close()
            raise AnswerAlteredError(response.headers.get("X-Cs-Record", ""))
        if response.status != http.client.OK:
            raise GatewayRefusedError(response.status, _problem(content))
        document = json.loads(content)
        return Answer(
            data=document.get("data"),  # a document about the grant has none
            version=document.get("version", ""),
            request_id=response.headers.get("X-Cs-Record", ""),
            digest=claimed,
            body=content,
            document=document,
        )

    def _exchange(
        self, method: str, path: str, query: str, purpose: str, body: bytes
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Send one call, signed now, and return what came back."""
        headers = self._identity(method, path, query, purpose, body)
        if body:
            headers["Content-Type"] = "application/json"
        target = f"{path}?{query}" if query else path
        connection = self._connection or self._connect()
        try:
            connection.request(method, target, body=body or None, headers=headers)
            response = connection.getresponse()
            return response, response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def _identity(
        self, method: str, path: str, query: str, purpose: str, body: bytes
    ) -> dict[str, str]:
        """Return the headers that prove who calls."""
        return sign(
            app=self.app,
            key_id=self.key_id,
            secret=self.secret,
            path=path,
            query=query,
            method=method,
            purpose=purpose,
            body=body,
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
