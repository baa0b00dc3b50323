"""The pages, for the department that shares, the one that asks, the administrator and who must be refused."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.sharing import calls
from chengshu.data.sharing.models import Application, ApplicationKey, Grant, ShareInterface
from chengshu.data.sharing.services import applications, interfaces
from chengshu.data.sharing.tests.cast import build, dispatch_all, gateway
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import run_job


@pytest.fixture
def browse(client):
    """Sign in as somebody of the cast."""

    def as_(actor):
        client.force_login(actor.account)
        return client

    return as_


def text(response, status=200):
    assert response.status_code == status, response.content.decode()[:2000]
    return response.content.decode()


def url(name, *args):
    return reverse(f"sharing:{name}", args=args)


LISTS = ("interfaces", "applications", "grants", "calls", "records")


@pytest.mark.parametrize("name", LISTS)
def test_lists_and_boards_show_for_those_who_share_and_refuse_the_rest(scene, browse, name):
    caller = scene.shared()
    with gateway(scene) as running:
        caller.ask(running)
    calls.collect()
    for reader in (scene.officer, scene.asker, scene.city.admin, scene.city.leader):
        page = text(browse(reader).get(url(name)))
        # The sharing department has no application of its own: the page offers the first step.
        own = name != "applications" or reader is not scene.officer
        assert ("<table" if own else "登记一个应用") in page
    assert browse(scene.city.nobody).get(url(name)).status_code == 403


@pytest.mark.parametrize("name", ["interfaces", "applications", "grants", "interface-new"])
def test_lists_take_the_same_queries_for_one_row_and_for_many(
    scene, browse, django_assert_num_queries, django_assert_max_num_queries, name
):
    client = browse(scene.city.admin)
    scene.shared()
    with django_assert_max_num_queries(22) as first:
        text(client.get(url(name)))
    for n in range(3):
        interface = scene.interface(f"more-{n}")
        application = scene.application(f"more-{n}")
        scene.grant(application=application, interface=interface)
        catalog_cast.published(scene.city, name=f"t{n}")
    with django_assert_num_queries(len(first.captured_queries)):
        text(client.get(url(name)))


def test_the_owner_of_the_data_sees_use_and_grants_and_the_asker_a_call_with_own_key(scene, browse):
    caller = scene.shared()
    page = url("interface", caller.grant.interface.code)
    owner = text(browse(scene.officer).get(page))
    assert "授权给应用" in owner
    assert "每日调用" in owner
    assert "GatewayClient" not in owner
    asker = text(browse(scene.asker).get(page))
    assert "授权给应用" not in asker
    assert caller.key.key_id in asker
    assert "openssl dgst" in asker
    assert caller.secret not in asker
    issued = text(browse(scene.asker).post(url("key-new", "grid-app"), {"expires_on": ""}))
    newest = ApplicationKey.objects.first()
    assert f"key_id=&quot;{newest.key_id}&quot;" in issued


def test_a_resource_that_does_not_fit_is_explained(scene, browse):
    hidden = catalog_cast.published(scene.city, name="bare")
    listed = text(browse(scene.officer).get(url("interface-new")))
    assert "还没有归集数据" in listed
    assert url("interface-create", scene.resource.code) in listed
    assert url("interface-create", hidden.code) not in listed
    page = text(browse(scene.officer).get(url("interface-create", hidden.code)))
    assert "现在不能发布接口" in page
    assert "发布接口</button>" not in page


def test_an_interface_is_published_from_the_form_and_followed_live(scene, browse):
    client = browse(scene.officer)
    create = url("interface-create", scene.resource.code)
    assert 'value="resident_no"' in text(client.get(create))
    wrong = text(
        client.post(create, {"title": "查居民", "code": "坏 编号", "key_column": "resident_no"})
    )
    assert "用小写字母、数字和连字符" in wrong
    response = client.post(
        create, {"title": "查居民", "code": "resident", "key_column": "resident_no"}
    )
    item = ShareInterface.objects.get()
    assert response.url == url("interface", "resident")
    assert "hx-get" in text(client.get(response.url))
    live = client.get(url("interface-progress", "resident"))
    assert "HX-Refresh" not in live.headers
    run_job.func(str(item.job_id))
    assert client.get(url("interface-progress", "resident")).headers["HX-Refresh"] == "true"
    assert "已上线" in text(client.get(response.url))


def test_offline_needs_a_reason_and_online_brings_it_back(scene, browse):
    item = scene.interface()
    client = browse(scene.officer)
    page = url("interface-offline", item.code)
    assert "还没有保存" in text(client.post(page, {"reason": ""}))
    client.post(page, {"reason": "口径核对"})
    assert "口径核对" in text(client.get(url("interface", item.code)))
    client.post(url("interface-online", item.code))
    client.post(url("interface-refresh", item.code))
    item.refresh_from_db()
    assert item.state == "online"
    assert AuditRecord.objects.filter(action="sharing.interface_state").count() == 2


def test_another_department_can_neither_publish_nor_grant_nor_stop(scene, browse):
    caller = scene.shared()
    code = caller.grant.interface.code
    client = browse(scene.asker)
    for path in (
        url("interface-offline", code), url("grant-new", code),
        url("grant-change", caller.grant.pk),
    ):  # fmt: skip
        assert client.get(path).status_code in {200, 403}
        assert client.post(path, {"reason": "x"}).status_code == 403, path
    assert client.post(url("interface-refresh", code)).status_code == 403
    revoke = url("grant-state", caller.grant.pk, "revoke")
    assert client.post(revoke, {"reason": "x"}).status_code == 403
    caller.grant.refresh_from_db()
    assert caller.grant.state == "active"


def test_one_departments_application_is_invisible_to_another(scene, browse):
    mine = applications.register_application(
        actor=scene.officer, code="hr-app", name="人社应用", owner=scene.city.hr, purpose="核验"
    )
    client = browse(scene.asker)
    assert client.get(url("application", mine.code)).status_code == 404
    assert "人社应用" not in text(client.get(url("applications")))
    assert client.get(url("key-new", mine.code)).status_code == 404
    assert "人社应用" in text(browse(scene.city.admin).get(url("applications")))


def test_an_application_is_registered_and_its_secret_shown_exactly_once(scene, browse):
    client = browse(scene.asker)
    form = text(client.get(url("application-new")))
    assert "市监局" in form
    assert "人社局" not in form
    client.post(
        url("application-new"),
        {
            "name": "网格移动端",
            "code": "grid-app",
            "owner": scene.city.market.pk,
            "purpose": "走访",
        },
    )
    assert Application.objects.get().owner == scene.city.market
    yesterday = (timezone.localtime() - timedelta(days=1)).date()
    assert "须晚于现在" in text(client.post(url("key-new", "grid-app"), {"expires_on": yesterday}))
    shown = client.post(url("key-new", "grid-app"), {"expires_on": ""})
    key = ApplicationKey.objects.get()
    secret = re.findall(r"<code>([\w-]{43})</code>", text(shown))
    assert len(secret) == 1
    assert "no-store" in shown.headers["Cache-Control"]
    assert "只在这里显示这一次" in text(shown)
    assert "还没有授权" in text(shown)
    later = text(client.get(url("application", "grid-app")))
    assert key.key_id in later
    assert secret[0] not in later
    trail = str(list(AuditRecord.objects.values_list("before", "after", "reason")))
    assert secret[0] not in trail


def test_keys_and_applications_are_stopped_with_a_reason(scene, browse):
    caller = scene.shared()
    code = caller.grant.application.code
    client = browse(scene.asker)
    revoke = url("key-revoke", code, caller.key.key_id)
    assert "还没有保存" in text(client.post(revoke, {"reason": " "}))
    client.post(revoke, {"reason": "人员离岗"})
    page = text(client.get(url("application", code)))
    assert "已吊销" in page
    client.post(url("application-suspend", code), {"reason": "安全检查"})
    assert "安全检查" in text(client.get(url("application", code)))
    client.post(url("application-resume", code), {"reason": "检查通过"})
    assert Application.objects.get().state == "active"
    assert client.get(url("key-revoke", code, "k0")).status_code == 404


GRANT = {
    "purpose": "入户走访核对", "fields": ["resident_no", "name"], "kinds": ["lookup"],
    "mask_resident_no": "none",
    "mask_name": "name", "mask_id_number": "id_number", "mask_mobile": "phone",
    "mask_community_code": "none", "mask_born_on": "year", "mask_family": "none",
    "operator_0": "eq", "operator_1": "eq", "operator_2": "eq",
}  # fmt: skip


def test_a_grant_is_proposed_with_masks_and_given_with_conditions(scene, browse):
    interface, application = scene.interface(), scene.application()
    client = browse(scene.officer)
    page = url("grant-new", interface.code)
    shown = text(client.get(page))
    assert '<option value="name" selected' in shown
    assert '<option value="year" selected' in shown
    filled = {
        **GRANT, "application": application.pk, "per_day": 100, "networks": "10.1.0.0/16\n10.2.0.0/16",
        "field_0": "community_code", "operator_0": "in", "value_0": "330383001000，330383002000",
        "field_1": "family", "operator_1": "ge", "value_1": "2",
    }  # fmt: skip
    response = client.post(page, filled)
    item = Grant.objects.get()
    assert response.url == url("grant", item.pk)
    assert item.masks == {"name": "name"}
    assert item.row_filter == {
        "and": [{"in": ["community_code", ["330383001000", "330383002000"]]}, {"ge": ["family", 2]}]
    }
    assert (item.per_day, item.networks) == (100, ["10.1.0.0/16", "10.2.0.0/16"])
    detail = text(client.get(response.url))
    assert "家庭人口不小于“2”" in detail
    Grant.objects.update(valid_until=datetime(2030, 12, 31, 12, tzinfo=UTC))
    again = text(client.get(url("grant-change", item.pk)))
    assert "330383001000，330383002000" in again
    # The browser shows this form only; any other day would be lost with the next change.
    assert 'value="2030-12-31"' in again
    assert application.name not in re.findall(r"<option.*", text(client.get(page)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"mask_name": "none"}, "较敏感字段"),
        ({"fields": []}, "至少选择一个字段"),
        ({"kinds": []}, "至少选择一种调用方式"),
        ({"field_0": "family", "operator_0": "ge", "value_0": "很多"}, "类型不符"),
        ({"field_0": "family", "value_0": ""}, "请填写 family 要比较的值"),
        ({"filter_json": "{]"}, "不是合规的 JSON"),
        ({"filter_json": '{"eq": ["salary", 1]}'}, "不存在的字段"),
        ({"networks": "10.1.0.0/99"}, "10.1.0.0/99"),
        ({"valid_on": "2020-01-01"}, "有效期须晚于现在"),
        ({"purpose": ""}, "请填写用途"),
    ],
)
def test_a_wrong_grant_is_refused_beside_what_is_wrong_and_keeps_what_was_typed(
    scene, browse, change, told
):
    interface, application = scene.interface(), scene.application()
    client = browse(scene.officer)
    page = text(
        client.post(
            url("grant-new", interface.code),
            {**GRANT, "application": application.pk, "per_day": 77, **change},
        )
    )
    assert told in page
    assert 'value="77"' in page
    assert not Grant.objects.exists()


def test_sensitive_fields_bare_need_a_reason_that_stays_on_record(scene, browse):
    interface, application = scene.interface(), scene.application()
    client = browse(scene.officer)
    client.post(
        url("grant-new", interface.code),
        {
            **GRANT,
            "application": application.pk,
            "mask_name": "none",
            "unmasked_reason": "资格认证须核对姓名",
        },
    )
    item = Grant.objects.get()
    assert item.masks == {}
    assert "资格认证须核对姓名" in text(client.get(url("grant", item.pk)))


def test_a_grant_is_changed_suspended_resumed_and_revoked_with_reasons(scene, browse):
    item = scene.grant()
    client = browse(scene.officer)
    client.post(
        url("grant-change", item.pk), {**GRANT, "filter_json": '{"not": {"is_null": ["name"]}}'}
    )
    item.refresh_from_db()
    assert (item.fields, item.row_filter) == (
        ["resident_no", "name"],
        {"not": {"is_null": ["name"]}},
    )
    assert "is_null" in text(client.get(url("grant-change", item.pk)))
    for verb, state in (("suspend", "suspended"), ("resume", "active"), ("revoke", "revoked")):
        page = url("grant-state", item.pk, verb)
        assert "还没有保存" in text(client.post(page, {"reason": ""}))
        client.post(page, {"reason": f"因为{verb}"})
        item.refresh_from_db()
        assert (item.state, item.closed_reason) == (state, f"因为{verb}")
        assert f"因为{verb}" in text(client.get(url("grant", item.pk)))
    assert client.get(url("grant-state", item.pk, "destroy")).status_code == 404


def test_each_department_sees_its_own_calls_only(scene, browse):
    caller = scene.shared()
    with gateway(scene) as running:
        caller.ask(running, "R1")
        caller.ask(running, "R1", "fields=family")
    calls.collect()
    third = catalog_cast._account("third", scene.city.admin.account.organization, "data_officer",
                                  scene.city.admin.account.organization)  # fmt: skip
    for reader in (scene.officer, scene.asker, scene.city.leader):
        page = text(browse(reader).get(url("calls"), {"days": "7"}))
        assert "字段未获授权" in page
        assert "网格移动端" in text(browse(reader).get(url("records")))
    assert "字段未获授权" not in text(browse(third).get(url("calls")))
    records = text(browse(third).get(url("records")))
    assert "还没有调用" in records
    client = browse(scene.officer)
    narrowed = text(client.get(url("records"), {"outcome": "field_not_granted", "page": "x"}))
    assert narrowed.count("入户走访") == 1
    partial = client.get(
        url("records"), {"interface": "none"}, headers={"HX-Target": "sharing-calls-results"}
    )
    assert "<html" not in text(partial)
    assert "还没有调用" in text(partial)
    errors = text(browse(scene.asker).get(url("application", caller.grant.application.code)))
    assert "字段未获授权" in errors


def test_calls_are_paged_newest_first(scene, browse, monkeypatch):
    from chengshu.data.sharing import records

    caller = scene.shared()
    with gateway(scene) as running:
        for n in range(5):
            caller.ask(running, f"R{n}")
    calls.collect()
    first = records.latest(scene.officer, size=3)
    second = records.latest(scene.officer, page=2, size=3)
    assert (len(first.rows), first.more, len(second.rows), second.more) == (3, True, 2, False)
    times = [r.called_at for r in (*first.rows, *second.rows)]
    assert times == sorted(times, reverse=True)
    assert len({r.request_id for r in (*first.rows, *second.rows)}) == 5


def test_a_verification_runs_as_a_job_and_names_what_was_changed(scene, browse):
    caller = scene.shared()
    with gateway(scene) as running:
        caller.ask(running, "R1")
        caller.ask(running, "R2")

    def verify():
        client = browse(scene.city.admin)
        target = client.post(url("verify")).url
        assert "hx-get" in text(client.get(target))
        job = Job.objects.filter(kind="sharing.verify_calls").order_by("-created_at").first()
        run_job.func(str(job.id))
        assert client.get(target, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
        return text(client.get(target))

    assert "核验通过" in verify()
    segment = next((scene.gateway / "audit" / "w00").glob("0*.jsonl"))
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:-1]))
    (scene.gateway / "audit" / "w00" / "checkpoints.jsonl").write_bytes(b"")
    page = verify()
    assert "核验未通过" in page
    assert "末尾被截去" in page
    assert browse(scene.officer).post(url("verify")).status_code == 403


def test_an_entrys_page_shows_its_interfaces_and_the_search_finds_them(scene, browse):
    from chengshu.data.sharing import search

    page = reverse("catalog:resource-usage", args=[scene.resource.pk])
    client = browse(scene.officer)
    assert "发布一个接口" in text(client.get(page))
    item = scene.interface()
    assert item.title in text(client.get(page))
    dispatch_all()
    found = {d.object_id: d for d in search.interface_documents(None)}
    assert "身份证号" in found[item.code].keywords
    scene.application()
    (document,) = search.application_documents(["grid-app"])
    assert document.organization_path == scene.city.market.path


def test_an_interface_that_lost_its_source_says_so(scene, browse):
    from chengshu.data.catalog.services import lifecycle

    item = scene.interface()
    lifecycle.suspend(actor=scene.city.admin, resource=scene.resource, reason="口径核对")
    assert "网关不再应答" in text(browse(scene.officer).get(url("interface", item.code)))
    bare = interfaces.create_interface(
        actor=scene.officer, resource_code=catalog_cast.published(scene.city).code, code="bare",
        title="空接口", key_column="id_number",
    )  # fmt: skip
    with pytest.raises(Exception, match="还没有归集"):
        build(bare)
    from chengshu.data.sharing.jobs import note_failure
    from chengshu.kernel.errors import Conflict

    note_failure(bare, Conflict("还没有归集数据。"))
    assert "没有成功：" in text(browse(scene.officer).get(url("interface", bare.code)))


def test_the_report_counts_by_interface_application_and_department_and_is_exported_on_record(
    scene, client_for
):
    caller = scene.shared()
    with gateway(scene) as running:
        for record in ("R1", "R1", "R2", "nobody"):
            caller.ask(running, record)
        caller.ask(running, "R1", "fields=family")
    calls.collect()
    page = url("report")
    client = client_for(scene.officer.account)
    for group, title in (
        ("interface", "按编号查询居民"), ("application", "网格移动端"),
        ("department", scene.city.market.name),
    ):  # fmt: skip
        assert title in client.get(page, {"group": group, "days": "7"}).content.decode()
    answer = client.get(page, {"format": "csv", "days": "7"})
    lines = b"".join(answer.streaming_content).decode().splitlines()
    row = dict(zip(lines[0].lstrip("\ufeff").split(","), lines[1].split(","), strict=True))
    assert (row["调用"], row["查到"], row["查无记录"], row["被拒绝或出错"]) == ("5", "3", "1", "1")
    assert (row["涉及记录（约）"], row["用它的单位"]) == ("2", "1")
    assert AuditRecord.objects.filter(action="sharing.report_exported").count() == 1
    assert client_for(scene.city.nobody.account).get(page).status_code == 403
