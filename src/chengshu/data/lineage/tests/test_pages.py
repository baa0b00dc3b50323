"""Lineage of real records: a delivered file, its rows, an interface with a masked grant, and the pages."""

import json

import pytest
from django.apps import apps
from django.urls import reverse

from chengshu.data.catalog.facade import published_by_id
from chengshu.data.ingest.tests import factories
from chengshu.data.lineage import rows as lineage_rows
from chengshu.data.lineage.facade import graph_of, row_origin

pytestmark = pytest.mark.django_db
TABLE = "std:person_register"
# Sharing registers itself here; the test meets it as lineage does, without importing it.
Application, Grant, ShareInterface = (
    apps.get_model("sharing", name) for name in ("Application", "Grant", "ShareInterface")
)


@pytest.fixture
def loaded(officer, resource):
    content = factories.table([factories.row(n) for n in range(1, 6)])
    return factories.load(officer, resource, content)


@pytest.fixture
def shared(loaded, resource, cast):
    columns = [
        {"name": c.name, "type": "text", "title": c.title, "sensitivity": c.sensitivity}
        for c in published_by_id(resource.pk).columns
    ]
    interface = ShareInterface.objects.create(
        code="by-no", title="按编号查询", resource=resource, key_column="person_no", state="online",
        columns=columns,
    )  # fmt: skip
    application = Application.objects.create(
        code="grid", name="网格通", owner=cast.department_b, purpose="核验"
    )
    return Grant.objects.create(
        application=application, interface=interface, fields=["person_no", "full_name"],
        masks={"full_name": "name"}, purpose="核验",
    )  # fmt: skip


def test_a_field_is_followed_from_the_file_to_the_application(officer, shared):
    graph = graph_of(officer)
    steps = graph.upstream("application:grid.by-no.full_name")
    titles = {graph.nodes[key].title for key in steps}
    assert "姓名" in titles
    assert any(key.endswith(f"{TABLE}.full_name") or key == f"{TABLE}.full_name" for key in steps)
    source = next(k for k in steps if k.startswith("delivery:"))
    assert source.endswith("person_register.姓名")
    assert graph.up["application:grid.by-no.full_name"] == {
        "interface:by-no.full_name": "脱敏：姓名"
    }
    assert "application:grid.by-no.id_number" not in graph.nodes, (
        "an un-granted field flows nowhere"
    )


def test_queries_do_not_grow_with_the_city(
    officer,
    shared,
    cast,
    django_assert_max_num_queries,
):
    for n in range(4):
        other = factories.publish(cast.department_a, title=f"登记 {n}", physical_name=f"other_{n}")
        factories.load(officer, other, factories.table([factories.row(1)]))
    with django_assert_max_num_queries(14):
        graph = graph_of(officer)
    assert sum(key.startswith("std:") and "." not in key for key in graph.nodes) == 5


def test_other_departments_do_not_see_it(shared, cast, actor_for, client):
    other = actor_for(cast.officer_b)
    assert not graph_of(other).nodes
    client.force_login(cast.officer_b)
    assert client.get(reverse("lineage:graph"), {"node": TABLE}).status_code == 404


def test_a_row_leads_back_to_its_batch_and_line(loaded, resource):
    described = published_by_id(resource.pk)
    origin = row_origin(described, ("P00003",))
    assert origin is not None
    assert (origin.batch, origin.number) == (loaded, 4), "the header is line 1"
    assert row_origin(described, ("P99999",)) is None


def test_the_stamp_columns_are_those_of_collection():
    from chengshu.data.ingest.pipeline import STAMPS

    assert {lineage_rows.BATCH, lineage_rows.ROW} == {field.name for field in STAMPS}


def test_the_pages_draw_and_say_the_same_in_lists(client, cast, shared, resource):
    client.force_login(cast.officer_a)
    start = client.get(reverse("lineage:graph"), {"q": "人员"}).content.decode()
    assert "人员登记信息" in start
    page = client.get(reverse("lineage:graph"), {"node": TABLE}).content.decode()
    for word in ("<svg", "按编号查询", "网格通", "上游", "下游", "ln-line--masked"):
        assert word in page
    assert "style=" not in page.split("<svg")[1].split("</svg>")[0]
    field = client.get(reverse("lineage:graph"), {"node": f"{TABLE}.id_number"}).content.decode()
    assert "网格通" not in field
    tables = client.get(reverse("lineage:graph"), {"node": TABLE, "level": "table"})
    assert "ln-row" not in tables.content.decode().replace("ln-row--", "")
    narrowed = client.get(reverse("lineage:graph"), {"node": TABLE, "q": "姓名"}).content.decode()
    assert "字段：手机号" not in narrowed
    assert "字段：姓名" in narrowed


def test_the_tab_of_an_entry_asks_for_a_row(client, cast, loaded, resource):
    client.force_login(cast.officer_a)
    url = reverse("lineage:resource", args=[resource.pk])
    assert "这一行从哪里来" in client.get(url).content.decode()
    found = client.get(url, {"key-person_no": "P00002"}).content.decode()
    assert "第 3 行" in found
    assert "没有这一行" in client.get(url, {"key-person_no": "nobody"}).content.decode()
    client.force_login(cast.officer_b)
    assert "只对提供单位" in client.get(url).content.decode()


def test_an_entry_without_data_says_how_lineage_comes(client, cast, resource):
    client.force_login(cast.officer_a)
    page = client.get(reverse("lineage:resource", args=[resource.pk])).content.decode()
    assert "还没有血缘" in page


def test_the_export_is_openlineage_json(client, cast, shared):
    client.force_login(cast.officer_a)
    answer = client.get(reverse("lineage:export"))
    events = json.loads(answer.content)
    assert "attachment" in answer["Content-Disposition"]
    assert any(event["job"]["name"] == "lake:person_register" for event in events)
