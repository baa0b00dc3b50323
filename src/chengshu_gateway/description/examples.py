"""Ready calls of a grant, one for each way of calling: request, client code and the answer to expect."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from chengshu_gateway.bundle import CALL_KINDS
from chengshu_gateway.description.fields import answered, stored
from chengshu_gateway.description.openapi import KIND_TITLES
from chengshu_gateway.disclosure import COUNT_BASE
from chengshu_gateway.policy import CompiledGrant
from chengshu_gateway.privacy_terms import Privacy
from chengshu_gateway.private_statistics import MECHANISM, public_groups
from chengshu_gateway.signing import canonical_text

_STAMP, _NONCE = "1795418400000", "6f1d2c3b4a5968778695"
_VERSION, _RECORD = "20261123T060500-1a2b3c4d", "00-42"


@dataclass(frozen=True, slots=True)
class Example:
    """One call; `python` is the client's method call, `body` what is posted (empty for GET)."""

    kind: str
    method: str
    path: str
    python: str
    body: str
    answer: str

    @property
    def title(self) -> str:
        """The way of calling in words."""
        return KIND_TITLES.get(self.kind, self.kind)

    def signed_text(self, purpose: str) -> str:
        """The text that is signed, for the time-stamp and nonce of the example."""
        return canonical_text(
            method=self.method.encode(),
            path=self.path.encode(),
            query=b"",
            timestamp=_STAMP.encode(),
            nonce=_NONCE.encode(),
            body_digest=hashlib.sha256(self.body.encode()).hexdigest().encode(),
            purpose=quote(purpose, safe="").encode(),
        ).decode()

    def http(self, *, host: str, app: str, key_id: str, purpose: str) -> str:
        """The request as it goes over the wire."""
        lines = [
            f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", f"X-Cs-App: {app}",
            f"X-Cs-Key: {key_id}", f"X-Cs-Timestamp: {_STAMP}", f"X-Cs-Nonce: {_NONCE}",
            "X-Cs-Signature: base64url(HMAC-SHA256(密钥, 签名原文))",
            f"X-Cs-Purpose: {quote(purpose, safe='')}",
        ]  # fmt: skip
        if self.body:
            size = len(self.body.encode())
            lines += ["Content-Type: application/json", f"Content-Length: {size}"]
        return "\n".join([*lines, "", self.body]) if self.body else "\n".join(lines) + "\n"


def examples(grant: CompiledGrant) -> list[Example]:
    """The calls that a grant allows, in the order of the protocol."""
    allowed = [kind for kind in CALL_KINDS if kind in grant.grant.kinds]
    return [_MAKERS[kind](grant) for kind in allowed if kind in _MAKERS]


def _answer(grant: CompiledGrant, data: Any, **members: Any) -> str:
    whole = {
        "data": data, **members, "interface": grant.interface.interface_id, "version": _VERSION,
        "request_id": _RECORD,
    }  # fmt: skip
    return json.dumps(whole, ensure_ascii=False, indent=2)


def _record(grant: CompiledGrant) -> dict[str, Any]:
    return {column.name: answered(grant, column) for column in grant.columns()}


def _key(grant: CompiledGrant) -> str:
    columns = {column.name: column for column in grant.interface.columns}
    return str(stored(grant, columns[grant.interface.key_column]))


def _root(grant: CompiledGrant) -> str:
    return f"/share/v1/{grant.interface.interface_id}"


def _posted(
    grant: CompiledGrant, kind: str, content: dict[str, Any], python: str, answer: str
) -> Example:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Example(kind, "POST", f"{_root(grant)}/{kind}", python, body, answer)


def _lookup(grant: CompiledGrant) -> Example:
    key, name = _key(grant), grant.interface.interface_id
    return Example(
        "lookup", "GET", f"{_root(grant)}/{quote(key, safe='')}",
        f'client.lookup("{name}", {_python(key)})', "", _answer(grant, _record(grant)),
    )  # fmt: skip


def _batch(grant: CompiledGrant) -> Example:
    keys = [_key(grant), "没有的主键"]
    answer = _answer(grant, [_record(grant), None], asked=2, found=1)
    python = f'client.batch("{grant.interface.interface_id}", {_python(keys)})'
    return _posted(grant, "batch", {"keys": keys}, python, answer)


def _verify(grant: CompiledGrant) -> Example:
    key = _key(grant)
    values = {column.name: stored(grant, column) for column in grant.columns()[:2]}
    answer = _answer(grant, dict.fromkeys(values, True), match=True)
    python = (
        f'client.verify("{grant.interface.interface_id}", {_python(key)}, values={_python(values)})'
    )
    return _posted(grant, "verify", {"key": key, "values": values}, python, answer)


def _query(grant: CompiledGrant) -> Example:
    columns = {column.name: column for column in grant.columns()}
    where = {name: stored(grant, columns[name]) for name in grant.queryable[:1]}
    answer = _answer(grant, [_record(grant)], found=1, next=None, capped=False)
    name = grant.interface.interface_id
    python = f'client.query("{name}", where={_python(where)}, limit=100)'
    return _posted(grant, "query", {"where": where, "limit": 100}, python, answer)


def _changes(grant: CompiledGrant) -> Example:
    name = grant.interface.interface_id
    data = [{"change": "inserted", "id": _key(grant), "data": _record(grant)}]
    answer = _answer(grant, data, found=1, next="q7d…", more=False)
    return _posted(grant, "changes", {"limit": 100}, f'client.changes("{name}")', answer)


def _export(grant: CompiledGrant) -> Example:
    name = grant.interface.interface_id
    answer = _answer(grant, {"export": "9f2c" * 8, "state": "waiting"})
    python = f'client.request_export("{name}", "csv")'
    return _posted(grant, "export", {"format": "csv"}, python, answer)


def _statistics(grant: CompiledGrant) -> Example:
    if grant.grant.privacy is not None:
        return _private_statistics(grant, grant.grant.privacy)
    group = [column.name for column in grant.columns()[-1:]]
    row = {"group": {n: _record(grant)[n] for n in group}, "count": 120, "sum": {}, "avg": {}}
    answer = _answer(
        grant, [row], suppressed=False, minimum=grant.grant.minimum_group, rounding=COUNT_BASE
    )
    python = f'client.statistics("{grant.interface.interface_id}", group={_python(group)})'
    return _posted(grant, "statistics", {"group": group}, python, answer)


def _private_statistics(grant: CompiledGrant, terms: Privacy) -> Example:
    public = public_groups(grant, terms)
    group = list(public)[:1]
    noise = {"scale": 1 / terms.epsilon, "accuracy_95": math.ceil(3 / terms.epsilon)}
    answer = _answer(
        grant, [{"group": {name: public[name][0] for name in group}, "count": 118}],
        privacy={
            "mechanism": MECHANISM, "epsilon": terms.epsilon, "records_per_person": terms.records,
            "count": noise, "sum": {}, "filled": {},
        },
        budget={
            "total": terms.budget, "spent": terms.epsilon, "kept": False,
            "remaining": terms.budget - terms.epsilon, "period": terms.period,
            "renews": "2027-01-01", "charged_on": "2026-12-01",
        },
    )  # fmt: skip
    python = f'client.statistics("{grant.interface.interface_id}", group={_python(group)})'
    return _posted(grant, "statistics", {"group": group}, python, answer)


def _proxy(grant: CompiledGrant) -> Example:
    source = grant.interface.source
    declared = () if source is None else source.parameters
    values = {each.name: "示例"[: each.length] for each in declared if each.required}
    name = grant.interface.interface_id
    python = f'client.proxy("{name}", parameters={_python(values)})'
    answer = _answer(grant, [_record(grant)], found=1)
    return _posted(grant, "proxy", {"parameters": values}, python, answer)


def _python(value: Any) -> str:
    """A value as Python code, in double quotes as the client's own examples are."""
    if isinstance(value, bool):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_python, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_python(k)}: {_python(v)}" for k, v in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


_MAKERS: dict[str, Callable[[CompiledGrant], Example]] = {
    "lookup": _lookup, "batch": _batch, "verify": _verify, "query": _query,
    "changes": _changes, "export": _export, "statistics": _statistics, "proxy": _proxy,
}  # fmt: skip
