"""The OpenAPI 3.1 document of the open interfaces, made from the limits and lists the code itself goes by."""

from typing import Any

from chengshu import __version__
from chengshu.data.opening.choices import FileFormat, Licence, Theme
from chengshu.data.opening.reading import (
    MAX_CONDITIONS,
    MAX_LIMIT,
    MAX_OFFSET,
    MAX_VALUE,
    OPERATORS,
)

MAX_DATASETS = 100
"""Datasets on one page of their list."""

Part = dict[str, Any]
_COUNT: Part = {"type": "integer", "minimum": 0}
_TEXT: Part = {"type": "string"}
_ADDRESS: Part = {"type": "string", "format": "uri"}
_MOMENT: Part = {"type": ["string", "null"], "format": "date-time"}
_FIELD_TYPES = ["text", "integer", "decimal", "date", "datetime", "boolean"]


def _object(required: dict[str, Part], optional: dict[str, Part] | None = None) -> Part:
    return {
        "type": "object", "properties": required | (optional or {}), "required": list(required),
    }  # fmt: skip


def _listed(item: Part) -> Part:
    return {"type": "array", "items": item}


def _ref(kind: str, name: str) -> Part:
    return {"$ref": f"#/components/{kind}/{name}"}


def _schemas() -> Part:
    field = _object(
        {
            "name": _TEXT, "title": _TEXT, "type": {"type": "string", "enum": _FIELD_TYPES},
            "key": {"type": "boolean"}, "definition": _TEXT, "format": _TEXT,
        },
        {
            "codes": {
                "type": "object", "additionalProperties": _TEXT, "description": "代码和它的意思",
            },
            "row_key": {"type": "boolean", "description": "主键的字段都开放了，可以用来区分记录"},
            "mask": {"type": "string", "description": "这个字段的值脱敏过；脱敏方式的代号"},
            "mask_name": {"type": "string", "description": "脱敏方式，如“姓名”"},
        },
    )  # fmt: skip
    summary = {
        "slug": _TEXT, "title": _TEXT, "provider": _TEXT,
        "theme": {"type": "string", "enum": [theme.label for theme in Theme]},
        "keywords": _listed(_TEXT),
        "licence": {"type": "string", "enum": [licence.value for licence in Licence]},
        "rows": _COUNT, "updated_at": _MOMENT, "url": _ADDRESS, "records": _ADDRESS,
    }  # fmt: skip
    file = {
        "format": {"type": "string", "enum": [form.value for form in FileFormat]},
        "bytes": _COUNT, "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "url": _ADDRESS,
    }  # fmt: skip
    page = {
        "total": _COUNT, "limit": _COUNT, "offset": _COUNT,
        "next": {"type": ["string", "null"], "format": "uri", "description": "下一页，没有就是 null"},
        "records": _listed({"type": "object", "description": "字段名到值，未填的是 null"}),
    }  # fmt: skip
    whole = {"summary": _TEXT, "version": _COUNT, "fields": _listed(_ref("schemas", "Field"))}
    interface = {
        "slug": _TEXT, "title": _TEXT, "summary": _TEXT, "provider": _TEXT, "rows": _COUNT,
        "updated_at": _MOMENT, "fields": _listed(_ref("schemas", "Field")), "records": _ADDRESS,
    }  # fmt: skip
    problem = {"type": _TEXT, "title": _TEXT, "status": _COUNT, "detail": _TEXT}
    return {
        "Field": field,
        "DatasetSummary": _object(summary),
        "DatasetList": _object(
            {"total": _COUNT, "datasets": _listed(_ref("schemas", "DatasetSummary"))}
        ),
        "Dataset": _object(summary | whole | {"files": _listed(_object(file))}),
        "DatasetRecords": _object({"dataset": _TEXT, "version": _COUNT} | page),
        "InterfaceList": _object({"interfaces": _listed(_object(interface))}),
        "InterfaceRecords": _object({"interface": _TEXT} | page),
        "Problem": _object(
            problem, {"errors": {"type": "object", "additionalProperties": _TEXT}}
        ),
        "CkanAnswer": _object(
            {"help": _ADDRESS, "success": {"type": "boolean"}}, {"result": {}, "error": {"type": "object"}}
        ),
    }  # fmt: skip


def _parameter(name: str, schema: Part, text: str, place: str = "query") -> Part:
    shape = {"name": name, "in": place, "schema": schema, "description": text}
    return shape | ({"required": True} if place == "path" else {})


def _parameters() -> Part:
    others = "、".join(f"字段__{name}" for name in OPERATORS if name)
    return {
        "Slug": _parameter("slug", {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"}, "网址名", "path"),
        "Words": _parameter("q", {"type": "string", "maxLength": MAX_VALUE}, "在文本里找的词，空格隔开"),
        "DatasetLimit": _parameter(
            "limit", {"type": "integer", "minimum": 0, "maximum": MAX_DATASETS, "default": 20}, "每页个数"
        ),
        "Limit": _parameter(
            "limit", {"type": "integer", "minimum": 0, "maximum": MAX_LIMIT, "default": 20}, "每页条数"
        ),
        "Offset": _parameter(
            "offset", {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0},
            "从第几条开始；更深请下载文件",
        ),
        "Sort": _parameter("sort", _TEXT, "按哪些字段排，逗号隔开，减号开头是从大到小"),
        "Conditions": _parameter(
            "conditions", {"type": "object", "additionalProperties": _TEXT},
            f"筛选，每个条件是一个参数：字段=值，另有 {others}；最多 {MAX_CONDITIONS} 个",
        ) | {"style": "form", "explode": True},
    }  # fmt: skip


_PROBLEMS = {
    "404": "没有这个数据集或接口", "410": "已经撤回，detail 说明原因", "422": "参数不对，errors 逐个说明",
    "429": "问得太快，过 Retry-After 秒再试", "503": "现在问的人太多，或这次查询太费时",
}  # fmt: skip


def _get(summary: str, schema: str, *parameters: str, problems: tuple[str, ...] = ()) -> Part:
    answers: Part = {
        "200": {
            "description": "成功",
            "content": {"application/json": {"schema": _ref("schemas", schema)}},
        }
    }
    answers |= {status: _ref("responses", f"Problem{status}") for status in (*problems, "429")}
    operation_id = schema[0].lower() + schema[1:]
    return {
        "get": {
            "operationId": operation_id, "summary": summary, "tags": ["开放接口"],
            "parameters": [_ref("parameters", name) for name in parameters], "responses": answers,
        }
    }  # fmt: skip


def _responses() -> Part:
    found: Part = {
        f"Problem{status}": {
            "description": text,
            "content": {"application/problem+json": {"schema": _ref("schemas", "Problem")}},
        }
        for status, text in _PROBLEMS.items()
    }
    found["Problem429"]["headers"] = {
        "Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "秒"}
    }
    return found


def _ckan(reading: tuple[str, ...], writing: tuple[str, ...]) -> Part:
    content = {"application/json": {"schema": _ref("schemas", "CkanAnswer")}}
    answers: Part = {
        status: {"description": text, "content": content}
        for status, text in (
            ("200", "成功，结果在 result"), ("403", "没有令牌，或没有这个权限"), ("404", "没有"),
            ("409", "参数不对，error 逐个说明"), ("429", "问得太快"), ("503", "稍后再试"),
        )
    } | {"400": {"description": "读不懂的动作、正文或检索式", "content": {"application/json": {}}}}  # fmt: skip
    name = _parameter(
        "action", {"type": "string", "enum": sorted((*reading, *writing))}, "动作", "path"
    )
    common = {"tags": ["CKAN 动作接口"], "responses": answers}
    form = {"type": "object", "properties": {"upload": {"type": "string", "format": "binary"}}}
    body = {
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "multipart/form-data": {"schema": form},
        }
    }
    told = (
        f"写入动作（{'、'.join(sorted(writing))}）只用 POST，要在 Authorization 里带本人签发的 API 令牌，"
        "只写草稿，审批和发布在后台；上传文件用 multipart/form-data 的 upload。"
    )
    return {
        "parameters": [name],
        "get": common | {"operationId": "ckanGet", "summary": "按 CKAN 的约定查询，参数在网址里"},
        "post": common
        | {
            "operationId": "ckanPost",
            "summary": "同上，参数是 JSON 正文",
            "requestBody": body,
            "description": told,
        },
    }


def document(
    *, server: str, per_minute: int, ckan_reading: tuple[str, ...], ckan_writing: tuple[str, ...]
) -> Part:
    """The document for the portal at ``server`` (its address without the final ``/``)."""
    base, records = "/open/api/v1", ("Words", "Limit", "Offset", "Sort", "Conditions")
    limit = f"每个网络地址每分钟最多 {per_minute:,} 次。" if per_minute else ""
    hard = ("404", "410", "422", "503")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "龙港公共数据开放接口", "version": __version__,
            "description": f"不用申请、不用密钥。{limit}值脱敏过的字段带 mask 和 mask_name。",
        },
        "servers": [{"url": server}],
        "security": [],
        "paths": {
            f"{base}/datasets": _get(
                "数据集列表", "DatasetList", "Words", "DatasetLimit", "Offset", problems=("422",)
            ),
            f"{base}/datasets/{{slug}}": _get(
                "一个数据集的字段和文件", "Dataset", "Slug", problems=("404", "410")
            ),
            f"{base}/datasets/{{slug}}/records": _get(
                "数据集的记录", "DatasetRecords", "Slug", *records, problems=hard
            ),
            f"{base}/interfaces": _get("开放接口列表", "InterfaceList"),
            f"{base}/interfaces/{{slug}}/records": _get(
                "开放接口的记录", "InterfaceRecords", "Slug", *records, problems=hard
            ),
            "/api/3/action/{action}": _ckan(ckan_reading, ckan_writing),
        },
        "components": {
            "schemas": _schemas(), "parameters": _parameters(), "responses": _responses(),
        },
    }  # fmt: skip
