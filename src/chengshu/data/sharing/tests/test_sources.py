"""Proxied interfaces (代理接口): registered, granted, called through the real gateway; credentials never shown."""

import pytest
from django.urls import reverse

from chengshu.data.sharing.declarations import Declaration, parameters_from, source_of
from chengshu.data.sharing.models import ProxySource, ShareInterface
from chengshu.data.sharing.publishing import build_bundle
from chengshu.data.sharing.services import interfaces, sources
from chengshu.data.sharing.tests.cast import dispatch_all, gateway
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu_gateway.sources import Parameter
from chengshu_gateway.tests.department_source import department, people

SECRET = "token-of-the-department"
FORM = {
    "title": "实时查询居民", "code": "resident-live", "url": "https://rs.example.gov.cn/api/person",
    "method": "GET", "parameters": "sfzh 身份证号 必填 query 18\nxm 姓名 选填", "authentication": "bearer",
    "secret": SECRET, "rows_at": "data.list", "success_at": "code", "success_is": "200,0",
    "timeout": "3", "attempts": "2", "most": "5", "cache_seconds": "0", "idempotent": "on",
    "key_column": "id_number", "path_id_number": "sfzh", "path_name": "xm",
}  # fmt: skip


def declaration(**changes):
    values = {
        "url": "https://rs.example.gov.cn/api/person", "headers": {"X-Key": SECRET},
        "parameters": (Parameter("sfzh", "身份证号", length=18),), "rows_at": "data.list",
        "mapping": {"id_number": "sfzh", "name": "xm"}, "most": 5,
    }  # fmt: skip
    return Declaration(**{**values, **changes})


def registered(scene, **changes):
    return sources.register_source(
        actor=scene.officer, resource_code=scene.resource.code, code="resident-live", title="",
        key_column="id_number", declaration=declaration(**changes),
    )  # fmt: skip


def url(name, *args):
    return reverse(f"sharing:{name}", args=args)


def text(response, status=200):
    assert response.status_code == status, response.content.decode()[:2000]
    return response.content.decode()


def test_the_officer_registers_a_departments_interface_and_changes_it_on_pages(scene, client):
    client.force_login(scene.officer.account)
    assert url("source-new", scene.resource.code) in text(client.get(url("interface-new")))
    new = url("source-new", scene.resource.code)
    shown = text(client.get(new))
    assert 'name="path_id_number" value="id_number"' in shown
    wrong = {**FORM, "parameters": "sfzh", "secret": ""}
    refused = text(client.post(new, wrong))
    assert "这一行读不懂：sfzh" in refused
    assert "请填写令牌或密钥" in refused
    inside = text(client.post(new, {**FORM, "url": "http://10.1.2.3/api"}))
    assert "不在管理员允许的网段内" in inside
    assert SECRET not in inside
    assert client.post(new, FORM).status_code == 302
    item = ShareInterface.objects.get()
    assert [c["name"] for c in item.columns] == ["name", "id_number"]
    page = text(client.get(url("interface", item.code)))
    assert "https://rs.example.gov.cn" in page
    assert "3 秒，最多尝试 2 次" in page
    for absent in ("更新快照", "样例数据与调用", "报告数据有误"):
        assert absent not in page
    change = url("interface-source", item.code)
    form = text(client.get(change))
    assert "sfzh 身份证号 必填 query 18" in form
    assert SECRET not in form
    client.post(change, {**FORM, "authentication": "keep", "secret": "", "timeout": "1.5"})
    source = ProxySource.objects.get()
    assert source.timeout_ms == 1500
    bundle, problems = build_bundle()
    assert not problems
    assert bundle.interfaces[0].source.timeout == 1.5
    kept = str(list(ProxySource.objects.values())) + str(
        list(AuditRecord.objects.values_list("before", "after"))
    )
    assert SECRET not in kept
    assert source.headers_sealed
    assert SECRET not in str(bundle)
    client.force_login(scene.asker.account)
    assert "https://rs.example.gov.cn" not in text(client.get(url("interface", item.code)))
    assert client.post(change, FORM).status_code == 403
    assert client.post(new, {**FORM, "code": "mine"}).status_code == 403


def test_a_proxied_interface_is_granted_and_described_in_its_own_way(scene, client):
    item = registered(scene)
    client.force_login(scene.officer.account)
    form = text(client.get(url("grant-new", item.code)))
    assert "代理，平台转给提供部门自己的接口" in form
    assert "批量查，一次最多" not in form
    grant = scene.grant(interface=item, fields=["id_number", "name"], masks={"name": "name"},
                        kinds=["lookup"], unmasked_reason="核对完整证件号")  # fmt: skip
    assert grant.kinds == ["proxy"]
    guide = text(client.get(url("grant-guide", grant.pk)))
    assert "client.proxy(&quot;resident-live&quot;, parameters={&quot;sfzh&quot;" in guide
    told = client.get(url("grant-openapi", grant.pk)).json()
    assert "/share/v1/resident-live/proxy" in told["paths"]
    assert "example.gov.cn" not in str(told)
    with pytest.raises(Conflict):
        interfaces.refresh(actor=scene.officer, interface=item)
    interfaces.set_online(actor=scene.officer, interface=item, online=False, reason="整改")
    interfaces.set_online(actor=scene.officer, interface=item, online=True, reason="")
    assert item.state == "online"


@pytest.mark.service
def test_the_gateway_asks_the_department_for_the_granted_application(scene, settings):
    settings.PROXY_NETWORKS = ["127.0.0.0/8"]
    with department(people({"sfzh": "390383199001010011", "xm": "王小明"})) as source:
        item = registered(scene, url=f"{source.url}/api")
        caller = scene.shared(interface=item, fields=["id_number", "name"], unmasked_reason="核对",
                              masks={"name": "name"})  # fmt: skip
        asked = {"parameters": {"sfzh": "390383199001010011"}}
        with gateway(scene) as running:
            reply = caller.post(running, "proxy", asked)
            assert reply.json["data"] == [{"id_number": "390383199001010011", "name": "王**"}]
            assert source.asked[0].headers["X-Key"] == SECRET
            settings.PROXY_NETWORKS = []
            sources.change_source(
                actor=scene.officer, interface=item, key_column="id_number",
                declaration=declaration(url=f"http://localhost:{source.port}/api", headers=None),
            )  # fmt: skip
            dispatch_all()
            refused = caller.post(running, "proxy", asked)
            assert (refused.status, refused.json["code"]) == (502, "source_failed")
        assert len(source.asked) == 1


def test_who_may_not_and_what_cannot_be_called_safely_is_refused_whole(scene):
    with pytest.raises(NotAllowed):
        sources.register_source(
            actor=scene.asker, resource_code=scene.resource.code, code="x-live", title="",
            declaration=declaration(),
        )  # fmt: skip
    for changes in (
        {"url": "http://169.254.169.254/latest"}, {"url": "http://[::1]/"}, {"mapping": {"x": "y"}},
        {"headers": {"Host": "other"}}, {"headers": {"X-Key": "a\nb"}}, {"idempotent": False, "attempts": 2},
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            registered(scene, **changes)
    assert not ShareInterface.objects.exists()
    plain = scene.interface()
    assert source_of(plain) is None
    with pytest.raises(Conflict):
        sources.change_source(actor=scene.officer, interface=plain, declaration=declaration())


def test_lines_of_parameters_are_read_with_their_defaults():
    assert parameters_from("id 编号\n\nxm 姓名 选填 body 20") == (
        Parameter("id", "编号"), Parameter("xm", "姓名", required=False, place="body", length=20),
    )  # fmt: skip
    for line in ("id", "id 编号 也许", "id 编号 必填 header"):
        with pytest.raises(ValueError, match="id"):
            parameters_from(line)
