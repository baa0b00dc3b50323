"""Conditional query: the records that meet conditions, page by page, always along an index.

Each call walks a bounded stretch of one index, whatever the conditions and the row filter leave of
it: a page can be short and still have a next one. Pages go on after the last key that was walked,
so they neither skip nor repeat a record within one version of the data.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from chengshu_gateway import conditions, cursors
from chengshu_gateway.conditions import Condition
from chengshu_gateway.encoding import Row
from chengshu_gateway.keys import GatewayKeys, hash_record_key, hash_record_keys
from chengshu_gateway.policy import CompiledGrant, Plan
from chengshu_gateway.problems import BAD_CONTENT, BAD_CURSOR, Refusal
from chengshu_gateway.request import CallRecord
from chengshu_gateway.snapshot import Snapshot
from chengshu_gateway.work import SLICE, Desk, chosen_fields, members

PAGE = 100
MAX_PAGE = 500
MAX_RESULT = 10_000
"""Records that one query gives over all its pages; more than that is an export, not a query."""
WALK = 2_000
"""Index entries that one call looks at: about ten milliseconds in slices."""


class Query:
    """One page of one query."""

    def __init__(
        self,
        grant: CompiledGrant,
        plan: Plan,
        asked: tuple[Condition, ...],
        limit: int,
        after: tuple[int, Sequence[Any]] | None,
    ) -> None:
        """`after` is (records given so far, position) of the page before; `limit` is this page's."""
        self._grant = grant
        self._plan = plan
        self._asked = asked
        self._given = 0 if after is None else after[0]
        self._after = None if after is None else after[1]
        self.cost = min(limit, MAX_RESULT - self._given)

    async def run(self, snapshot: Snapshot, call: CallRecord, desk: Desk) -> str:
        """Walk the index until the page is full, the stretch is over, or nothing is left."""
        drive = conditions.drive(snapshot, self._asked, self._plan.columns, self._after)
        walking = snapshot.fetch(drive.statement, (*drive.values, WALK + 1))
        found: list[Row] = []
        last: Row | None = None
        walked, more = 0, False
        # As few rows as can fill the page are read: reading one costs as much as answering it.
        while not more and (part := walking.fetchmany(min(SLICE, self.cost - len(found) + 1))):
            if walked:
                await asyncio.sleep(0)
            for row in part:
                if walked == WALK or len(found) == self.cost:
                    more = True
                    break
                walked, last = walked + 1, row
                if self._plan.visible(row) and (drive.predicate is None or drive.predicate(row)):
                    found.append(row)
        walking.close()
        keys = desk.keys
        call.records = ",".join(
            hash_record_keys(keys.record_key, [row[drive.key_at] for row in found])
        )
        call.found = len(found)
        # Taken was a full page; a call costs the records it answers, and at least one.
        desk.charge(self._grant.quota, call, max(len(found), 1))
        given = self._given + len(found)
        capped = more and given >= MAX_RESULT
        following = "null"
        if more and last is not None and not capped:
            context = _context(self._grant, self._asked)
            position = [given, *drive.position(last)]
            following = f'"{cursors.seal(keys.cursor, context, position)}"'
        return (
            f'"data":[{self._plan.encode_all(found)}],"found":{len(found)},"next":{following},'
            f'"capped":{"true" if capped else "false"}'
        )


def prepare(body: bytes, keys: GatewayKeys, grant: CompiledGrant, call: CallRecord) -> Query:
    """Read the body of a query; raises Refusal."""
    grant.require("query")
    document = members(body, required=["where"], optional=["fields", "limit", "after"])
    limit = document.get("limit", PAGE)
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_PAGE:
        raise Refusal(BAD_CONTENT, extra=f"limit 应为 1 至 {MAX_PAGE} 的整数")
    asked = conditions.read(document["where"], grant)
    call.asked = limit
    # The conditions can hold an identity number: the record keeps their keyed digest.
    call.record = hash_record_key(keys.record_key, conditions.canonical(asked))
    plan = grant.plan_of(chosen_fields(document))
    call.fields = plan.fields
    after = _opened(document.get("after"), keys, _context(grant, asked))
    return Query(grant, plan, asked, limit, after)


def _opened(cursor: Any, keys: GatewayKeys, context: bytes) -> tuple[int, Sequence[Any]] | None:
    if cursor is None:
        return None
    if not isinstance(cursor, str):
        raise Refusal(BAD_CURSOR)
    try:
        given, *position = cursors.open_sealed(keys.cursor, context, cursor)
    except cursors.CursorError as error:
        raise Refusal(BAD_CURSOR) from error
    return given, position


def _context(grant: CompiledGrant, asked: Sequence[Condition]) -> bytes:
    """A cursor is good for this application, interface and question only."""
    name = f"{grant.grant.app_id}\0{grant.interface.interface_id}\0{conditions.canonical(asked)}"
    return name.encode()
