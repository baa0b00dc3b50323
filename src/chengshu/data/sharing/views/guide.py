"""接口说明: how one grant is called, for people and for programs."""

import json
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from chengshu.data.sharing import documents, selectors
from chengshu.data.sharing.choices import KeyState, kind_words
from chengshu.data.sharing.models import ApplicationKey, Grant
from chengshu.data.sharing.row_filter import sentence
from chengshu.data.sharing.samples import PLACEHOLDER
from chengshu.data.sharing.views.presentation import grant_url, limits, tag_of
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.ui.components import Action, Column, Crumb, Fact, Table
from chengshu_gateway.description.examples import examples
from chengshu_gateway.description.fields import TYPE_NAMES, answered, mask_label, mask_of
from chengshu_gateway.description.openapi import problems_of
from chengshu_gateway.policy import CompiledGrant

PURPOSE = "业务核验"
KEY_ID = "密钥编号"


def page(request: ActorRequest, pk: int) -> HttpResponse:
    """The description with ready calls."""
    item = selectors.grant(request.actor, pk)
    grant = documents.compiled(item)
    key_id = _key_id(item) if allows(request.actor, "sharing.view", item.application) else KEY_ID
    titles = {c["name"]: c["title"] for c in item.interface.columns}
    until = item.valid_until or "长期"
    context = {
        "title": "接口说明", "grant": item, "tag": tag_of(item), "subtitle": str(item),
        "crumbs": [
            Crumb("共享授权", reverse("sharing:grants")), Crumb(str(item), grant_url(item)),
            Crumb("接口说明"),
        ],
        "actions": [
            Action(title="数据契约（ODCS）", url=grant_url(item, "grant-contract"), icon="file-text"),
            Action(title="OpenAPI 文档", url=grant_url(item, "grant-openapi"), icon="download",
                   primary=True),
        ],
        "client": _client(item, key_id), "calls": _calls(item, grant, key_id),
        "fields": _fields_table(grant), "codes": [c for c in grant.columns() if c.codes],
        "refusals": _refusals_table(item),
        "facts": [
            Fact("网关地址", settings.GATEWAY_URL, mono=True),
            Fact("应用", item.application.code, mono=True), Fact("密钥编号", key_id, mono=True),
            Fact("调用方式", kind_words(item.kinds)), Fact("限额", limits(item)),
            Fact("行范围", sentence(item.row_filter, titles)),
            Fact("来源网段", "、".join(item.networks) or "不限"), Fact("有效期至", until),
            Fact("签名", "CS1-HMAC-SHA256"),
        ],
    }  # fmt: skip
    return render(request, "sharing/guide.html", context)


def openapi(request: ActorRequest, pk: int) -> HttpResponse:
    """The OpenAPI document as a file."""
    item = selectors.grant(request.actor, pk)
    return _file(documents.openapi_document(item), f"{_name(item)}.openapi.json")


def contract(request: ActorRequest, pk: int) -> HttpResponse:
    """The data contract as a file; JSON, which readers of YAML take as well."""
    item = selectors.grant(request.actor, pk)
    return _file(documents.data_contract(item), f"{_name(item)}.odcs.json")


def _name(item: Grant) -> str:
    return f"{item.application.code}-{item.interface.code}"


def _file(content: dict[str, Any], name: str) -> HttpResponse:
    text = json.dumps(content, ensure_ascii=False, indent=2)
    response = HttpResponse(text, content_type="application/json; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _key_id(item: Grant) -> str:
    key = ApplicationKey.objects.filter(application=item.application, state=KeyState.ACTIVE).first()
    return key.key_id if key else KEY_ID


def _client(item: Grant, key_id: str) -> str:
    return f"""from chengshu_gateway.client import GatewayClient

client = GatewayClient(
    "{settings.GATEWAY_URL}",
    app="{item.application.code}",
    key_id="{key_id}",
    secret="{PLACEHOLDER}",
)
"""


def _calls(item: Grant, grant: CompiledGrant, key_id: str) -> list[dict[str, str]]:
    host = urlsplit(settings.GATEWAY_URL).netloc
    return [
        {
            "kind": made.kind, "title": made.title, "line": f"{made.method} {made.path}",
            "python": f'answer = {made.python[:-1]}, purpose="{PURPOSE}")\nprint(answer.data)\n',
            "http": made.http(host=host, app=item.application.code, key_id=key_id, purpose=PURPOSE),
            "signed": made.signed_text(PURPOSE), "answer": made.answer,
        }
        for made in examples(grant)
    ]  # fmt: skip


def _fields_table(grant: CompiledGrant) -> Table:
    rows = []
    for column in grant.columns():
        mask = mask_of(grant, column)
        rows.append(
            {
                "title": column.title or column.name, "name": column.name,
                "type": "文本" if mask.hides else TYPE_NAMES[column.type],
                "mask": mask_label(mask) or "不脱敏", "example": str(answered(grant, column)),
                "query": "可作条件" if column.name in grant.queryable else "",
            }
        )  # fmt: skip
    columns = (
        Column(key="title", title="中文名称", kind="main"),
        Column(key="name", title="字段名", kind="code"),
        Column(key="type", title="类型"),
        Column(key="mask", title="脱敏"),
        Column(key="example", title="样例（虚构）", kind="code"),
        Column(key="query", title="条件查询"),
    )
    return Table.plain(key="fields", columns=columns, rows=rows, caption="字段")


def _refusals_table(item: Grant) -> Table:
    columns = (
        Column(key="status", title="状态码", kind="number"),
        Column(key="code", title="错误码", kind="code"),
        Column(key="title", title="含义", kind="main"),
        Column(key="detail", title="怎么办"),
    )
    rows = problems_of(item.kinds)
    return Table.plain(key="refusals", columns=columns, rows=rows, caption="错误")
