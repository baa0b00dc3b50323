"""Batch lookup: up to 1,000 records by their keys in one signed call.

The quota counts every key, found or not, as single lookups would: a quota bounds how much of the
city's data an application may see, and must not grow a thousandfold with the way of asking.
"""

import asyncio
from typing import Any

from chengshu_gateway.keys import GatewayKeys, hash_record_key, hash_record_keys
from chengshu_gateway.policy import CompiledGrant, Plan
from chengshu_gateway.problems import BAD_CONTENT, Refusal
from chengshu_gateway.request import CallRecord, proper_key
from chengshu_gateway.snapshot import Snapshot
from chengshu_gateway.work import SLICE, Desk, chosen_fields, members

MAX_KEYS = 1000


class Batch:
    """The records of some keys, in the order of the keys; null for what there is not."""

    def __init__(self, plan: Plan, keys: list[str]) -> None:
        """Prepare for keys that were checked."""
        self._plan = plan
        self._keys = keys
        self.cost = len(keys)

    async def run(self, snapshot: Snapshot, call: CallRecord, desk: Desk) -> str:
        """Look all keys up in one version of the data."""
        rows: list[str | None] = []
        hashes: list[str] = []
        for start in range(0, len(self._keys), SLICE):
            if start:
                await asyncio.sleep(0)
            part = self._keys[start : start + SLICE]
            rows += [self._plan.fetch(snapshot, key) for key in part]
            hashes += hash_record_keys(desk.keys.record_key, part)
        call.records = ",".join(hashes)
        call.found = sum(row is not None for row in rows)
        data = ",".join("null" if row is None else row for row in rows)
        return f'"data":[{data}],"asked":{call.asked},"found":{call.found}'


def prepare(body: bytes, keys: GatewayKeys, grant: CompiledGrant, call: CallRecord) -> Batch:
    """Read the body of a batch; raises Refusal."""
    grant.require("batch")
    document = members(body, required=["keys"], optional=["fields"])
    wanted = _checked(document["keys"])
    call.asked = len(wanted)
    # No key holds a control character, so the joined text stands for exactly these keys.
    call.record = hash_record_key(keys.record_key, "\n".join(wanted))
    plan = grant.plan_of(chosen_fields(document))
    call.fields = plan.fields
    return Batch(plan, wanted)


def _checked(keys: Any) -> list[str]:
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS:
        raise Refusal(BAD_CONTENT, extra=f"keys 应为 1 至 {MAX_KEYS} 个主键的列表")
    for at, key in enumerate(keys):
        if not isinstance(key, str) or not proper_key(key):
            raise Refusal(
                BAD_CONTENT, extra=f"第 {at + 1} 个主键不合规，主键应为文本，规则同单条查询"
            )
    if len(set(keys)) != len(keys):
        raise Refusal(BAD_CONTENT, extra="keys 中有重复的主键，请先去重")
    return keys
