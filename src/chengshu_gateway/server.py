"""The gateway as an ASGI application: verify, decide, look up, record durably, answer.

One call runs without a thread switch up to the audit's `await`; every outcome, also each refusal,
is recorded before anything is sent. The only path without a record is /healthz.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import shutil
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any

from chengshu_gateway import certificates, oauth, problems
from chengshu_gateway.audit import AuditLog, AuditUnavailableError
from chengshu_gateway.authorise import Admission, Authoriser, SignedRequest
from chengshu_gateway.certificates import CertificateRules
from chengshu_gateway.description import contract, openapi
from chengshu_gateway.keys import GatewayKeys, hash_record_key
from chengshu_gateway.limits import SharedLimits, TableFullError
from chengshu_gateway.operations import OPERATIONS
from chengshu_gateway.private.desk import PrivateDesk
from chengshu_gateway.private.ledger import Ledger
from chengshu_gateway.private.noise import Noise
from chengshu_gateway.problems import Refusal
from chengshu_gateway.quota_restore import used_today
from chengshu_gateway.relay.breaker import BreakerTable
from chengshu_gateway.relay.service import Relay
from chengshu_gateway.relay.work import Proxied
from chengshu_gateway.request import AddressReader, CallRecord, split_path
from chengshu_gateway.signers import HmacSigner, Signer
from chengshu_gateway.state import LoadedState
from chengshu_gateway.work import MAX_BODY as MAX_POSTED
from chengshu_gateway.work import Desk

_log = logging.getLogger("chengshu_gateway")
_MAX_BODY = 64 * 1024
SLOW_SECONDS = 20.0
"""How long a request's body may take to arrive; the HTTP server gives its head as long."""
_JSON = (b"content-type", b"application/json; charset=utf-8")
_PROBLEM = (b"content-type", b"application/problem+json; charset=utf-8")
# An intermediary that recoded an answer would break its digest (RFC 9111 §5.2.2.6).
_NO_STORE = (b"cache-control", b"no-store, no-transform")
_EMPTY_DIGEST = hashlib.sha256(b"").hexdigest().encode()

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a gateway runs; `poll_seconds` bounds how late a revocation takes effect."""

    data: Path
    keys: GatewayKeys
    poll_seconds: float = 0.25
    checkpoint_seconds: float = 60.0
    minimum_free_bytes: int = 64 << 20
    trusted_proxies: Sequence[str] = ()
    signer: Signer | None = None
    public_url: str = "http://127.0.0.1:8900"
    slow_seconds: float = SLOW_SECONDS
    certificates: CertificateRules = field(default_factory=CertificateRules)


@dataclass(slots=True)
class _Result:
    outcome: str
    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]]


class Gateway:
    """The ASGI application of one worker; everything is opened by the lifespan protocol."""

    def __init__(self, settings: Settings) -> None:
        """Keep the settings; files are opened at start-up."""
        self._settings = settings
        self._signer = settings.signer or HmacSigner(settings.keys.checkpoint)
        self._addresses = AddressReader(settings.trusted_proxies)
        self._watcher: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def start(self) -> None:
        """Open counters, audit and files; raises AuditUnavailableError or OSError."""
        data = self._settings.data
        self.limits = SharedLimits(
            data / "state" / "limits.bin", restore=lambda: used_today(data / "audit")
        )
        self.audit = AuditLog(data / "audit", self._signer)
        self.state = LoadedState(
            data, self._settings.keys, per_app_minute=self.limits.per_app_minute
        )
        keys = self._settings.keys
        self._tokens = oauth.OAuthDesk(
            keys, self.limits, self._settings.public_url, self._settings.certificates
        )
        self._authoriser = Authoriser(self.limits, self.state, self._tokens)
        self._relay = Relay(self._settings.keys, BreakerTable(data / "state" / "breakers.bin"))
        self._private = PrivateDesk(
            Ledger(data / "privacy" / "ledger.sqlite", data / "audit"), Noise()
        )
        self._desk = Desk(
            self._settings.keys, self.limits, data / "exports", self._relay, self._private
        )
        await self.state.refresh()
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        """Finish the audit with a checkpoint and release everything."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        await self._relay.close()
        await asyncio.to_thread(self._private.noise.close)
        await self.audit.close()
        self.state.close()
        self.limits.close()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except (AuditUnavailableError, OSError) as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._settings.poll_seconds)
            try:
                await self.state.refresh()
                self.audit.checkpoint_if_due(every=self._settings.checkpoint_seconds)
                free = shutil.disk_usage(self._settings.data).free
                self.audit.pause("disk space" if free < self._settings.minimum_free_bytes else "")
            except Exception:  # noqa: BLE001 - the watcher must outlive whatever one round met
                _log.exception("refresh failed; the loaded rules stay in force")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter_ns()
        if scope["raw_path"] == b"/healthz":
            await self._health(send)
            return
        if scope["raw_path"] == oauth.METADATA_PATH:
            await _send(send, 200, [_JSON, _NO_STORE], self._tokens.metadata())
            return
        headers = dict(scope["headers"])
        if certificates.HEADER in headers and not self._addresses.vouched(
            scope, certificates.HEADER
        ):
            headers[certificates.HEADER] = certificates.REFUSED
        body: bytes | None = b""
        posted = scope["method"] == "POST"
        asks_token = posted and scope["raw_path"] == oauth.PATH
        if headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers:
            body = await _read_body(
                receive, MAX_POSTED if posted else _MAX_BODY, self._settings.slow_seconds
            )
        call = CallRecord(ip=self._addresses.read(scope, headers))
        found = None
        if posted and not asks_token:
            found = await self._work(scope, headers, body, call)
        # From here to the record nothing may pause: the number of the record stands in the answer.
        audit = self.audit
        request_id = f"{audit.worker:02d}-{audit.next_seq}"
        if asks_token:
            result = self._token(headers, body, call)
        elif found is None:
            result = self._examine(scope, headers, body, call, request_id)
        else:
            result = _posted_result(found, call, request_id)
        self._authoriser.scans.count(call, result.outcome, time.time_ns() // 1_000_000)
        digest = hashlib.sha256(result.body).digest()
        micros = (time.perf_counter_ns() - started) // 1000
        try:
            settled = audit.append(_audit_body(call, result, digest.hex(), micros))
            await audit.settle(settled)
        except AuditUnavailableError:
            problem = problems.render(Refusal(problems.AUDIT_UNAVAILABLE), request_id)
            await _send(send, problem.status, [_PROBLEM, _NO_STORE], problem.body)
            return
        result.headers += (
            _NO_STORE,
            (b"x-cs-record", request_id.encode()),
        )
        await _send(send, result.status, result.headers, result.body, digest)

    def _token(self, headers: dict[bytes, bytes], body: bytes | None, call: CallRecord) -> _Result:
        """Return the answer of the token endpoint; never raises."""
        try:
            answer = self._tokens.answer(self.state.policy, headers, body, call, time.time())
        except Exception:  # noqa: BLE001 - as in _examine
            _log.exception("a token request failed")
            return _refused(Refusal(problems.INTERNAL), "")
        return _Result(answer.outcome, answer.status, answer.body, answer.headers)

    def _examine(
        self,
        scope: Scope,
        headers: dict[bytes, bytes],
        body: bytes | None,
        call: CallRecord,
        request_id: str,
    ) -> "_Result":
        """Return what will be answered once the record is durable; never raises."""
        try:
            answer = self._answer(scope, headers, body, call, request_id)
            return _Result("ok", 200, answer, [_JSON])
        except Refusal as problem:
            refusal = problem
        except Exception:  # noqa: BLE001 - an unforeseen fault is a recorded 500, never a dropped call
            _log.exception("call %s failed", request_id)
            refusal = Refusal(problems.INTERNAL)
        return _refused(refusal, request_id)

    async def _work(
        self, scope: Scope, headers: dict[bytes, bytes], body: bytes | None, call: CallRecord
    ) -> "str | Refusal":
        """Return the members of a posted call's answer, or why there is none; never raises."""
        try:
            return await self._posted(scope, headers, body, call)
        except Refusal as problem:
            return problem
        except Exception:  # noqa: BLE001 - as in _examine
            _log.exception("a posted call failed")
            return Refusal(problems.INTERNAL)

    async def _posted(
        self, scope: Scope, headers: dict[bytes, bytes], body: bytes | None, call: CallRecord
    ) -> str:
        raw_path: bytes = scope["raw_path"]
        call.interface, name = split_path(raw_path)
        prepare = OPERATIONS.get(name or "")
        if prepare is None or name is None:
            raise Refusal(problems.BAD_METHOD)
        call.kind = name
        if body is None:
            raise Refusal(problems.BAD_BODY)
        signed = SignedRequest(
            headers,
            raw_path,
            scope["query_string"],
            hashlib.sha256(body).hexdigest().encode(),
            method=b"POST",
            prepare=partial(prepare, body, self._settings.keys),
        )
        try:
            admission = self._authoriser.admit(signed, call, describe=False)
        except TableFullError as error:
            raise Refusal(problems.BUSY, retry_after=60) from error
        assert admission.work is not None
        try:
            if isinstance(admission.work, Proxied):
                return await self._proxied(admission.work, call)
            snapshot = self.state.snapshot(admission.grant.interface.snapshot)
            call.version = snapshot.version
            with snapshot.held():
                return await admission.work.run(snapshot, call, self._desk)
        except Refusal:
            # Nothing was answered, so it costs what one refused lookup would cost.
            self._desk.charge(admission.grant.quota, call, 1)
            raise

    async def _proxied(self, work: Proxied, call: CallRecord) -> str:
        """Ask a department; not while the record of what it answers could not be kept."""
        if self.audit.failure is not None or self.audit.paused:
            raise Refusal(problems.AUDIT_UNAVAILABLE)
        return await work.run(None, call, self._desk)

    def _answer(
        self,
        scope: Scope,
        headers: dict[bytes, bytes],
        body: bytes | None,
        call: CallRecord,
        request_id: str,
    ) -> bytes:
        if scope["method"] != "GET":
            raise Refusal(problems.BAD_METHOD)
        raw_path: bytes = scope["raw_path"]
        interface, key = split_path(raw_path)
        call.interface = interface
        if key is not None:
            call.record = hash_record_key(self._settings.keys.record_key, key)
        if body is None:
            raise Refusal(problems.BAD_BODY)
        try:
            signed = SignedRequest(
                headers,
                raw_path,
                scope["query_string"],
                hashlib.sha256(body).hexdigest().encode() if body else _EMPTY_DIGEST,
            )
            admission = self._authoriser.admit(signed, call, describe=key is None)
        except TableFullError as error:
            raise Refusal(problems.BUSY, retry_after=60) from error
        if key is None and signed.query:
            build = contract.document if signed.query.endswith(b"=odcs") else openapi.document
            return json.dumps(build(admission.grant), ensure_ascii=False).encode()
        if admission.grant.interface.source is not None:
            return self._envelope(self._describe(admission), interface, "", request_id)
        snapshot = self.state.snapshot(admission.grant.interface.snapshot)
        call.version = snapshot.version
        if key is None:
            data = self._describe(admission)
        else:
            assert admission.plan is not None
            row = admission.plan.fetch(snapshot, key)
            if row is None:
                raise Refusal(problems.NO_RECORD)
            data = row
        return self._envelope(data, interface, snapshot.version, request_id)

    @staticmethod
    def _envelope(data: str, interface: str, version: str, request_id: str) -> bytes:
        return (
            f'{{"data":{data},"interface":"{interface}",'
            f'"version":"{version}","request_id":"{request_id}"}}'
        ).encode()

    def _describe(self, admission: Admission) -> str:
        compiled = admission.grant
        grant, interface = compiled.grant, compiled.interface
        minute, today = self.limits.usage(compiled.quota, time.time_ns() // 1_000_000)
        document = {
            "title": interface.title,
            "resource": interface.resource,
            "key": interface.key_column,
            "kinds": list(grant.kinds),
            "queryable": list(compiled.queryable) if "query" in grant.kinds else [],
            "fields": [
                {
                    "name": column.name,
                    "title": column.title,
                    "type": column.type,
                    "mask": grant.masks.get(column.name, "none"),
                }
                for column in compiled.columns()
            ],
            "filtered": grant.row_filter is not None,
            "quota": {
                "per_minute": grant.per_minute,
                "per_day": grant.per_day,
                "used_this_minute": minute,
                "used_today": today,
                "misses_per_minute": grant.misses_per_minute,
                "tries_per_day": grant.tries_per_day,
            },
            "valid_until": grant.valid_until,
            "privacy": None if grant.privacy is None else asdict(grant.privacy),
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))

    async def _health(self, send: Send) -> None:
        policy = self.state.policy
        failure = self.audit.failure
        ready = policy is not None and failure is None and not self.audit.paused
        document = {
            "status": "ok" if ready else "unavailable",
            "bundle": policy.version if policy else None,
            "bundle_error": self.state.bundle_error,
            "snapshot_errors": self.state.snapshot_errors,
            "sm2_error": policy.sm2_error if policy else "",
            "audit": "ok" if failure is None else "failed",
            "audit_paused": self.audit.paused,
            "worker": self.audit.worker,
        }
        body = json.dumps(document, ensure_ascii=False).encode()
        await _send(send, 200 if ready else 503, [_JSON, _NO_STORE], body)


def _audit_body(call: CallRecord, result: _Result, digest: str, micros: int) -> str:
    text = encode_basestring
    return (
        f'"kind":"call","app":{text(call.app)},"key":{text(call.key_id)},'
        f'"verified":{"true" if call.verified else "false"},"interface":"{call.interface}",'
        f'"record":"{call.record}","fields":"{call.fields}","outcome":"{result.outcome}",'
        f'"status":{result.status},"purpose":{text(call.purpose)},"ip":{text(call.ip)},'
        f'"version":"{call.version}","digest":"{digest}",'
        f'"counted":{"true" if call.counted else "false"},"nonce":"{call.nonce:016x}",'
        f'"client_ms":{call.client_ms},"micros":{micros}'
        + (_posted_members(call) if call.kind else "")
    )


def _posted_members(call: CallRecord) -> str:
    return (
        f',"call":"{call.kind}","asked":{call.asked},"found":{call.found},'
        f'"cost":{call.cost},"records":"{call.records}"'
        + (
            f',"expense":"{call.expense}","spent":{call.spent},"spent_on":"{call.spent_on}"'
            if call.expense
            else ""
        )
    )


def _posted_result(found: "str | Refusal", call: CallRecord, request_id: str) -> _Result:
    if isinstance(found, Refusal):
        return _refused(found, request_id)
    body = (
        f'{{{found},"interface":"{call.interface}",'
        f'"version":"{call.version}","request_id":"{request_id}"}}'
    )
    return _Result("ok", 200, body.encode(), [_JSON])


def _refused(refusal: Refusal, request_id: str) -> _Result:
    shown = problems.render(refusal, request_id)
    return _Result(refusal.kind.code, shown.status, shown.body, [_PROBLEM, *shown.headers])


async def _read_body(receive: Receive, most: int, seconds: float) -> bytes | None:
    """Return the whole body, or None when it is too large, too slow, or the client left."""
    try:
        async with asyncio.timeout(seconds):
            return await _whole_body(receive, most)
    except TimeoutError:
        return None


async def _whole_body(receive: Receive, most: int) -> bytes | None:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            return None
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


async def _send(
    send: Send,
    status: int,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    digest: bytes | None = None,
) -> None:
    """Answer with the digest of exactly these bytes (RFC 9530 §2: Content-Digest covers the content).

    Repr-Digest would speak of a representation, which our answers are not: none is cached, asked
    for in ranges or coded, and a refusal represents no resource at all.
    """
    own = digest or hashlib.sha256(body).digest()
    headers += (
        (b"content-digest", b"sha-256=:" + b64encode(own) + b":"),
        (b"content-length", b"%d" % len(body)),
    )
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
