"""Verification (核验): yes or no to given values of one record; no value of the city leaves.

A record that does not exist, one that the row filter hides and one whose values differ are answered
alike. Guessing is limited twice: by the quota, and by failed tries per record, application and day.
"""

import time
from typing import Any

from chengshu_gateway import matching
from chengshu_gateway.keys import GatewayKeys, hash_record_key
from chengshu_gateway.limits import TableFullError, guess_tag, seconds_to_midnight
from chengshu_gateway.policy import CompiledGrant, Plan
from chengshu_gateway.problems import BAD_CONTENT, BUSY, GUESS_LIMIT, Refusal
from chengshu_gateway.request import CallRecord, proper_key
from chengshu_gateway.snapshot import Snapshot
from chengshu_gateway.work import Desk, members

MAX_VALUES = 20


class Verification:
    """One record's key and the values that somebody claims it has, in their normal form."""

    cost = 1

    def __init__(
        self, plan: Plan, key: str, kinds: dict[str, str], given: dict[str, str], tries: int
    ) -> None:
        """`plan` reads the fields of `given` in their order; `kinds` are their column types.

        `tries` is how often a day this application may be wrong about one record.
        """
        self._plan = plan
        self._tries = tries
        self._key = key
        self._kinds = kinds
        self._given = given

    async def run(self, snapshot: Snapshot, call: CallRecord, desk: Desk) -> str:
        """Compare; without a pause, so that a try that was taken always has its record."""
        now_ms = time.time_ns() // 1_000_000
        name = guess_tag(call.app, call.interface, call.record)
        try:
            # The try is taken first and given back when it was right: tries side by side count too.
            if not desk.limits.take_guess(name, now_ms, self._tries):
                raise Refusal(GUESS_LIMIT, retry_after=seconds_to_midnight(now_ms))
        except TableFullError as error:
            raise Refusal(BUSY, retry_after=seconds_to_midnight(now_ms)) from error
        row = self._plan.row(snapshot, self._key) or (None,) * len(self._given)
        flags = {
            field: matching.equal(matching.normal(self._kinds[field], stored), given)
            for (field, given), stored in zip(self._given.items(), row, strict=False)
        }
        call.found = sum(flags.values())
        everything = call.found == call.asked
        if everything:
            desk.limits.give_guess_back(name, now_ms)
        shown = ",".join(f'"{field}":{_json(flag)}' for field, flag in flags.items())
        return f'"data":{{{shown}}},"match":{_json(everything)}'


def prepare(body: bytes, keys: GatewayKeys, grant: CompiledGrant, call: CallRecord) -> Verification:
    """Read the body of a verification; raises Refusal."""
    grant.require("verify")
    document = members(body, required=["key", "values"], optional=[])
    key, values = document["key"], document["values"]
    if not isinstance(key, str) or not proper_key(key):
        raise Refusal(BAD_CONTENT, extra="key 应为一个主键，规则同单条查询")
    if not isinstance(values, dict) or not 0 < len(values) <= MAX_VALUES:
        raise Refusal(BAD_CONTENT, extra=f"values 应为 1 至 {MAX_VALUES} 个“字段: 值”")
    call.record = call.records = hash_record_key(keys.record_key, key)
    call.asked = len(values)
    plan = grant.plan_of(tuple(values))
    call.fields = plan.fields
    kinds = {column.name: column.type for column in grant.columns()}
    given = {field: _claimed(field, kinds[field], value) for field, value in values.items()}
    return Verification(plan, key, kinds, given, grant.grant.tries_per_day)


def _claimed(field: str, kind: str, value: Any) -> str:
    found = matching.normal(kind, value)
    if found is None:
        raise Refusal(BAD_CONTENT, extra=f"字段 {field} 的值为空或写法不对，应为 {kind}")
    return found


def _json(flag: bool) -> str:
    return "true" if flag else "false"
