"""What the kinds of posted calls have in common: a body that is read strictly, work done in slices.

A posted call is prepared before anything is counted (its cost must be known), then runs on the
event loop and lets other calls in between its slices.
"""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from chengshu_gateway.bundle import Interface
from chengshu_gateway.keys import GatewayKeys
from chengshu_gateway.limits import QuotaHandle, SharedLimits
from chengshu_gateway.policy import CompiledGrant
from chengshu_gateway.private.desk import PrivateDesk
from chengshu_gateway.problems import BAD_CONTENT, Refusal
from chengshu_gateway.request import CallRecord
from chengshu_gateway.snapshot import Snapshot

SLICE = 100
"""Records handled in one go: about two milliseconds, which is what another call may have to wait."""
MAX_BODY = 256 * 1024


class SourceDoor(Protocol):
    """Asks the source of a proxied interface; see `relay.service`."""

    async def fetch(
        self, interface: Interface, app: str, question: str, values: dict[str, str]
    ) -> list[dict[str, Any]]:
        """Return the records, by column; raises Refusal."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What work needs besides its snapshot: keys, the shared counters, the exports, the doors to sources and noise."""

    keys: GatewayKeys
    limits: SharedLimits
    exports: Path
    relay: SourceDoor | None = None
    private: PrivateDesk | None = None

    def charge(self, quota: QuotaHandle, call: CallRecord, amount: int) -> None:
        """Set what the call finally costs: never more than was taken when it was admitted."""
        self.limits.give_back(quota, call.cost - amount, time.time_ns() // 1_000_000)
        call.cost = amount


class Work(Protocol):
    """A prepared call; `cost` is taken from the quota when it is admitted."""

    cost: int

    async def run(self, snapshot: Snapshot, call: CallRecord, desk: Desk) -> str:
        """Return the members of the answer as JSON text without braces; raises Refusal."""


Prepare = Callable[[bytes, GatewayKeys, CompiledGrant, CallRecord], Work]


def members(body: bytes, *, required: Iterable[str], optional: Iterable[str]) -> dict[str, Any]:
    """Read a body: one JSON object with these members, none twice; raises Refusal(BAD_CONTENT)."""
    try:
        document = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Refusal(BAD_CONTENT, extra="请求体不是合规的 JSON") from error
    if not isinstance(document, dict):
        raise Refusal(BAD_CONTENT, extra="请求体应为 JSON 对象")
    required = set(required)
    if missing := required - document.keys():
        raise Refusal(BAD_CONTENT, extra="缺少：" + "、".join(sorted(missing)))
    if document.keys() - required - set(optional):
        raise Refusal(BAD_CONTENT, extra="有不认识的成员")
    return document


def chosen_fields(document: dict[str, Any]) -> tuple[str, ...]:
    """Return the `fields` member (empty when absent: all granted fields); raises Refusal."""
    fields = document.get("fields", [])
    if not isinstance(fields, list) or not all(isinstance(name, str) and name for name in fields):
        raise Refusal(BAD_CONTENT, extra="fields 应为字段名的列表")
    if any(not name.isascii() or "," in name for name in fields):
        raise Refusal(BAD_CONTENT, extra="fields 中有不合规的字段名")
    return tuple(fields)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member appears twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
