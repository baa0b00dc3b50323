"""Incremental changes: what the grant shows differently since a cursor, net and in pages.

A change counts only if it changes what the grant shows: a record that came into its rows is
`inserted`, one that left them is `removed`, whatever happened to it otherwise. Pages go to one
version of the data even when a newer one is published between them, so that a copy to which all
pages were applied is exactly what the grant shows of that version.
"""

import asyncio
import heapq
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from chengshu_gateway import cursors, masks
from chengshu_gateway.change_log import HOP, PRESENT
from chengshu_gateway.encoding import Row
from chengshu_gateway.keys import GatewayKeys, hash_record_key, hash_record_keys
from chengshu_gateway.policy import CompiledGrant, Plan
from chengshu_gateway.problems import (
    BAD_CONTENT,
    BAD_CURSOR,
    NO_SNAPSHOT,
    STALE_CURSOR,
    Refusal,
)
from chengshu_gateway.request import CallRecord
from chengshu_gateway.shape import fingerprint
from chengshu_gateway.snapshot import Snapshot, SnapshotError
from chengshu_gateway.work import SLICE, Desk, members

PAGE = 100
MAX_PAGE = 500
WALK = 2_000
"""Keys that one call looks at, whether or not the grant shows their change."""
_SECOND = len("20261201T000000")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a reader stands: its copy is `base` (None: empty), on the way to `target` up to `after`.

    Without a target the copy is complete and the next call decides where to go.
    """

    base: str | None = None
    target: str | None = None
    after: str = ""


class _Log:
    """The change log of an open snapshot as one grant reads it."""

    def __init__(self, snapshot: Snapshot, plan: Plan) -> None:
        """Write the statements; raises Refusal when the file has no log or lacks a column."""
        self._snapshot = snapshot
        self._key = key = f'"{snapshot.key_column}"'
        try:
            self._now = snapshot.statement(plan.columns)
        except SnapshotError as error:
            raise Refusal(NO_SNAPSHOT) from error
        known = snapshot.fetch("SELECT 1 FROM sqlite_master WHERE name = 'hops'").fetchone()
        if known is None:
            raise Refusal(NO_SNAPSHOT, extra="变更记录尚未建好，等接口数据下次更新")
        (self._newest,) = snapshot.fetch("SELECT max(hop) FROM hops").fetchone()
        names = ", ".join(f'"{name}"' for name in plan.columns)
        self._then = (
            f"SELECT {HOP}, {PRESENT}, {names} FROM undo WHERE {key} = ? AND {HOP} > ?"  # noqa: S608
            f" ORDER BY {HOP}"
        )

    def hop(self, version: str) -> int:
        """Return the number of a version; raises Refusal when it is not known any more."""
        found = self._snapshot.fetch(
            "SELECT hop FROM hops WHERE version = ?", (version,)
        ).fetchone()
        if found is None:
            # Another worker may have taken up a newer version a moment before this one.
            newer = version[:_SECOND] > self._snapshot.version[:_SECOND]
            raise Refusal(NO_SNAPSHOT if newer else STALE_CURSOR)
        return int(found[0])

    def keys(self, base: int | None, target: int, after: str) -> Iterator[str]:
        """Yield in their order the keys that may differ between two versions (base None: all)."""
        key, fetch = self._key, self._snapshot.fetch
        hops = fetch(
            "SELECT hop FROM hops WHERE hop > ? AND (? OR hop <= ?)",
            (target if base is None else base, base is None, target),
        )
        streams = [
            fetch(
                f"SELECT {key} FROM undo INDEXED BY undo_by_hop"  # noqa: S608
                f" WHERE {HOP} = ? AND {key} > ? ORDER BY {key} LIMIT ?",
                (hop, after, WALK + 1),
            )
            for (hop,) in hops.fetchall()
        ]
        if base is None:
            streams.append(
                fetch(
                    f"SELECT {key} FROM data WHERE {key} > ? ORDER BY {key} LIMIT ?",  # noqa: S608
                    (after, WALK + 1),
                )
            )
        return (found for (found,), _same in groupby(heapq.merge(*streams)))

    def rows(self, key: str, base: int | None, target: int) -> tuple[Row | None, Row | None]:
        """Return the row of a key at both versions; None where there was none."""
        if base is None and target == self._newest:
            return None, self._snapshot.fetch(self._now, (key,)).fetchone()
        undone = self._snapshot.fetch(
            self._then, (key, target if base is None else base)
        ).fetchall()
        before = self._first(undone, -1) if base is not None else None
        if not undone or undone[-1][0] <= target:
            now: Row | None = self._snapshot.fetch(self._now, (key,)).fetchone()
            return (now if base is not None and not undone else before), now
        return before, self._first(undone, target)

    @staticmethod
    def _first(undone: list[Row], target: int) -> Row | None:
        entry = next((each for each in undone if each[0] > target), None)
        return entry[2:] if entry is not None and entry[1] else None


class Changes:
    """One page of changes."""

    def __init__(self, grant: CompiledGrant, plan: Plan, limit: int, place: _Place) -> None:
        """`plan` shows all granted fields; `place` is where the reader stands."""
        self._grant = grant
        self._plan = plan
        self._place = place
        self.cost = limit

    async def run(self, snapshot: Snapshot, call: CallRecord, desk: Desk) -> str:
        """Walk the keys that may have changed until the page is full or the stretch is over."""
        log, place = _Log(snapshot, self._plan), self._place
        base = None if place.base is None else log.hop(place.base)
        target_version = place.target or snapshot.version
        target = log.hop(target_version)
        name = _naming(desk.keys, self._grant, snapshot.key_column)
        shown: list[str] = []
        changed: list[str] = []
        last, walked, more = place.after, 0, False
        for key in log.keys(base, target, place.after):
            if walked == WALK or len(shown) == self.cost:
                more = True
                break
            walked, last = walked + 1, key
            if walked % SLICE == 0:
                await asyncio.sleep(0)
            if item := self._item(log.rows(key, base, target), partial(name, key)):
                shown.append(item)
                changed.append(key)
        call.records = ",".join(hash_record_keys(desk.keys.record_key, changed))
        call.found = len(shown)
        desk.charge(self._grant.quota, call, max(len(shown), 1))
        following = (
            _Place(place.base, target_version, last) if more else _Place(base=target_version)
        )
        return (
            f'"data":[{",".join(shown)}],"found":{len(shown)},'
            f'"next":"{_sealed(following, desk.keys, self._grant)}","more":{str(more).lower()}'
        )

    def _item(self, rows: tuple[Row | None, Row | None], name: Callable[[], str]) -> str | None:
        before, after = (
            row if row is not None and self._plan.visible(row) else None for row in rows
        )
        if before == after:
            return None
        if after is None:
            return f'{{"change":"removed","id":{name()},"data":null}}'
        content = self._plan.encode(after)
        if before is None:
            return f'{{"change":"inserted","id":{name()},"data":{content}}}'
        # Columns that only the row filter or a mask reads may differ, and masks may hide the rest.
        if self._plan.encode(before) == content:
            return None
        return f'{{"change":"changed","id":{name()},"data":{content}}}'


def prepare(body: bytes, keys: GatewayKeys, grant: CompiledGrant, call: CallRecord) -> Changes:
    """Read the body of a request for changes; raises Refusal."""
    grant.require("changes")
    document = members(body, required=[], optional=["since", "limit"])
    limit = document.get("limit", PAGE)
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_PAGE:
        raise Refusal(BAD_CONTENT, extra=f"limit 应为 1 至 {MAX_PAGE} 的整数")
    since = document.get("since")
    call.asked = limit
    call.record = hash_record_key(keys.record_key, since if isinstance(since, str) else "")
    plan = grant.plan_of(())
    call.fields = plan.fields
    return Changes(grant, plan, limit, _opened(since, keys, grant))


def _opened(since: Any, keys: GatewayKeys, grant: CompiledGrant) -> _Place:
    if since is None:
        return _Place()
    if not isinstance(since, str):
        raise Refusal(BAD_CURSOR)
    try:
        shown, *place = cursors.open_sealed(keys.cursor, _context(grant), since)
    except cursors.CursorError as error:
        raise Refusal(BAD_CURSOR) from error
    if shown != fingerprint(grant.grant):
        raise Refusal(STALE_CURSOR, extra="授权的字段、脱敏或行范围变了")
    return _Place(*place)


def _sealed(place: _Place, keys: GatewayKeys, grant: CompiledGrant) -> str:
    position = [fingerprint(grant.grant), place.base, place.target, place.after]
    return cursors.seal(keys.cursor, _context(grant), position)


def _context(grant: CompiledGrant) -> bytes:
    """A cursor is good for this application and interface only, and never for a query."""
    return f"changes\0{grant.grant.app_id}\0{grant.interface.interface_id}".encode()


def _naming(keys: GatewayKeys, grant: CompiledGrant, key_column: str) -> Callable[[str], str]:
    """How records are told apart: by their key where the grant shows it, else by a keyed hash."""
    item = grant.grant
    shown = key_column in item.fields
    if shown and not masks.parse(item.masks.get(key_column, "none")).hides:
        return lambda key: json.dumps(key, ensure_ascii=False)
    secret = hmac.digest(
        keys.for_application(item.app_id), f"changes\0{item.interface_id}".encode(), "sha256"
    )
    return lambda key: f'"{hmac.digest(secret, key.encode(), "sha256")[:16].hex()}"'
