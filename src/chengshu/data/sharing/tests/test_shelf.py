"""The resource supermarket: found by search and facets, compared, looked at masked, and who uses it."""

import json
import re
from urllib.parse import urlencode

import pytest
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.models import ResourceVersion
from chengshu.data.quality.models import Evaluation
from chengshu.data.sharing import sample_rows, shelf
from chengshu.data.sharing.models import CallStatistic
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, NotAllowed


def url(name, *args, **query):
    return f"{reverse(f'sharing:{name}', args=args)}?{urlencode(query, doseq=True)}"


def page(client, actor, address):
    client.force_login(actor.account)
    answer = client.get(address)
    return answer.status_code, answer.content.decode()


def test_the_shelf_is_searched_by_field_names_and_narrowed_by_counted_facets(scene, client):
    item, _second = scene.interface(), scene.interface("resident-two", title="按编号查居民乙")
    Evaluation.objects.create(resource=scene.resource, grade="good", score=95.2)
    _, found = page(client, scene.asker, url("interfaces", q="家庭人口"))
    assert item.title in found
    _, none = page(client, scene.asker, url("interfaces", q="家庭人口", grade="poor"))
    assert "没有符合条件的记录" in none
    _, shelf_page = page(client, scene.asker, url("interfaces"))
    grades = shelf_page.split("<h2>质量</h2>")[1].split("</section>")[0]
    assert "grade=good" in grades
    assert "grade=poor" not in grades
    assert re.findall(r">\s*(\d+)\s*<", grades) == ["2"], "how many it would leave"
    for facet in ("单位", "分类", "共享类型", "时效", "级别"):
        assert f"<h2>{facet}</h2>" in shelf_page


def test_a_look_at_the_data_is_short_masked_by_level_and_leaves_a_record(scene):
    item = scene.interface()
    found = sample_rows.look(actor=scene.asker, interface=item)
    assert len(found.rows) == sample_rows.ROWS
    first = found.rows[0]
    assert first["resident_no"] == found.record == "R0"
    assert first["name"] == "王**"
    assert first["mobile"] == "154****5678"
    assert first["id_number"] == "390383********0011"
    assert first["born_on"] == "1990"
    assert json.loads(found.answer)["data"] == first
    left = AuditRecord.objects.get(action="sharing.sample_viewed")
    assert left.after["rows"] == sample_rows.ROWS
    with pytest.raises(NotAllowed):
        sample_rows.look(actor=scene.city.nobody, interface=item)


def test_what_is_most_sensitive_is_hidden_whole_and_what_is_not_shared_shows_nothing(scene):
    columns = [
        {"name": "illness", "title": "诊断", "type": "text", "sensitivity": "L4"},
        {"name": "contact", "title": "联系人", "type": "text", "sensitivity": "L2"},
        {"name": "owner", "title": "所有人", "type": "text", "sensitivity": "L2"},
        {"name": "kin", "title": "与户主关系代码", "type": "text", "sensitivity": "L2"},
        {"name": "site", "title": "学校地址", "type": "text", "sensitivity": "L1"},
    ]
    assert sample_rows.preview_masks(columns) == {
        "illness": "full", "contact": "name", "owner": "name", "kin": "none", "site": "none",
    }  # fmt: skip
    item = scene.interface()
    # Past the guard of frozen versions: as if the catalogue had taken its word back.
    versions: QuerySet[ResourceVersion] = QuerySet(ResourceVersion)
    versions.filter(pk=item.resource.published_id).update(sharing_type="none")
    with pytest.raises(Conflict, match="不予共享"):
        sample_rows.look(actor=scene.asker, interface=item)


def test_who_uses_an_interface_is_told_by_department_with_calls_but_not_by_application(
    scene, client
):
    caller = scene.shared()
    CallStatistic.objects.create(
        hour=timezone.now(), application=caller.grant.application.code, calls=41,
        interface=caller.grant.interface.code, outcome="ok",
    )  # fmt: skip
    (user,) = shelf.users([caller.grant.interface])[caller.grant.interface.pk]
    assert (user.applications, user.calls) == (1, 41)
    _, seen = page(client, scene.city.leader, url("interface", caller.grant.interface.code))
    assert user.name in seen


def test_two_to_four_are_compared_side_by_side(scene, client):
    one, other = scene.interface(), scene.interface("resident-two", title="按编号查居民乙")
    status, side = page(client, scene.asker, url("interface-compare", i=[one.code, other.code]))
    assert status == 200
    for word in (one.title, other.title, "更新周期", "有条件共享", "✓ L3", "在用单位"):
        assert word in side
    status, refused = page(client, scene.asker, url("interface-compare", i=[one.code]))
    assert status == 422
    assert "一次对比 2 到 4 个" in refused
    chosen = client.post(url("interface-choose"), {"selected": [str(one.pk), str(other.pk)]})
    assert sorted(chosen.url.partition("?")[2].split("&")) == [f"i={one.code}", f"i={other.code}"]


def test_the_sample_page_shows_request_and_answer(scene, client):
    item = scene.interface()
    _, seen = page(client, scene.asker, url("interface-sample", item.code))
    for word in ("openssl dgst", "GatewayClient", "会答什么", "王**"):
        assert word in seen
    assert "王小明" not in seen
    assert "390383199001010011" not in seen
