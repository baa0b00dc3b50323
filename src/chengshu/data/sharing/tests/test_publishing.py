"""What the gateway gets: the present rules, at once, and never nothing because one of them is broken."""

import stat
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from chengshu.data.catalog.services import drafts, lifecycle, review
from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.sharing.choices import ApplicationState, GrantState
from chengshu.data.sharing.models import (
    ApplicationKey,
    BundlePublication,
    Grant,
    ShareInterface,
)
from chengshu.data.sharing.publishing import build_bundle, keys, one_at_a_time, publish_rules
from chengshu.data.sharing.services import applications, grants, interfaces
from chengshu.data.sharing.tests.cast import (
    CONTENT,
    ITEMS,
    build,
    collect_rows,
    dispatch_all,
    gateway,
    rows,
)
from chengshu.kernel.errors import Conflict
from chengshu_gateway.bundle_store import load_bundle


def code(answer):
    return answer.json["code"] if answer.status != 200 else "ok"


def test_a_grant_reaches_the_gateway_and_its_revocation_too(scene):
    caller = scene.shared(row_filter={"eq": ["community_code", "330383001000"]})
    with gateway(scene) as running:
        data = caller.ask(running, "R0").json["data"]
        assert data == {
            "resident_no": "R0", "name": "王**", "id_number": "390383********0011",
            "mobile": "154****5678", "community_code": "330383001000",
        }  # fmt: skip
        assert code(caller.ask(running, "R1")) == "no_record"
        assert code(caller.ask(running, query="fields=family")) == "field_not_granted"
        grants.set_state(
            actor=scene.officer, item=caller.grant, state=GrantState.REVOKED, reason="项目结束"
        )
        dispatch_all()
        assert code(caller.ask(running)) == "not_granted"


def test_a_suspended_application_is_refused_as_such_and_works_again_when_resumed(scene):
    caller = scene.shared()
    change = {"actor": scene.asker, "application": caller.grant.application, "reason": "安全检查"}
    with gateway(scene) as running:
        assert code(caller.ask(running)) == "ok"
        applications.set_application_state(**change, state=ApplicationState.SUSPENDED)
        dispatch_all()
        assert code(caller.ask(running)) == "app_disabled"
        applications.set_application_state(**change, state=ApplicationState.ACTIVE)
        dispatch_all()
        assert code(caller.ask(running)) == "ok"


def test_revoked_and_expired_keys_are_refused_with_the_reason(scene):
    caller = scene.shared()
    application = caller.grant.application
    with gateway(scene) as running:
        ApplicationKey.objects.filter(pk=caller.key.pk).update(
            expires_at=timezone.now() - timedelta(seconds=1)
        )
        publish_rules()
        assert code(caller.ask(running)) == "key_inactive"
        caller.key, caller.secret = applications.issue_key(
            actor=scene.asker, application=application
        )
        dispatch_all()
        assert code(caller.ask(running)) == "ok"
        applications.revoke_key(actor=scene.asker, key=caller.key, reason="人员离岗")
        dispatch_all()
        assert code(caller.ask(running)) == "key_inactive"


def test_secrets_are_readable_for_the_gateways_user_only(scene):
    scene.shared()
    for folder in (scene.gateway, scene.gateway / "bundles"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    files = [p for p in (scene.gateway / "bundles").iterdir() if p.is_file()]
    assert files
    assert {stat.S_IMODE(p.stat().st_mode) for p in files} == {0o600}
    stored = ApplicationKey.objects.get()
    assert "secret" not in stored.secret_sealed


def republish(scene, items):
    entry = scene.resource
    entry.refresh_from_db()
    version = drafts.start_change(actor=scene.officer, resource=entry)
    drafts.edit_draft(
        actor=scene.officer, version=version, revision=1,
        content=replace(CONTENT, items=items, change_note="按新要求调整"),
    )  # fmt: skip
    review.submit(actor=scene.officer, version=version, handling="已通知使用方改用新字段")
    review.approve(actor=scene.city.admin, version=version)
    dispatch_all()
    for item in ShareInterface.objects.all():
        build(item)


def test_a_field_that_leaves_the_catalogue_is_reported_and_the_other_grants_go_on(scene):
    caller = scene.shared()
    other = scene.application("other-app")
    filtered = scene.grant(
        application=other, fields=["resident_no"], masks={},
        row_filter={"eq": ["mobile", "15412345678"]},
    )  # fmt: skip
    republish(scene, tuple(i for i in ITEMS if i.name != "mobile"))
    grant = Grant.objects.get(pk=caller.grant.pk)
    assert grant.problem == "字段 mobile 已不在接口中，不再返回。"
    filtered.refresh_from_db()
    assert "行范围用到的字段 mobile" in filtered.problem
    bundle, problems = build_bundle()
    assert [g.app_id for g in bundle.grants] == ["grid-app"]
    assert len(problems) == 2
    assert BundlePublication.objects.first().problems == problems
    with gateway(scene) as running:
        assert set(caller.ask(running).json["data"]) == {
            "resident_no", "name", "id_number", "community_code",
        }  # fmt: skip


def test_a_key_that_cannot_be_unsealed_costs_only_itself(scene):
    caller = scene.shared()
    broken = scene.application("broken-app")
    key, _secret = applications.issue_key(actor=scene.asker, application=broken)
    ApplicationKey.objects.filter(pk=key.pk).update(
        secret_sealed=caller.key.secret_sealed[:-4] + "AAAA"
    )
    publish_rules()
    assert key.key_id in BundlePublication.objects.first().problems[0]
    with gateway(scene) as running:
        assert code(caller.ask(running)) == "ok"


def test_an_entry_that_is_suspended_in_the_catalogue_answers_no_more(scene):
    caller = scene.shared()
    entry = scene.resource
    with gateway(scene) as running:
        lifecycle.suspend(actor=scene.city.admin, resource=entry, reason="口径核对")
        dispatch_all()
        assert code(caller.ask(running)) == "not_granted"
        lifecycle.resume(actor=scene.city.admin, resource=entry, reason="核对完成")
        dispatch_all()
        assert code(caller.ask(running)) == "ok"


def test_new_data_reaches_the_gateway_after_the_batch(scene):
    from chengshu.kernel.events.services import emit
    from chengshu.kernel.unit_of_work import unit_of_work

    caller = scene.shared()
    item = caller.grant.interface
    with gateway(scene) as running:
        assert code(caller.ask(running, "R40")) == "no_record"
        version = collect_rows(scene.resource, rows(41))
        with unit_of_work():
            emit(type="city.ingest.batch.loaded", source="ingest", subject=scene.resource.code)
        dispatch_all()
        build(item)
        assert (item.lake_version, item.rows) == (version, 41)
        assert code(caller.ask(running, "R40")) == "ok"


def test_a_refresh_never_brings_an_offline_interface_back(scene):
    item = scene.interface()
    interfaces.set_online(actor=scene.officer, interface=item, online=False, reason="数据整改")
    interfaces.refresh(actor=scene.officer, interface=item)
    build(item)
    assert item.state == "offline"
    assert build_bundle()[0].interfaces == ()


def test_a_key_column_with_duplicates_keeps_the_former_snapshot_and_says_why(scene):
    item = scene.interface()
    former = item.snapshot
    item.key_column = "community_code"
    item.save()
    with pytest.raises(Conflict, match="重复"):
        build(item)
    item.refresh_from_db()
    assert (item.state, item.snapshot) == ("online", former)
    assert "重复" in item.error


def test_a_resource_without_data_fails_the_interface_in_words(scene):
    bare = catalog_cast.published(scene.city, name="bare")
    item = interfaces.create_interface(
        actor=scene.officer, resource_code=bare.code, code="bare", title="", key_column="id_number"
    )
    with pytest.raises(Conflict, match="还没有归集数据"):
        build(item)
    item.refresh_from_db()
    assert item.state == "failed"


def test_publishers_queue_and_the_last_bundle_is_whole(scene):
    """Publishers of several processes meet at a file lock; here two threads share it the same way."""
    order = []
    held = threading.Event()

    def holder():
        with one_at_a_time("bundle"):
            held.set()
            order.append("first")

    def second():
        held.wait(10)
        with one_at_a_time("bundle"):
            order.append("second")

    threads = [threading.Thread(target=t) for t in (second, holder)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert order == ["first", "second"]
    versions = [publish_rules() for _ in range(3)]
    assert versions == sorted(set(versions))
    loaded = load_bundle(scene.gateway / "bundles", keys().bundle)
    assert loaded.version == versions[-1]
