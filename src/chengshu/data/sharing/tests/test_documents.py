"""接口说明 and the documents of a grant, for who asks, who provides and the data bureau; nobody else."""

import json

import jsonschema_rs
import pytest
from django.urls import reverse

from chengshu.data.sharing.services import grants
from chengshu.data.sharing.tests.cast import FIELDS
from chengshu_gateway.tests.test_description import STANDARD


@pytest.fixture
def caller(scene):
    return scene.shared(kinds=["lookup", "batch", "verify"], per_day=100)


def address(item, name):
    return reverse(f"sharing:{name}", args=[item.pk])


def test_all_three_sides_read_the_description_and_only_the_asker_sees_its_key(
    scene, caller, client
):
    for reader in (scene.officer, scene.asker, scene.city.admin):
        client.force_login(reader.account)
        grant = client.get(address(caller.grant, "grant")).content.decode()
        assert address(caller.grant, "grant-guide") in grant
        page = client.get(address(caller.grant, "grant-guide")).content.decode()
        assert "client.batch(&quot;resident-by-no&quot;" in page
        assert "client.query" not in page
        assert "每天 100 条" in page
        assert "CS1-HMAC-SHA256\nPOST\n/share/v1/resident-by-no/verify" in page
        assert (caller.key.key_id in page) == (reader is not scene.officer)
        assert "出生日期" not in page
    client.force_login(scene.city.nobody.account)
    for name in ("grant-guide", "grant-openapi", "grant-contract"):
        assert client.get(address(caller.grant, name)).status_code == 403


def test_the_documents_come_as_files_and_by_the_json_api_alike(scene, caller, client):
    client.force_login(scene.asker.account)
    told = client.get(address(caller.grant, "grant-openapi"))
    assert "grid-app-resident-by-no.openapi.json" in told.headers["Content-Disposition"]
    document = told.json()
    assert list(document["components"]["schemas"]["Record"]["properties"]) == FIELDS
    assert client.get(f"/api/v1/sharing/grants/{caller.grant.pk}/openapi").json() == document
    contract = client.get(address(caller.grant, "grant-contract")).json()
    jsonschema_rs.validate(json.loads(STANDARD.read_text()), contract)
    assert contract["description"]["purpose"] == "入户走访核对"
    assert [member["role"] for member in contract["team"]["members"]] == ["provider", "consumer"]
    assert contract["status"] == "active"
    levels = {p["name"]: p["classification"] for p in contract["schema"][0]["properties"]}
    assert levels["name"] == "L3"
    assert client.get(f"/api/v1/sharing/grants/{caller.grant.pk}/contract").json() == contract


def test_a_stopped_grant_says_so_and_one_that_cannot_work_has_no_description(scene, caller, client):
    grants.set_state(actor=scene.officer, item=caller.grant, state="suspended", reason="核对")
    client.force_login(scene.asker.account)
    assert "现在调用会被拒绝" in client.get(address(caller.grant, "grant-guide")).content.decode()
    assert client.get(address(caller.grant, "grant-contract")).json()["status"] == "deprecated"
    interface = caller.grant.interface
    interface.columns = [c for c in interface.columns if c["name"] not in FIELDS]
    interface.save()
    assert client.get(address(caller.grant, "grant-openapi")).status_code == 409
