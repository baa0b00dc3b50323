"""The cascade protocol over HTTPS (docs/cascade-protocol.md), signed as calls of the sharing gateway are."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import httpx

from chengshu.data.cascade.adapters.base import Answer, Link, UpperError
from chengshu.data.cascade.adapters.transport import JudgedTransport
from chengshu.data.cascade.notes import Note, NoteError, NoteFile, Receipt
from chengshu_gateway.client import sign
from chengshu_sm2 import Sm2PrivateKey

ROOT = "/api/v1/cascade"
PURPOSE = "级联"
Parsed = TypeVar("Parsed", Note, Receipt)
_TIMEOUT = httpx.Timeout(60.0, connect=8.0)
_ANSWER_BYTES = 8 * 1024 * 1024
# 401 is none of them: a proxy that sends a call twice gets it, and a fresh signature mends it.
_FINAL = frozenset({400, 409, 413, 422})
_STATES = frozenset({"sent", "accepted", "returned"})


class ApiUpper:
    """Speaks with a platform that offers the cascade protocol, such as another 城枢."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._base = link.address.rstrip("/")
        self._prefix = urlsplit(self._base).path

    def check(self) -> str:
        """Ask who is there."""
        return _text(self._ask("GET", "/hello"), "platform")

    def send_entry(self, document: Mapping[str, Any]) -> Answer:
        """POST the document."""
        return _answer(self._ask("POST", "/entries", json=dict(document)))

    def entry_answer(self, code: str, version: int, *, withdrawn: bool) -> Answer:
        """GET what was decided."""
        query = {"code": code, "version": version, "withdrawn": int(withdrawn)}
        return _answer(self._ask("GET", "/entries", query=query))

    def send_part(self, note: Note, file: NoteFile, path: Path) -> None:
        """PUT the bytes; the answer must name their digest."""
        answer = self._ask("PUT", f"{_batch('deliveries', note)}/parts/{file.name}", path=path)
        if answer.get("sha256") != file.sha256:
            raise UpperError(
                f"“{self._link.name}”收到的文件 {file.name} 与送出的不一样。", "稍后会重送。"
            )

    def commit(self, note: Note) -> None:
        """POST the note."""
        self._ask("POST", _batch("deliveries", note), json=note.document())

    def receipt(self, note: Note) -> Receipt | None:
        """GET the batch."""
        answer = self._ask("GET", _batch("deliveries", note))
        return self._parsed(Receipt.parse, answer["receipt"]) if answer.get("receipt") else None

    def notes(self, dataset: str, after: int) -> list[Note]:
        """GET the notes above a number."""
        answer = self._ask("GET", f"/returns/{dataset}", query={"after": after})
        found = answer.get("notes")
        if not isinstance(found, list):
            raise self._garbage("没有 notes")
        return [self._parsed(Note.parse, each) for each in found]

    def fetch(self, note: Note, file: NoteFile, target: Path) -> None:
        """Stream the file to disk, never more of it than the note says."""
        path = f"{ROOT}{_batch('returns', note)}/parts/{file.name}"
        with self._answered("GET", path) as response, target.open("wb") as out:
            _require_good(self._link, response)
            size = 0
            for piece in response.iter_bytes():
                size += len(piece)
                if size > file.size:
                    break
                out.write(piece)

    def send_receipt(self, receipt: Receipt) -> None:
        """POST the receipt."""
        self._ask(
            "POST", f"/returns/{receipt.dataset}/{receipt.number}/receipt", json=receipt.document()
        )

    def ask_again(self, dataset: str, number: int) -> None:
        """POST the wish."""
        self._ask("POST", f"/returns/{dataset}/{number}/again", json={})

    def _ask(
        self,
        method: str,
        rest: str,
        *,
        query: Mapping[str, object] | None = None,
        json: dict[str, Any] | None = None,
        path: Path | None = None,
    ) -> dict[str, Any]:
        body = path.read_bytes() if path else b""
        if json is not None:
            body = httpx.Request("POST", "https://x", json=json).content
        with self._answered(
            method, f"{ROOT}{rest}", urlencode(query or {}), body, binary=path is not None
        ) as response:
            content = b""
            for piece in response.iter_bytes():
                content += piece
                if len(content) > _ANSWER_BYTES:
                    raise self._garbage("过长")
            _require_good(self._link, response, content)
        return self._object(content)

    @contextmanager
    def _answered(
        self, method: str, path: str, query: str = "", body: bytes = b"", *, binary: bool = False
    ) -> Iterator[httpx.Response]:
        link, whole = self._link, quote(self._prefix + path)
        key: str | Sm2PrivateKey = link.secret
        if link.scheme == "sm2":
            key = Sm2PrivateKey.from_pem(link.secret.encode())
        headers = sign(
            app=link.app, key_id=link.key_id, secret=key, path=whole, query=query, method=method,
            purpose=PURPOSE, body=body,
        )  # fmt: skip
        headers["Content-Type"] = "application/octet-stream" if binary else "application/json"
        parts = urlsplit(self._base)
        url = f"{parts.scheme}://{parts.netloc}{whole}" + (f"?{query}" if query else "")
        try:
            # No redirects and no proxies of the environment: both could lead elsewhere.
            with (
                httpx.Client(
                    transport=JudgedTransport(), timeout=_TIMEOUT, trust_env=False
                ) as client,
                client.stream(method, url, content=body, headers=headers) as response,
            ):
                yield response
        except httpx.TimeoutException as error:
            raise UpperError(f"“{link.name}”没有按时应答。", "稍后会再试。") from error
        except httpx.HTTPError as error:
            raise UpperError(
                f"连不上“{link.name}”（{type(error).__name__}）。",
                "请核对地址和网络，稍后会再试。",
            ) from error

    def _object(self, content: bytes) -> dict[str, Any]:
        try:
            found = httpx.Response(200, content=content).json()
        except (ValueError, RecursionError) as error:
            raise self._garbage("不是 JSON") from error
        if not isinstance(found, dict):
            raise self._garbage("不是 JSON 对象")
        return found

    def _parsed(self, parse: Callable[[Any], Parsed], given: Any) -> Parsed:
        try:
            return parse(given)
        except NoteError as error:
            raise self._garbage(str(error)) from error

    def _garbage(self, why: str) -> UpperError:
        return UpperError(
            f"“{self._link.name}”的应答不合约定（{why}），没有采用。", "请联系对方核对接口。"
        )


def digest_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _batch(kind: str, note: Note) -> str:
    return f"/{kind}/{note.dataset}/{note.number}"


def _answer(found: Mapping[str, Any]) -> Answer:
    state = found.get("state")
    if state not in _STATES:
        raise UpperError("对方对目录的答复读不懂，没有采用。", "请联系对方核对接口。")
    return Answer(str(state), str(found.get("reason") or "")[:300])


def _text(found: Mapping[str, Any], key: str) -> str:
    value = found.get(key)
    if not isinstance(value, str) or not value:
        raise UpperError(f"对方的应答里没有 {key}，可能不是级联接口。", "请核对地址。")
    return value[:120]


def _require_good(link: Link, response: httpx.Response, content: bytes = b"") -> None:
    status = response.status_code
    if response.is_success:
        return
    told = ""
    try:
        problem = httpx.Response(status, content=content).json() if content else {}
        told = str(problem.get("detail") or "")[:200] if isinstance(problem, dict) else ""
    except (ValueError, RecursionError):
        told = ""
    known = {
        401: "不认我们的签名，请核对平台编号、密钥编号和密钥",
        403: "不允许我们这样做",
        404: "没有要找的内容",
    }
    what = told or known.get(status, f"应答 {status}")
    raise UpperError(
        f"“{link.name}”：{what}", final=status in _FINAL, absent=status == httpx.codes.NOT_FOUND
    )
