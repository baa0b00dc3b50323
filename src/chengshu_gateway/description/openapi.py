"""The OpenAPI 3.1 document of one grant: only what was granted, nothing of the rest of the interface."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime

from chengshu_gateway import problems
from chengshu_gateway.aggregates import MOST_COLUMNS, MOST_MEASURES
from chengshu_gateway.batch import MAX_KEYS
from chengshu_gateway.bundle import CALL_KINDS, NUMERIC, Column
from chengshu_gateway.changes import MAX_PAGE as MAX_CHANGES
from chengshu_gateway.changes import PAGE as CHANGES_PAGE
from chengshu_gateway.conditions import MAX_COLUMNS
from chengshu_gateway.description.fields import Part, mask_label, mask_of, value_schema
from chengshu_gateway.export_store import FORMATS
from chengshu_gateway.exports import PART
from chengshu_gateway.policy import CompiledGrant
from chengshu_gateway.privacy_terms import PERIODS, Privacy
from chengshu_gateway.private_statistics import MECHANISM, public_groups
from chengshu_gateway.query import MAX_PAGE, MAX_RESULT, PAGE
from chengshu_gateway.signing import WINDOW_SECONDS
from chengshu_gateway.verification import MAX_VALUES

KIND_TITLES = {
    "lookup": "按主键查一条", "batch": "批量查", "verify": "核验", "query": "条件查询",
    "changes": "增量变更", "export": "批量导出", "statistics": "统计查询", "proxy": "代理部门接口",
    "export-state": "批量导出的进度", "export-part": "下载批量导出",
}  # fmt: skip

_JSON, _PROBLEM = "application/json", "application/problem+json"
_KEY: Part = {
    "type": "string", "minLength": 1, "maxLength": 256, "not": {"enum": [".", ".."]},
    "pattern": r"^[^\u0000-\u001f\u007f-\u009f/\\%\u2028\u2029\ufeff\ufffe\uffff]+$",
}  # fmt: skip
_TEXT: Part = {"type": "string"}
_COUNT: Part = {"type": "integer", "minimum": 0}
_SIGNED = {
    "X-Cs-App": "应用标识", "X-Cs-Key": "密钥编号", "X-Cs-Timestamp": "当前时间，unix 毫秒，13 位",
    "X-Cs-Nonce": "随机数，8 至 64 个可见 ASCII 字符，每次调用都要换新的",
    "X-Cs-Signature": "base64url(HMAC-SHA256(密钥, 签名原文))，不带 =；国密密钥是 SM2 签名",
}  # fmt: skip
_SIGNING = (
    f"每个请求都要签名，时间相差不得超过 {WINDOW_SECONDS} 秒。签名原文是八行，用换行符连接："
    "CS1-HMAC-SHA256；请求方法；路径；排序后的查询串；X-Cs-Timestamp；X-Cs-Nonce；"
    "请求体的 SHA-256（小写十六进制）；X-Cs-Purpose 的原值。"
    "登记了国密公钥的密钥改用 CS1-SM2-SM3，也可以用 OAuth 令牌，见接入指南。"
)
# Which refusals a way of calling knows besides those that every call can meet.
_OWN: dict[str, frozenset[str]] = {
    "describe": frozenset(),
    "lookup": frozenset({"no_record", "field_not_granted"}),
    "batch": frozenset({"bad_content", "field_not_granted"}),
    "verify": frozenset({"bad_content", "field_not_granted", "guess_limit"}),
    "query": frozenset({"bad_content", "bad_cursor", "field_not_granted", "not_queryable"}),
    "changes": frozenset({"bad_content", "bad_cursor", "stale_cursor"}),
    "export": frozenset({"bad_content"}),
    "export-state": frozenset({"bad_content", "no_export"}),
    "export-part": frozenset({"bad_content", "no_export"}),
    "statistics": frozenset(
        {
            "bad_content",
            "field_not_granted",
            "not_queryable",
            "budget_spent",
            "privacy_unavailable",
        }
    ),
    "proxy": frozenset(
        {
            "bad_content",
            "field_not_granted",
            "source_failed",
            "source_open",
            "source_busy",
            "source_timeout",
        }
    ),
}
_SOMEWHERE = frozenset().union(*_OWN.values()) | {"bad_method"}


def document(grant: CompiledGrant, *, server: str = "/") -> Part:
    """The document of a grant for the gateway at `server` (relative: where the document was fetched)."""
    interface = grant.interface
    root = f"/share/v1/{interface.interface_id}"
    paths: Part = {root: {"get": _describe(grant)}}
    for kind in CALL_KINDS:
        if kind in grant.grant.kinds and (build := _BUILDERS.get(kind)) is not None:
            for path, method, operation in build(grant):
                paths[root + path] = {method: operation}
    found: Part = {
        "openapi": "3.1.0",
        "info": {
            "title": interface.title or interface.interface_id,
            "version": "",
            "summary": f"应用 {grant.grant.app_id} 获授权的调用方式和字段",
            "description": _SIGNING,
        },
        "servers": [{"url": server}],
        "security": [{name: [] for name in _SIGNED}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                name: {"type": "apiKey", "in": "header", "name": name, "description": text}
                for name, text in _SIGNED.items()
            },
            "schemas": _schemas(grant),
            "parameters": _parameters(),
        },
        "x-grant": terms(grant),
    }
    content = json.dumps(found, ensure_ascii=False, sort_keys=True).encode()
    found["info"]["version"] = hashlib.sha256(content).hexdigest()[:12]
    return found


def terms(grant: CompiledGrant) -> Part:
    """What the grant fixes besides fields: quota, networks, term, whether rows are filtered."""
    given = grant.grant
    return {
        "application": given.app_id,
        "interface": given.interface_id,
        "resource": grant.interface.resource,
        "kinds": list(given.kinds),
        "masks": {
            column.name: {"mask": str(mask), "name": mask_label(mask)}
            for column in grant.columns()
            if (mask := mask_of(grant, column)).hides
        },
        "rows_filtered": given.row_filter is not None,
        "quota": {
            "per_minute": given.per_minute,
            "per_day": given.per_day,
            "misses_per_minute": given.misses_per_minute,
            "tries_per_day": given.tries_per_day,
        },
        "privacy": None if given.privacy is None else asdict(given.privacy),
        "networks": list(given.networks),
        "valid_from": _moment(given.valid_from),
        "valid_until": _moment(given.valid_until),
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def _object(properties: Part, required: list[str] | None = None, **more: object) -> Part:
    return {
        "type": "object", "properties": properties, "additionalProperties": False,
        "required": list(properties) if required is None else required, **more,
    }  # fmt: skip


def _listed(item: Part, **more: object) -> Part:
    return {"type": "array", "items": item, **more}


def _ref(kind: str, name: str) -> Part:
    return {"$ref": f"#/components/{kind}/{name}"}


def _schemas(grant: CompiledGrant) -> Part:
    columns = grant.columns()
    names = [column.name for column in columns]
    return {
        "Record": _object({c.name: value_schema(grant, c) for c in columns}, []),
        "Fields": _listed(
            {"type": "string", "enum": names}, uniqueItems=True,
            description="只要这些字段；省略就是全部已授权字段",
        ),
        "Key": _KEY,
        "Problem": _object(
            {
                "type": _TEXT, "title": _TEXT, "status": _COUNT, "detail": _TEXT,
                "code": {"type": "string", "enum": sorted(problems.KINDS)}, "request_id": _TEXT,
                "retry_after": {"type": "integer", "minimum": 1, "description": "秒"},
            },
            ["type", "title", "status", "detail", "code", "request_id"],
        ),
    }  # fmt: skip


def _parameters() -> Part:
    return {
        "Key": {
            "name": "key", "in": "path", "required": True, "schema": _ref("schemas", "Key"),
            "description": "主键，UTF-8 百分号编码一次",
        },
        "Fields": {
            "name": "fields", "in": "query", "style": "form", "explode": False,
            "schema": {"allOf": [_ref("schemas", "Fields"), {"minItems": 1}]},
            "description": "只要这些字段，逗号隔开",
        },
        "Purpose": {
            "name": "X-Cs-Purpose", "in": "header",
            "schema": {"type": "string", "maxLength": 2400},
            "description": "办理事项或调用理由，百分号编码的 UTF-8，不超过 200 字，写入调用记录",
        },
    }  # fmt: skip


def _responses(kind: str, data: Part, members: Part | None = None) -> Part:
    answer = _object(
        {
            "data": data, **(members or {}), "interface": _TEXT,
            "version": {"type": "string", "description": "数据版本"},
            "request_id": {"type": "string", "description": "调用记录的编号"},
        }
    )  # fmt: skip
    headers = {
        "X-Cs-Record": {"schema": _TEXT, "description": "调用记录的编号"},
        "Content-Digest": {"schema": _TEXT, "description": "应答体的 SHA-256（RFC 9530）"},
    }
    found: Part = {
        "200": {
            "description": "成功", "headers": headers, "content": {_JSON: {"schema": answer}},
        }
    }  # fmt: skip
    return found | refusals(kind)


def problems_of(kinds: Iterable[str]) -> list[problems.ProblemKind]:
    """The refusals that some ways of calling can meet, in the order of their statuses."""
    own = frozenset().union(*(_OWN.get(kind, frozenset()) for kind in kinds))
    known = own | (problems.KINDS.keys() - _SOMEWHERE)
    found = [problem for code, problem in problems.KINDS.items() if code in known]
    return sorted(found, key=lambda problem: problem.status)


def refusals(kind: str) -> Part:
    """The refusals that a way of calling can meet, by status."""
    by_status: dict[int, list[problems.ProblemKind]] = {}
    for problem in problems_of([kind]):
        by_status.setdefault(problem.status, []).append(problem)
    return {
        str(status): {
            "description": "；".join(f"{each.code} {each.title}" for each in by_status[status]),
            "content": {_PROBLEM: {"schema": _ref("schemas", "Problem")}},
        }
        for status in sorted(by_status)
    }


def _operation(kind: str, summary: str, text: str, **more: object) -> Part:
    return {"operationId": kind, "summary": summary, "description": text, **more}


def _describe(grant: CompiledGrant) -> Part:
    responses = _responses("describe", {"type": "object", "description": grant.interface.title})
    content = responses["200"]["content"][_JSON]
    others = ({"type": "object", "required": [name]} for name in ("openapi", "apiVersion"))
    content["schema"] = {"anyOf": [content["schema"], *others]}
    chosen = {
        "name": "format", "in": "query", "schema": {"type": "string", "enum": ["openapi", "odcs"]},
        "description": "openapi 是本文档，odcs 是数据契约；省略时是授权和已用限额",
    }  # fmt: skip
    return _operation(
        "describe", "查看授权", "本应用在该接口上的授权，不占限额。",
        parameters=[chosen, _ref("parameters", "Purpose")], responses=responses,
    )  # fmt: skip


def _lookup(grant: CompiledGrant) -> tuple[str, str, Part]:
    names = ("Key", "Fields", "Purpose")
    key = grant.interface.key_column
    operation = _operation(
        "lookup", KIND_TITLES["lookup"], f"按 {key} 查一条记录，占限额一条。"
        f"一分钟查无记录满 {grant.grant.misses_per_minute:,} 条，本接口的调用暂停一分钟。",
        parameters=[_ref("parameters", name) for name in names],
        responses=_responses("lookup", _ref("schemas", "Record")),
    )  # fmt: skip
    return "/{key}", "get", operation


def _posted(kind: str, text: str, body: Part, data: Part, members: Part) -> tuple[str, str, Part]:
    operation = _operation(
        kind, KIND_TITLES[kind], text, parameters=[_ref("parameters", "Purpose")],
        requestBody={"required": True, "content": {_JSON: {"schema": body}}},
        responses=_responses(kind, data, members),
    )  # fmt: skip
    return f"/{kind}", "post", operation


def _batch(_grant: CompiledGrant) -> tuple[str, str, Part]:
    keys = _listed(_ref("schemas", "Key"), minItems=1, maxItems=MAX_KEYS, uniqueItems=True)
    return _posted(
        "batch", f"一次查 1 至 {MAX_KEYS:,} 条，限额按主键个数计。data 与 keys 一一对应，没有的是 null。",
        _object({"keys": keys, "fields": _ref("schemas", "Fields")}, ["keys"]),
        _listed({"anyOf": [_ref("schemas", "Record"), {"type": "null"}]}),
        {"asked": _COUNT, "found": _COUNT},
    )  # fmt: skip


_NUMERIC: Part = {"type": "string", "pattern": r"^\s*[+-]?[0-9.]+([eE][+-]?[0-9]+)?\s*$"}
# What can be compared (see `matching`): a value has several customary forms.
_CLAIMED: dict[str, Part] = {
    "text": {"type": "string", "minLength": 1, "maxLength": 1000},
    "integer": {"anyOf": [{"type": "integer"}, _NUMERIC]},
    "real": {"anyOf": [{"type": "number"}, _NUMERIC]},
    "decimal": {"anyOf": [{"type": "number"}, _NUMERIC]},
    "boolean": {
        "anyOf": [{"type": "boolean"}, {"enum": ["是", "否", "1", "0", "true", "false", 1, 0]}]
    },
    "date": {"type": "string", "description": "1990-01-02、19900102、1990年1月2日等写法都可以"},
    "timestamp": {"type": "string", "description": "ISO 8601"},
}
_ASKED: dict[str, Part] = {
    "text": {"type": "string", "maxLength": 1000},
    "integer": {"type": "integer"},
    "real": {"type": "number"},
    "decimal": {"type": "string", "maxLength": 1000},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "description": "2026-11-23T06:05:00Z"},
}


def _verify(grant: CompiledGrant) -> tuple[str, str, Part]:
    columns = grant.columns()
    values = {c.name: {"title": c.title or c.name, **_CLAIMED[c.type]} for c in columns}
    flags = _object({c.name: {"type": "boolean"} for c in columns}, [])
    return _posted(
        "verify", "给出一条记录的几个值，只答是否一致。比对的是原值，不受脱敏影响；占限额一条。"
        f"同一条记录一天核验不符最多 {grant.grant.tries_per_day} 次。",
        _object({
            "key": _ref("schemas", "Key"),
            "values": _object(values, [], minProperties=1, maxProperties=MAX_VALUES),
        }),
        flags, {"match": {"type": "boolean"}},
    )  # fmt: skip


def _condition(column: Column) -> Part:
    value, title = _ASKED[column.type], {"title": column.title or column.name}
    if column.type in {"boolean", "decimal"}:
        return {**title, **value}
    one_each = [
        {"not": {"required": ["ge", "gt"]}},
        {"not": {"required": ["le", "lt"]}},
    ]
    bounds = _object(dict.fromkeys(("ge", "gt", "le", "lt"), value), [], minProperties=1)
    return {**title, "anyOf": [value, {**bounds, "allOf": one_each}]}


def _query(grant: CompiledGrant) -> tuple[str, str, Part]:
    columns = {column.name: column for column in grant.columns()}
    where = _object(
        {name: _condition(columns[name]) for name in grant.queryable}, [],
        minProperties=1, maxProperties=MAX_COLUMNS,
    )  # fmt: skip
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": PAGE}
    after = {"type": "string", "description": "上一页应答里的 next"}
    return _posted(
        "query", f"按条件分页查，限额按返回条数计，一次查询最多 {MAX_RESULT:,} 条。next 不是 null 就还有。",
        _object(
            {"where": where, "fields": _ref("schemas", "Fields"), "limit": limit, "after": after},
            ["where"],
        ),
        _listed(_ref("schemas", "Record"), maxItems=MAX_PAGE),
        {
            "found": _COUNT, "next": {"type": ["string", "null"]}, "capped": {"type": "boolean"},
        },
    )  # fmt: skip


def _proxy(grant: CompiledGrant) -> tuple[str, str, Part]:
    source = grant.interface.source
    declared = () if source is None else source.parameters
    most = 0 if source is None else source.most
    parameters = {
        each.name: {
            "title": each.title or each.name, "type": "string", "minLength": 1,
            "maxLength": each.length,
        }
        for each in declared
    }  # fmt: skip
    required = [each.name for each in declared if each.required]
    return _posted(
        "proxy",
        f"由平台转给提供部门的接口，一次最多 {most} 条；调用时按最多条数预留限额，应答后退还没有用到的。",
        _object(
            {"parameters": _object(parameters, required), "fields": _ref("schemas", "Fields")},
            ["parameters"],
        ),
        _listed(_ref("schemas", "Record")), {"found": _COUNT},
    )  # fmt: skip


def _changes(_grant: CompiledGrant) -> tuple[str, str, Part]:
    since = {"type": "string", "description": "上次应答里的 next；省略就从头读"}
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_CHANGES, "default": CHANGES_PAGE}
    change = _object(
        {
            "change": {"enum": ["inserted", "changed", "removed"]}, "id": _TEXT,
            "data": {"anyOf": [_ref("schemas", "Record"), {"type": "null"}]},
        }
    )  # fmt: skip
    return _posted(
        "changes", "上次以来新增、变化和移除的记录，按返回条数计限额。more 为 true 就用 next 接着读。",
        _object({"since": since, "limit": limit}, []),
        _listed(change, maxItems=MAX_CHANGES),
        {"found": _COUNT, "next": _TEXT, "more": {"type": "boolean"}},
    )  # fmt: skip


_EXPORT: Part = {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "导出编号"}


def _exports(_grant: CompiledGrant) -> list[tuple[str, str, Part]]:
    """Asking for a file, asking how far it is, fetching it in parts."""
    state = {"enum": ["waiting", "ready", "refused", "expired"]}
    told = {
        "export": _EXPORT, "state": state, "format": {"enum": sorted(FORMATS)}, "key": _TEXT,
        "fields": _listed(_TEXT), "rows": _COUNT, "size": _COUNT, "sha256": _TEXT, "part": _COUNT,
        "expires": _COUNT, "reason": _TEXT,
    }  # fmt: skip
    offset = {"type": "integer", "minimum": 0, "multipleOf": PART}
    return [
        _posted(
            "export", "授权范围内的全部记录做成一个加密文件（age 格式），一两分钟后可以下载。",
            _object({"format": {"enum": sorted(FORMATS), "default": "parquet"}}, []),
            _object({"export": _EXPORT, "state": state}), {},
        ),
        _posted(
            "export-state", "文件做好了没有；没有做成的，reason 说明原因。",
            _object({"export": _EXPORT}), _object(told, ["export", "state"]), {},
        ),
        _posted(
            "export-part", "从 0 起一段一段取，拼起来就是文件。",
            _object({"export": _EXPORT, "offset": offset}),
            _object({"export": _EXPORT, "offset": _COUNT, "content": _TEXT}), {},
        ),
    ]  # fmt: skip


def _statistics(grant: CompiledGrant) -> tuple[str, str, Part]:
    if grant.grant.privacy is not None:
        return _private_statistics(grant, grant.grant.privacy)
    columns = grant.columns()
    names = [c.name for c in columns if not mask_of(grant, c).subject]
    added = [c.name for c in columns if c.type in NUMERIC and not mask_of(grant, c).hides]
    measured = _chosen(added, MOST_MEASURES)
    group = _listed({"type": "string", "enum": names}, uniqueItems=True, maxItems=MOST_COLUMNS)
    sums = {name: {"type": ["number", "null"]} for name in added}
    row = _object(
        {
            "group": {"type": "object"}, "count": _COUNT, "sum": _object(sums, []),
            "avg": _object(sums, []),
        },
        ["group", "count"],
    )  # fmt: skip
    return _posted(
        "statistics", "分组的条数、合计和平均；小组不出现，数字取整并加扰动。占限额一条。",
        _object({"group": group, "sum": measured, "avg": measured}, []), _listed(row),
        {"suppressed": {"type": "boolean"}, "minimum": _COUNT, "rounding": _COUNT},
    )  # fmt: skip


def _private_statistics(grant: CompiledGrant, given: Privacy) -> tuple[str, str, Part]:
    public = public_groups(grant, given)
    added = [name for name in given.bounds if name in grant.grant.fields]
    measured = _chosen(added, MOST_MEASURES)
    whole, number = {"type": "integer"}, {"type": "number"}
    row = _object(
        {
            "group": _object({name: {"enum": list(values)} for name, values in public.items()}, []),
            "count": {**whole, "description": "加了扰动，可能为负"},
            "sum": _object(dict.fromkeys(added, number), []),
            "avg": _object({name: {"type": ["number", "null"]} for name in added}, []),
        },
        ["group", "count"],
    )  # fmt: skip
    certainty = {"scale": number, "accuracy_95": number}
    bounded = _object({**certainty, "low": number, "high": number})
    told = {
        "mechanism": {"const": MECHANISM}, "epsilon": number, "records_per_person": whole,
        "count": _object(certainty), "sum": _object(dict.fromkeys(added, bounded), []),
        "filled": _object(dict.fromkeys(added, _object(certainty)), []),
    }  # fmt: skip
    budget = {
        "total": number, "spent": number, "remaining": number, "period": {"enum": list(PERIODS)},
        "renews": {"type": "string", "format": "date"}, "kept": {"type": "boolean"},
        "charged_on": {"type": "string", "format": "date"},
    }  # fmt: skip
    return _posted(
        "statistics",
        f"分组的条数、合计和平均，都加随机扰动（差分隐私）。每个新问题用预算 {given.epsilon:g}，"
        f"每期（{given.period}）共 {given.budget:g}；同样的问题本期内答案相同，不再用预算。占限额一条。",
        _object(
            {"group": _chosen(list(public), MOST_COLUMNS), "sum": measured, "avg": measured}, []
        ),
        _listed(row), {"privacy": _object(told), "budget": _object(budget)},
    )  # fmt: skip


def _chosen(names: list[str], most: int) -> Part:
    """A list of some of these names, empty when there are none."""
    return _listed(
        {"type": "string", "enum": names} if names else {"not": {}}, uniqueItems=True,
        maxItems=most if names else 0,
    )  # fmt: skip


def _alone(
    build: Callable[[CompiledGrant], tuple[str, str, Part]],
) -> Callable[[CompiledGrant], list[tuple[str, str, Part]]]:
    return lambda grant: [build(grant)]


_BUILDERS: dict[str, Callable[[CompiledGrant], list[tuple[str, str, Part]]]] = {
    "lookup": _alone(_lookup), "batch": _alone(_batch), "verify": _alone(_verify),
    "query": _alone(_query), "changes": _alone(_changes), "export": _exports,
    "statistics": _alone(_statistics), "proxy": _alone(_proxy),
}  # fmt: skip
