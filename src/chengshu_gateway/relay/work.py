"""A proxied call (代理接口): declared parameters in, granted fields out, masked as any other answer.

The source is asked before the record of the call is durable, the caller is answered after it: what
the record says left the platform is what left it.
"""

import json
import re
from typing import Any

from chengshu_gateway.keys import GatewayKeys, hash_record_key
from chengshu_gateway.policy import CompiledGrant, Plan
from chengshu_gateway.problems import BAD_CONTENT, KIND_NOT_GRANTED, Refusal
from chengshu_gateway.request import CallRecord
from chengshu_gateway.snapshot import Snapshot
from chengshu_gateway.sources import Parameter, Source
from chengshu_gateway.work import Desk, chosen_fields, members

_STEPS = re.compile(r"[/\\%?#;]")
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Proxied:
    """One call of a department's interface."""

    def __init__(
        self, grant: CompiledGrant, plan: Plan, source: Source, values: dict[str, str]
    ) -> None:
        """Prepare for values that were checked."""
        self._grant = grant
        self._plan = plan
        self._values = values
        # The most that can be answered: what was not answered is given back.
        self.cost = source.most

    async def run(self, _snapshot: Snapshot | None, call: CallRecord, desk: Desk) -> str:
        """Ask the source; raises Refusal."""
        interface = self._grant.interface
        assert desk.relay is not None
        records = await desk.relay.fetch(
            interface, call.app, _canonical(self._values), self._values
        )
        rows = []
        hashes = []
        for record in records:
            row = tuple(record.get(name) for name in self._plan.columns)
            if self._plan.visible(row):
                rows.append(self._plan.encode(row))
                if (key := record.get(interface.key_column)) is not None:
                    hashes.append(hash_record_key(desk.keys.record_key, str(key)))
        call.records, call.found = ",".join(hashes), len(rows)
        desk.charge(self._grant.quota, call, max(len(rows), 1))
        return f'"data":[{",".join(rows)}],"found":{len(rows)}'


def prepare(body: bytes, keys: GatewayKeys, grant: CompiledGrant, call: CallRecord) -> Proxied:
    """Read the body of a proxied call; raises Refusal."""
    grant.require("proxy")
    source = grant.interface.source
    if source is None:
        raise Refusal(KIND_NOT_GRANTED)
    document = members(body, required=["parameters"], optional=["fields"])
    values = _checked(document["parameters"], source)
    # A parameter can be an identity number: the record keeps the keyed digest of all of them.
    call.record = hash_record_key(keys.record_key, _canonical(values))
    call.asked = source.most
    plan = grant.plan_of(chosen_fields(document))
    call.fields = plan.fields
    return Proxied(grant, plan, source, values)


def _canonical(values: dict[str, str]) -> str:
    return json.dumps(sorted(values.items()), ensure_ascii=False)


def _checked(given: Any, source: Source) -> dict[str, str]:
    if not isinstance(given, dict):
        raise Refusal(BAD_CONTENT, extra="parameters 应为“参数: 值”的对象")
    declared = {each.name: each for each in source.parameters}
    if given.keys() - declared.keys():
        raise Refusal(BAD_CONTENT, extra="有没有声明的参数")
    missing = [each.name for each in source.parameters if each.required and each.name not in given]
    if missing:
        raise Refusal(BAD_CONTENT, extra="缺少参数：" + "、".join(missing))
    for name, value in given.items():
        if not _fits(value, declared[name]):
            raise Refusal(
                BAD_CONTENT, extra=f"参数 {name} 应为 1 至 {declared[name].length} 个字符的文本"
            )
    return given


def _fits(value: Any, declared: Parameter) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= declared.length or _UNFIT.search(value):
        return False
    # A step up in the path would lead to another interface of the department.
    return declared.place != "path" or not (_STEPS.search(value) or value in (".", ".."))
