"""The JSON API follows the same services: the whole way by program, and who is refused."""

import json

import pytest

from chengshu.data.sharing import calls
from chengshu.data.sharing.models import ApplicationKey, Grant
from chengshu.data.sharing.tests.cast import FIELDS, MASKS, Caller, dispatch_all, gateway

API = "/api/v1/sharing"


@pytest.fixture
def call(client):
    """A JSON call as somebody of the cast."""

    def send(actor, method, path, body=None, **query):
        client.force_login(actor.account)
        if method == "GET":
            return client.get(f"{API}{path}", query)
        return client.generic(method, f"{API}{path}", json.dumps(body), "application/json")

    return send


def test_the_whole_way_from_application_to_statistics(scene, call):
    interface = scene.interface()
    application = {
        "code": "grid-app",
        "name": "网格移动端",
        "owner": scene.city.market.code,
        "purpose": "走访",
    }
    assert call(scene.asker, "POST", "/applications", application).status_code == 201
    issued = call(scene.asker, "POST", "/applications/grid-app/keys", {})
    assert issued.status_code == 201
    rule = {
        "application": "grid-app", "interface": interface.code, "fields": FIELDS, "masks": MASKS,
        "purpose": "走访", "per_day": 10, "row_filter": {"prefix": ["community_code", "3303"]},
    }  # fmt: skip
    given = call(scene.officer, "POST", "/grants", rule)
    assert given.status_code == 201, given.content
    dispatch_all()
    key = ApplicationKey.objects.get(key_id=issued.json()["key_id"])
    caller = Caller(Grant.objects.get(pk=given.json()["id"]), key, issued.json()["secret"])
    with gateway(scene) as running:
        assert caller.ask(running).json["data"]["name"] == "王**"
        caller.ask(running, query="fields=family")
    calls.collect()
    usage = call(scene.asker, "GET", "/usage", days=3, application="grid-app").json()
    assert (usage["calls"], usage["answered"], usage["refused"], len(usage["days"])) == (2, 1, 1, 3)
    assert usage["reasons"] == [
        {"outcome": "field_not_granted", "title": "字段未获授权", "calls": 1}
    ]
    seen = call(scene.asker, "GET", "/grants", interface=interface.code).json()
    assert [(g["application"], g["state"]) for g in seen] == [("grid-app", "active")]
    revoked = call(
        scene.asker, "POST", f"/applications/grid-app/keys/{key.key_id}/revoke", {"reason": "轮换"}
    )
    assert revoked.status_code == 204


def test_states_are_changed_with_reasons_only(scene, call):
    item = scene.grant()
    path = f"/grants/{item.pk}/state"
    assert (
        call(scene.officer, "POST", path, {"state": "suspended", "reason": ""}).status_code == 422
    )
    assert call(scene.officer, "POST", path, {"state": "gone", "reason": "x"}).status_code == 422
    assert (
        call(scene.officer, "POST", path, {"state": "suspended", "reason": "核对"}).json()["state"]
        == "suspended"
    )
    rule = {"fields": ["resident_no"]}
    assert call(scene.officer, "PUT", f"/grants/{item.pk}", rule).json()["fields"] == [
        "resident_no"
    ]
    code = item.interface.code
    body = {"state": "offline", "reason": "整改"}
    assert (
        call(scene.officer, "POST", f"/interfaces/{code}/state", body).json()["state"] == "offline"
    )
    assert call(scene.officer, "POST", f"/interfaces/{code}/refresh", {}).status_code == 200
    body = {"state": "suspended", "reason": "检查"}
    state = call(scene.asker, "POST", "/applications/grid-app/state", body).json()["state"]
    assert state == "suspended"


def test_others_are_refused_and_lists_stay_in_scope(scene, call):
    item = scene.grant()
    assert (
        call(
            scene.asker, "POST", f"/grants/{item.pk}/state", {"state": "revoked", "reason": "x"}
        ).status_code
        == 403
    )
    assert call(scene.city.nobody, "GET", "/interfaces").status_code == 403
    assert call(scene.officer, "GET", "/applications").json() == []
    assert call(scene.officer, "POST", "/applications/grid-app/keys", {}).status_code == 404
    assert [i["code"] for i in call(scene.asker, "GET", "/interfaces", q="居民").json()] == [
        "resident-by-no"
    ]
    assert call(scene.asker, "GET", "/interfaces/none").status_code == 404
    new = {"resource": scene.resource.code, "code": "mine", "key_column": "resident_no"}
    assert call(scene.asker, "POST", "/interfaces", new).status_code == 403
    assert (
        call(scene.officer, "POST", "/interfaces", {**new, "key_column": "family"}).status_code
        == 422
    )
    assert call(scene.officer, "POST", "/interfaces", new).json()["state"] == "building"
