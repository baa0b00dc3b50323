"""The JSON API."""

import json

import pytest

from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.tests.cast import PENSION, draft, published

ROOT = "/api/v1/catalog"
BODY = {
    "provider": "330383-RS", "category": "1/01/001/01", "physical_name": "rs_api", "title": "接口登记的资源",
    "summary": "从接口登记的一份数据资源", "system": "rs-sb", "warehouse": "dw-people", "formats": ["table"],
    "sharing_type": "unconditional", "open_type": "forbidden", "update_cycle": "daily",
    "items": [{"name": "id", "title": "编号", "type": "text", "is_key": True}],
}  # fmt: skip


@pytest.fixture
def call(client):
    def call_as(actor, method, path, **data):
        if actor:
            client.force_login(actor.account)
        if method == "GET":
            return client.get(f"{ROOT}{path}", data)
        return client.post(f"{ROOT}{path}", json.dumps(data), content_type="application/json")

    return call_as


def test_search_and_read_within_scope(cast, call):
    entry = published(cast)
    hidden = draft(cast, name="hidden")
    found = call(cast.leader, "GET", "/resources", q="缴费").json()
    assert found["total"] == 1
    assert found["results"][0]["code"] == entry.code
    assert call(cast.officer, "GET", "/resources").json()["total"] == 2
    items = call(cast.leader, "GET", "/resource/items", code=entry.code).json()
    assert [i["name"] for i in items] == ["id_number", "sex", "paid"]
    refused = call(cast.leader, "GET", "/resource", code=hidden.code)
    assert refused.status_code == 404
    assert "没有找到" in refused.json()["detail"]
    assert call(cast.leader, "GET", "/resource", code=entry.code).json()["title"] == PENSION.title


def test_create_and_submit_with_every_message_by_field(cast, call):
    made = call(cast.officer, "POST", "/resources", **BODY)
    assert made.status_code == 201
    assert made.json()["version_state"] == "draft"
    code = made.json()["code"]
    path = f"/resource/submit?code={code}"
    assert call(cast.officer, "POST", path).json()["version_state"] == "submitted"
    bad = call(cast.officer, "POST", "/resources", **{**BODY, "physical_name": "X", "title": ""})
    assert bad.status_code == 422
    assert set(bad.json()["errors"]) == {"physical_name", "title"}
    assert (
        call(cast.stranger, "POST", "/resources", **{**BODY, "physical_name": "y"}).status_code
        == 403
    )
    assert Resource.objects.count() == 1


def test_differences_and_refusals(cast, call):
    entry = published(cast)
    same = call(cast.leader, "GET", "/resource/diff", code=entry.code, old=1, new=1).json()
    assert same["summary"] == "没有变化"
    assert call(cast.nobody, "GET", "/resources").status_code == 403
    assert call(cast.leader, "GET", "/resources", limit=9999).status_code == 422
