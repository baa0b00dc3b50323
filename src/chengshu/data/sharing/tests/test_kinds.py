"""Which ways of calling a grant allows: chosen by the provider, kept by the gateway."""

import pytest
from django.urls import reverse

from chengshu.data.sharing import calls, usage
from chengshu.data.sharing.choices import CallKind
from chengshu.data.sharing.models import CallStatistic, Grant, ShareInterface
from chengshu.data.sharing.services import grants, interfaces
from chengshu.data.sharing.tests.cast import build, collect_rows, dispatch_all, gateway, rows
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import InvalidInput, NotAllowed
from chengshu_gateway.bundle import CALL_KINDS
from chengshu_gateway.bundle_store import load_bundle
from chengshu_gateway.tests.sample_city import KEYS


def test_the_platform_offers_exactly_the_ways_the_gateway_knows():
    assert tuple(CallKind.values) == CALL_KINDS


def test_a_new_grant_allows_single_lookups_only(scene):
    caller = scene.shared()
    with gateway(scene) as running:
        assert caller.ask(running).status == 200
        refused = caller.post(running, "batch", {"keys": ["R0"]})
    assert refused.json["code"] == "kind_not_granted"


def test_a_granted_batch_is_answered_masked_and_takes_its_keys_from_the_quota(scene):
    caller = scene.shared(kinds=["batch"], per_day=10)
    with gateway(scene) as running:
        answer = caller.post(running, "batch", {"keys": ["R0", "R1", "R999"], "fields": ["name"]})
        assert answer.json["data"] == [{"name": "王**"}, {"name": "王**"}, None]
        assert caller.ask(running).json["code"] == "kind_not_granted"
        used = running.ask("/share/v1/resident-by-no", headers=caller.signed("")).json["data"]
    assert used["quota"]["used_today"] == 3
    assert calls.collect() == 3
    answered = usage.totals(CallStatistic.objects.filter(outcome="ok"))
    assert (answered.calls, answered.charged) == (2, 3)


def test_a_granted_verification_compares_the_value_behind_the_mask(scene):
    caller = scene.shared(kinds=["verify"])
    with gateway(scene) as running:
        answer = caller.post(running, "verify", {"key": "R0", "values": {"name": "王 小明"}})
    assert answer.json["data"] == {"name": True}


def test_no_lookup_is_shown_to_copy_where_lookups_are_refused(scene, client):
    item = scene.grant(kinds=["verify"])
    client.force_login(scene.asker.account)
    pages = [
        reverse("sharing:grant", args=[item.pk]), reverse("sharing:interface", args=[item.interface.code])
    ]  # fmt: skip
    assert not any("client.lookup" in client.get(page).content.decode() for page in pages)
    item.kinds = ["lookup"]
    item.save()
    assert all("client.lookup" in client.get(page).content.decode() for page in pages)


def test_a_declared_column_can_be_asked_once_its_snapshot_is_there(scene):
    item = scene.interface()
    interfaces.set_query_columns(
        actor=scene.officer, interface=item, columns=["community_code", "mobile"]
    )
    caller = scene.shared(interface=item, kinds=["query"])
    where = {
        "where": {"community_code": "330383001000"},
        "limit": 15,
        "fields": ["resident_no", "name"],
    }
    with gateway(scene) as running:
        assert caller.post(running, "query", where).json["code"] == "no_snapshot"
        build(item)
        first = caller.post(running, "query", where).json
        second = caller.post(running, "query", where | {"after": first["next"]}).json
        # A masked column would be found out by asking for ranges of it.
        masked = caller.post(running, "query", {"where": {"mobile": {"ge": "154"}}})
    numbers = [row["resident_no"] for row in first["data"] + second["data"]]
    assert sorted(numbers) == sorted(f"R{at}" for at in range(0, 40, 2))
    assert {row["name"] for row in first["data"]} == {"王**"}
    assert (first["found"], second["found"], second["next"]) == (15, 5, None)
    assert masked.json["code"] == "not_queryable"


def test_a_query_needs_a_bare_column_that_can_be_asked(scene):
    with pytest.raises(InvalidInput) as refused:
        scene.grant(kinds=["query"])
    assert "查询条件" in refused.value.fields["kinds"]
    item = ShareInterface.objects.get()
    interfaces.set_query_columns(actor=scene.officer, interface=item, columns=["mobile"])
    with pytest.raises(InvalidInput):
        scene.grant(interface=item, kinds=["query"])
    assert scene.grant(
        interface=item, kinds=["query"], masks={"name": "name", "id_number": "id_number"}
    )


@pytest.mark.parametrize("columns", [["nope"], ["mobile", "mobile"], [f"c{at}" for at in range(9)]])
def test_other_columns_cannot_be_declared(scene, columns):
    item = scene.interface()
    with pytest.raises(InvalidInput):
        interfaces.set_query_columns(actor=scene.officer, interface=item, columns=columns)
    with pytest.raises(NotAllowed):
        interfaces.set_query_columns(actor=scene.asker, interface=item, columns=["mobile"])
    item.refresh_from_db()
    assert item.query_columns == []


def test_the_columns_are_chosen_on_a_page_of_their_own(scene, client):
    item = scene.interface()
    page = reverse("sharing:interface-query", args=[item.code])
    client.force_login(scene.asker.account)
    assert client.get(page).status_code == 403
    client.force_login(scene.officer.account)
    assert 'value="community_code"' in client.get(page).content.decode()
    response = client.post(page, {"query_columns": ["community_code", "born_on"]})
    assert response.status_code == 302
    item.refresh_from_db()
    assert item.query_columns == ["community_code", "born_on"]
    shown = client.get(response.url).content.decode()
    assert "community_code、born_on" in shown
    assert page in shown
    too_many = client.post(page, {"query_columns": ["nope"]}).content.decode()
    assert "还没有保存" in too_many


@pytest.mark.parametrize("kinds", [[], ["everything"], ["lookup", "lookup"]])
def test_a_grant_without_or_with_an_unknown_way_is_refused(scene, kinds):
    with pytest.raises(InvalidInput):
        scene.grant(kinds=kinds)
    assert not Grant.objects.exists()


def test_changing_other_things_keeps_the_ways(scene):
    item = scene.grant(kinds=["lookup", "batch"])
    rule = grants.describe(item) | {"per_day": 5}
    del rule["kinds"]
    changed = grants.change_grant(actor=scene.officer, item=item, **rule)
    assert changed.kinds == ["lookup", "batch"]


def test_the_form_offers_the_ways_and_the_page_names_them(scene, client):
    item = scene.grant()
    client.force_login(scene.officer.account)
    page = reverse("sharing:grant-change", args=[item.pk])
    shown = client.get(page).content.decode()
    assert 'value="batch"' in shown
    assert 'name="misses_per_minute" value="300"' in shown
    data = {
        "fields": ["resident_no"], "kinds": ["lookup", "verify"], "networks": "", "per_minute": "",
        "per_day": "", "misses_per_minute": "9000", "tries_per_day": "3", "valid_on": "",
        "unmasked_reason": "", "filter_json": "",
        **{f"mask_{c['name']}": "none" for c in item.interface.columns},
    }  # fmt: skip
    response = client.post(page, data)
    assert response.status_code == 302, response.content.decode()
    item.refresh_from_db()
    assert item.kinds == ["lookup", "verify"]
    detail = client.get(response.url).content.decode()
    assert "核验，只答给出的值是否一致" in detail
    assert "每分钟满 9,000 条停一分钟" in detail
    assert "每天最多 3 次" in detail
    kept = AuditRecord.objects.get(action="sharing.grant_changed")
    assert (kept.before["misses_per_minute"], kept.after["misses_per_minute"]) == (300, 9000)


def test_granted_changes_arrive_with_the_next_snapshot(scene):
    caller = scene.shared(kinds=["changes"])
    item = caller.grant.interface
    with gateway(scene) as running:
        first = caller.post(running, "changes", {"limit": 500}).json
        assert (len(first["data"]), first["more"]) == (40, False)
        fresh = rows(40)[1:]
        fresh[0] |= {"family": 9}
        fresh[1] |= {"mobile": "15400000000"}
        collect_rows(scene.resource, fresh)
        interfaces.refresh(actor=scene.officer, interface=item)
        build(item)
        later = caller.post(running, "changes", {"since": first["next"]}).json
    # The family is not granted, therefore its change is nobody's business.
    assert [(each["change"], each["id"]) for each in later["data"]] == [("changed", "R2")]
    assert later["data"][0]["data"]["mobile"] == "154****0000"


def test_a_grant_of_statistics_gets_its_privacy_on_the_form_and_keeps_it(scene, client):
    item = scene.grant(kinds=["statistics"])
    client.force_login(scene.officer.account)
    page = reverse("sharing:grant-change", args=[item.pk])
    data = {
        "fields": ["community_code", "family"], "kinds": ["statistics"], "networks": "",
        "private": "on", "epsilon": "0.5", "budget": "5", "period": "month", "records": "2",
        "bounds": "family 0 x", "groups": "community_code：330383001000，330383002000",
        **{f"mask_{c['name']}": "none" for c in item.interface.columns},
    }  # fmt: skip
    assert "每行应为：字段名 下限 上限" in client.post(page, data).content.decode()
    data["bounds"] = "family 0 12"
    shown = client.post(page, {**data, "kinds": ["statistics", "lookup"]}).content.decode()
    assert "差分隐私只用于只许“统计查询”的授权" in shown
    response = client.post(page, data)
    assert response.status_code == 302, response.content.decode()
    detail = client.get(response.url).content.decode()
    assert "每次 ε 0.5，每月合计 5，一个人最多 2 条" in detail
    (wire,) = dispatched(scene).grants
    assert wire.privacy.bounds == {"family": (0.0, 12.0)}
    assert wire.privacy.groups == {"community_code": ("330383001000", "330383002000")}
    again = client.get(page).content.decode()
    assert "family 0 12" in again
    item.refresh_from_db()
    changed = grants.change_grant(
        actor=scene.officer, item=item, **{**grants.describe(item), "privacy": {}}
    )
    assert changed.privacy is None
    with pytest.raises(InvalidInput, match="没有保存"):
        scene.grant(application=scene.application("other"), kinds=["statistics"], privacy={"x": 1})


def dispatched(scene):
    """What the gateway reads after the change."""
    dispatch_all()
    return load_bundle(scene.gateway / "bundles", KEYS.bundle).bundle


def test_granted_statistics_keep_to_the_minimum_of_the_grant(scene, client):
    caller = scene.shared(kinds=["statistics"], minimum_group=15)
    with gateway(scene) as running:
        found = caller.post(running, "statistics", {"group": ["community_code"]}).json
        assert [each["count"] for each in found["data"]] == [20, 20]
        client.force_login(scene.officer.account)
        page = reverse("sharing:grant-change", args=[caller.grant.pk])
        form = client.get(page).content.decode()
        assert "统计最小组" in form
        assert 'value="15"' in form
        grants.change_grant(
            actor=scene.officer, item=caller.grant, fields=caller.grant.fields,
            masks=caller.grant.masks, row_filter=None, per_minute=None, per_day=None, networks=[],
            minimum_group=21, valid_until=None,
        )  # fmt: skip
        dispatch_all()
        found = caller.post(running, "statistics", {"group": ["community_code"]}).json
        assert (found["data"], found["suppressed"]) == ([], True)
    assert "21 条" in client.get(reverse("sharing:grant", args=[caller.grant.pk])).content.decode()
    with pytest.raises(InvalidInput, match="最小组"):
        scene.grant(application=scene.application("other"), kinds=["statistics"], minimum_group=2)
