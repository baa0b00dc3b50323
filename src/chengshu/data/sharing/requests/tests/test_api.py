"""The JSON form of requests: the whole way by program, refused as the pages refuse."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from chengshu.data.sharing.models import Grant
from chengshu.data.sharing.requests.models import AccessRequest

API = "/api/v1/requests"


@pytest.fixture
def call(client):
    """A JSON call as somebody of the cast; the status and the answer."""

    def send(actor, method, path, body=None):
        client.force_login(actor.account)
        data = json.dumps(body, default=str) if body is not None else ""
        answer = client.generic(method, f"{API}{path}", data, "application/json")
        return answer.status_code, answer.json()

    return send


def form(scene, interface, **changes):
    until = timezone.now() + timedelta(days=90)
    body = {
        "application": scene.application().code, "purpose": "走访核对", "legal_basis": "条例第五条",
        "business_item": "网格走访", "frequency": "daily", "valid_until": until.isoformat(),
        "wanted": [{"interface": interface.code, "fields": ["resident_no", "name"]}],
    }  # fmt: skip
    return body | changes


def test_the_whole_way_by_program(scene, call):
    interface = scene.interface()
    status, sent = call(scene.asker, "POST", "/", form(scene, interface))
    assert (status, sent[0]["state"], sent[0]["acts"]) == (201, "review", ["withdraw"])
    one = f"/{sent[0]['id']}"
    assert call(scene.officer, "POST", f"{one}/acts", {"act": "forward"})[0] == 403
    assert call(scene.city.nobody, "GET", one)[0] == 403
    status, seen = call(scene.city.admin, "GET", "/?side=received&open=true")
    assert (status, seen[0]["id"]) == (200, sent[0]["id"])
    assert call(scene.city.admin, "POST", f"{one}/acts", {"act": "forward"})[1]["state"] == "answer"
    status, stale = call(scene.officer, "POST", f"{one}/acts", {"act": "grant", "version": 1})
    assert (status, "别人处理过" in stale["detail"]) == (409, True)
    terms = {"fields": ["resident_no", "mobile"], "valid_until": sent[0]["valid_until"]}
    status, wide = call(scene.officer, "POST", f"{one}/acts", {"act": "grant", "terms": terms})
    assert (status, "没有申请联系电话" in json.dumps(wide, ensure_ascii=False)) == (422, True)
    status, done = call(scene.officer, "POST", f"{one}/acts", {"act": "grant"})
    assert (status, done["state"], done["grant"]) == (200, "granted", Grant.objects.get().pk)
    change = {
        **{k: sent[0][k] for k in ("purpose", "legal_basis", "business_item", "frequency")},
        "grant": done["grant"], "fields": ["resident_no"], "valid_until": sent[0]["valid_until"],
    }  # fmt: skip
    status, asked = call(scene.asker, "POST", "/changes", change)
    assert (status, asked["amends"], asked["state"]) == (201, done["grant"], "review")
    assert call(scene.officer, "POST", "/changes", change)[0] == 403


def test_what_is_wrong_is_named_by_field_and_nothing_is_sent(scene, call):
    interface = scene.interface()
    status, wrong = call(scene.asker, "POST", "/", form(scene, interface, legal_basis=" "))
    assert status == 422
    assert "legal_basis" in json.dumps(wrong)
    assert not AccessRequest.objects.exists()
    assert call(scene.asker, "GET", "/?side=all")[0] == 422
    status, own = call(scene.asker, "GET", "/")
    assert (status, own) == (200, [])
