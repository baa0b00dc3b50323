"""Bulk export at the gateway: ask for a file, ask how far it is, fetch it in parts.

The gateway makes no files: it puts the request down durably, the platform's job makes the file, and
here it is handed out in parts, each of them a signed and recorded call under the grant of that
moment. Once the grant is gone, so is the file.
"""

import base64
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chengshu_gateway import export_store
from chengshu_gateway.export_store import FORMATS, Asked, State
from chengshu_gateway.keys import GatewayKeys
from chengshu_gateway.limits import seconds_to_midnight
from chengshu_gateway.policy import CompiledGrant
from chengshu_gateway.problems import (
    BAD_CONTENT,
    BUSY,
    NO_EXPORT,
    QUOTA_DAY,
    Refusal,
)
from chengshu_gateway.request import CallRecord
from chengshu_gateway.shape import fingerprint
from chengshu_gateway.snapshot import Snapshot
from chengshu_gateway.work import Desk, members

PART = 1 << 20
"""Bytes of a file in one answer: a few milliseconds of work."""


class _Asking:
    """A request for a file."""

    cost = 1

    def __init__(self, chosen: str) -> None:
        self._format = chosen

    async def run(self, _snapshot: Snapshot, call: CallRecord, desk: Desk) -> str:
        """Put the request down."""
        call.record = export = secrets.token_hex(16)
        asked = Asked(
            export, call.app, call.interface, call.key_id, self._format, time.time(), call.purpose
        )
        if not export_store.ask(desk.exports, asked):
            raise Refusal(BUSY, retry_after=600, extra="等待生成的导出太多")
        return _answer({"export": export, "state": "waiting"})


class _Looking:
    """A question how far an export is."""

    cost = 1

    def __init__(self, grant: CompiledGrant, export: str) -> None:
        self._grant = grant
        self._export = export

    async def run(self, _snapshot: Snapshot, call: CallRecord, desk: Desk) -> str:
        """Tell the state."""
        found = _own(desk.exports, self._export, call)
        if isinstance(found, Asked):
            return _answer({"export": self._export, "state": "waiting"})
        call.version = found.version or call.version
        return _answer(
            {
                "export": found.export, "state": found.state, "format": found.format,
                "key": found.key_id, "fields": list(found.fields), "rows": found.rows,
                "size": found.size, "sha256": found.sha256, "part": PART,
                "expires": int(found.expires), "reason": found.reason,
            }
        )  # fmt: skip


class _Fetching:
    """One part of a file; whoever begins a file takes its records from the day's quota."""

    cost = 1

    def __init__(self, grant: CompiledGrant, export: str, offset: int) -> None:
        self._grant = grant
        self._export = export
        self._offset = offset

    async def run(self, _snapshot: Snapshot, call: CallRecord, desk: Desk) -> str:
        """Read the part, take its price, and say in the record which file it is of."""
        found = _own(desk.exports, self._export, call)
        if isinstance(found, Asked) or found.state != "ready" or found.expires <= time.time():
            raise Refusal(NO_EXPORT, extra="文件还没有做好，或已过期删除")
        if found.shape != fingerprint(self._grant.grant):
            raise Refusal(NO_EXPORT, extra="授权的字段、脱敏或行范围变了，请重新申请导出")
        try:
            with export_store.file_of(desk.exports, self._export).open("rb") as stream:
                stream.seek(self._offset)
                part = stream.read(PART)
        except OSError as error:
            raise Refusal(NO_EXPORT) from error
        if not part:
            raise Refusal(BAD_CONTENT, extra="offset 超出文件末尾")
        # An age file without its beginning cannot be opened: that is where its records are paid.
        rows = found.rows if self._offset == 0 else 0
        now_ms = time.time_ns() // 1_000_000
        if not desk.limits.take_of_day(self._grant.quota, max(rows, call.cost) - call.cost, now_ms):
            raise Refusal(
                QUOTA_DAY, retry_after=seconds_to_midnight(now_ms), extra=f"这次要 {rows} 条"
            )
        call.cost = max(rows, call.cost)
        call.version, call.found, call.records = found.version, found.rows, found.sha256
        call.fields = ",".join(found.fields)
        content = base64.b64encode(part).decode()
        return _answer({"export": self._export, "offset": self._offset, "content": content})


def prepare_asking(
    body: bytes, _keys: GatewayKeys, grant: CompiledGrant, call: CallRecord
) -> _Asking:
    """Read a request for a file; raises Refusal."""
    grant.require("export")
    chosen = members(body, required=[], optional=["format"]).get("format", "parquet")
    if chosen not in FORMATS:
        raise Refusal(BAD_CONTENT, extra="format 应为 parquet 或 csv")
    call.fields = ",".join(grant.grant.fields)
    return _Asking(chosen)


def prepare_looking(
    body: bytes, _keys: GatewayKeys, grant: CompiledGrant, call: CallRecord
) -> _Looking:
    """Read a question for the state; raises Refusal."""
    grant.require("export")
    document = members(body, required=["export"], optional=[])
    return _Looking(grant, _named(document, call))


def prepare_fetching(
    body: bytes, _keys: GatewayKeys, grant: CompiledGrant, call: CallRecord
) -> _Fetching:
    """Read a request for a part; raises Refusal."""
    grant.require("export")
    document = members(body, required=["export", "offset"], optional=[])
    offset = document["offset"]
    # Whole parts only: whoever could begin at the second byte would have the file without its price.
    if (
        not isinstance(offset, int)
        or isinstance(offset, bool)
        or offset not in range(0, 1 << 50, PART)
    ):
        raise Refusal(BAD_CONTENT, extra=f"offset 应为 {PART} 的倍数，从 0 开始")
    call.asked = offset // PART + 1
    return _Fetching(grant, _named(document, call), offset)


def _named(document: dict[str, Any], call: CallRecord) -> str:
    export = document["export"]
    if not export_store.proper(export):
        raise Refusal(BAD_CONTENT, extra="export 应为申请导出时得到的编号")
    call.record = str(export)
    return str(export)


def _own(folder: Path, export: str, call: CallRecord) -> State | Asked:
    """An export of this application and interface: somebody else's does not exist."""
    found = export_store.look(folder, export)
    if found is None or (found.app, found.interface) != (call.app, call.interface):
        raise Refusal(NO_EXPORT)
    return found


def _answer(document: dict[str, Any]) -> str:
    return f'"data":{json.dumps(document, ensure_ascii=False, separators=(",", ":"))}'


PREPARE: dict[str, Callable[..., Any]] = {
    "export": prepare_asking,
    "export-state": prepare_looking,
    "export-part": prepare_fetching,
}
