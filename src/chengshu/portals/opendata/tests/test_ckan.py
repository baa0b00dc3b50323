"""The CKAN action API: the envelope, the parameters and the errors that clients of CKAN rely on."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.services import datasets
from chengshu.data.opening.tests.cast import OPEN, Scene
from chengshu.portals.opendata.ckan.identity import Identifiers
from chengshu.portals.opendata.tests.conftest import shelve

Ask = Callable[..., Any]
Shelf = list[OpenDataset]


@pytest.fixture
def ask(client: Client) -> Ask:
    """Call an action as ``ckanapi`` does; the answer's body, its status checked."""

    def call(action: str, status: int = 200, **given: Any) -> Any:
        response = client.post(f"/api/action/{action}", given, content_type="application/json")
        assert response.status_code == status, response.text
        body = response.json()
        assert body["success"] is (status == 200)
        assert body["help"].endswith(f"/api/3/action/help_show?name={action}")
        return body["result"] if body["success"] else body["error"]

    return call


def test_names_are_listed_and_paged(three: Shelf, ask: Ask) -> None:
    assert ask("package_list") == ["bus-stops", "clinics", "public-facility"]
    assert ask("package_list", limit=1, offset=1) == ["clinics"]


def test_get_and_post_at_both_addresses_mean_the_same(three: Shelf, client: Client) -> None:
    answers = [
        client.get("/api/3/action/package_show?id=clinics"),
        client.get("/api/action/package_show?id=clinics"),
        client.post("/api/3/action/package_show", {"id": "clinics"}, "application/json"),
        client.post("/api/action/package_show", {"id": "clinics"}),
        client.post(
            "/api/action/package_show", '{"id": "clinics"}', "application/x-www-form-urlencoded"
        ),
        client.post("/api/3/action/package_show?id=clinics"),
    ]
    assert {response.json()["result"]["name"] for response in answers} == {"clinics"}


@pytest.mark.parametrize("header", ["Authorization", "X-CKAN-API-Key"])
def test_a_key_of_another_portal_does_no_harm(db: None, client: Client, header: str) -> None:
    response = client.get("/api/3/action/site_read", headers={header: "some-key"})
    assert response.json()["result"] is True


def test_a_call_from_another_sites_page_needs_no_token_of_ours(db: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/api/3/action/package_list", {}, "application/json")
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    before = strict.options("/api/3/action/package_list")
    assert "X-CKAN-API-Key" in before.headers["Access-Control-Allow-Headers"]


def test_a_dataset_is_shown_by_name_and_by_identifier(public: Scene, ask: Ask) -> None:
    shown = ask("package_show", id="public-facility")
    assert ask("package_show", id=shown["id"]) == shown
    assert (shown["title"], shown["license_id"], shown["isopen"]) == (
        "城市公共便民设施点位信息", "CC-BY-4.0", True,
    )  # fmt: skip
    assert shown["organization"]["title"] == "龙港市人社局"
    assert [g["name"] for g in shown["groups"]] == ["living"]
    assert [t["name"] for t in shown["tags"]] == ["公厕", "便民设施", "位置"]
    formats = [r["format"] for r in shown["resources"]]
    assert formats == ["CSV", "JSON", "XLSX", "Parquet", "GeoJSON", "Data Package", "API"]
    assert [r["datastore_active"] for r in shown["resources"]] == [True, *[False] * 6]


def test_every_file_is_there_with_the_size_and_digest_told(
    public: Scene, ask: Ask, client: Client
) -> None:
    for resource in ask("package_show", id="public-facility")["resources"]:
        assert ask("resource_show", id=resource["id"])["url"] == resource["url"]
        response = client.get(resource["url"])
        assert response.status_code == 200
        if resource["size"]:
            assert len(response.getvalue()) == resource["size"]


SEARCHES: tuple[tuple[dict[str, Any], list[str]], ...] = (
    ({}, ["clinics", "bus-stops", "public-facility"]),
    ({"q": "*:*", "rows": 0}, []),
    ({"rows": 1, "start": 1}, ["bus-stops"]),
    ({"sort": "name asc"}, ["bus-stops", "clinics", "public-facility"]),
    ({"sort": "score desc, title desc"}, ["clinics", "bus-stops", "public-facility"]),
    ({"q": "公交"}, ["bus-stops"]),
    ({"q": "座位数 公交"}, ["bus-stops"]),
    ({"q": "title:医疗"}, ["clinics"]),
    ({"fq": "groups:(health OR transport)"}, ["clinics", "bus-stops"]),
    ({"fq": "-groups:health +res_format:CSV"}, ["bus-stops", "public-facility"]),
    ({"fq": 'tags:"位置" AND NOT name:bus-*'}, ["public-facility"]),
    ({"fq_list": ["tags:位置", "groups:transport"]}, ["bus-stops"]),
    ({"fq": "metadata_modified:[2000-01-01T00:00:00Z TO *]", "rows": 1}, ["clinics"]),
    ({"fq": "metadata_modified:[* TO 2000-01-01]"}, []),
    ({"fq": "organization:nobody"}, []),
    ({"fq": "state:active capacity:public", "rows": "1"}, ["clinics"]),
)


def test_search_filters_orders_and_pages(three: Shelf, ask: Ask) -> None:
    for asked, names in SEARCHES:
        assert [r["name"] for r in ask("package_search", **asked)["results"]] == names, asked


def test_the_count_is_of_all_that_match_not_of_the_page(three: Shelf, ask: Ask) -> None:
    assert ask("package_search", rows=1, fq="tags:位置")["count"] == 2


def test_facets_count_what_was_found(three: Shelf, ask: Ask, client: Client) -> None:
    fields = ["groups", "tags", "organization", "res_format", "license_id"]
    found = ask("package_search", rows=0, **{"facet.field": fields})
    assert found["facets"]["groups"] == {"health": 1, "living": 1, "transport": 1}
    assert found["facets"]["tags"]["位置"] == 2
    assert found["facets"]["res_format"]["Parquet"] == 3
    assert found["facets"]["res_format"]["API"] == 3
    assert ask("package_search", rows=0, fq="res_format:API")["count"] == 3
    [unit] = found["search_facets"]["organization"]["items"]
    assert (unit["display_name"], unit["count"]) == ("龙港市人社局", 3)
    as_text = client.get(
        "/api/3/action/package_search",
        {"rows": 0, "facet.field": '["tags"]', "facet.limit": 1, "fq": "groups:transport"},
    ).json()["result"]
    assert as_text["facets"] == {"tags": {"位置": 1}}


MISUNDERSTOOD: tuple[dict[str, Any], ...] = (
    {"q": "nowhere:1"}, {"fq": "(tags:a"}, {"fq": "tags:a)"}, {"fq": "title:[1 TO 2]"},
    {"sort": "downloads desc"}, {"sort": "name sideways"}, {"facet.field": ["secret"]},
    {"q": "(" * 21 + "a" + ")" * 21}, {"fq": "metadata_modified:[yesterday TO *]"},
)  # fmt: skip


def test_a_search_that_cannot_be_understood_is_a_search_query_error(db: None, ask: Ask) -> None:
    for asked in MISUNDERSTOOD:
        error = ask("package_search", 400, **asked)
        assert error["__type"] == "Search Query Error", asked
        assert error["message"], asked
    assert ask("package_search", 409, q="a" * 2_001)["__type"] == "Validation Error"


def test_units_themes_keywords_and_licences_are_listed_and_shown(three: Shelf, ask: Ask) -> None:
    [code] = ask("organization_list")
    [unit] = ask("organization_list", all_fields=True)
    assert (unit["name"], unit["package_count"]) == (code, 3)
    shown = ask("organization_show", id=code, include_datasets=True)
    assert {p["name"] for p in shown["packages"]} == {"bus-stops", "clinics", "public-facility"}
    assert ask("group_list") == ["health", "living", "transport"]
    assert ask("group_show", id="transport")["package_count"] == 1
    assert [p["name"] for p in ask("group_package_show", id="health")] == ["clinics"]
    assert "公交" in ask("tag_list", query="公")
    [tagged] = ask("tag_show", id="公交", include_datasets=True)["packages"]
    assert tagged["name"] == "bus-stops"
    assert {licence["id"] for licence in ask("license_list")} == {"CC-BY-4.0", "CC0-1.0"}


def test_suggestions_and_whole_lists(three: Shelf, ask: Ask) -> None:
    assert [s["name"] for s in ask("package_autocomplete", q="医疗")] == ["clinics"]
    whole = ask("current_package_list_with_resources", limit=2)
    assert [(p["name"], p["num_resources"]) for p in whole] == [("clinics", 6), ("bus-stops", 6)]


REFUSED: tuple[tuple[str, dict[str, Any], int, str], ...] = (
    ("package_show", {"id": "nothing"}, 404, "Not Found Error"),
    ("package_show", {}, 409, "Validation Error"),
    ("package_show", {"id": ["a"]}, 409, "Validation Error"),
    ("package_list", {"limit": -1}, 409, "Validation Error"),
    ("resource_show", {"id": "4c1f8b1e-0000-8000-8000-000000000001"}, 404, "Not Found Error"),
    ("organization_show", {"id": "nobody"}, 404, "Not Found Error"),
    ("group_show", {"id": "nothing"}, 404, "Not Found Error"),
    ("tag_show", {"id": "nothing"}, 404, "Not Found Error"),
    ("package_create", {"name": "x"}, 403, "Authorization Error"),
    ("datastore_search", {}, 409, "Validation Error"),
    ("datastore_search", {"resource_id": "nothing"}, 404, "Not Found Error"),
)


def test_errors_have_the_type_and_status_that_clients_know(db: None, ask: Ask) -> None:
    for action, asked, status, kind in REFUSED:
        error = ask(action, status, **asked)
        assert error["__type"] == kind, action
        assert error["message"], action


@pytest.mark.parametrize(
    ("path", "body"),
    [("package_explode", "{}"), ("package_show", "{"), ("package_show", "[1]"),
     ("package_show", "[" * 100_000)],
)  # fmt: skip
def test_what_cannot_be_read_is_answered_with_a_sentence(
    db: None, client: Client, path: str, body: str
) -> None:
    response = client.post(f"/api/3/action/{path}", body, "application/json")
    assert response.status_code == 400
    assert response.json().startswith("Bad request")
    assert client.delete("/api/3/action/package_list").status_code == 405


def test_a_withdrawn_dataset_is_not_found_and_the_reason_is_told(public: Scene, ask: Ask) -> None:
    shown = ask("package_show", id="public-facility")
    datasets.withdraw(
        actor=public.admin, dataset=OpenDataset.objects.get(), reason="坐标有误，正在核对"
    )
    for action, identifier in (
        ("package_show", "public-facility"), ("package_show", shown["id"]),
        ("resource_show", shown["resources"][0]["id"]),
    ):  # fmt: skip
        assert "坐标有误" in ask(action, 404, id=identifier)["message"]
    assert ask("datastore_search", 404, resource_id=shown["resources"][0]["id"])
    assert ask("package_search")["count"] == 0


def test_a_draft_is_nowhere(scene: Scene, ask: Ask) -> None:
    draft = scene.dataset()
    assert ask("package_list") == []
    ask("package_show", 404, id=draft.slug)
    ask("package_show", 404, id=Identifiers("").of(draft.pk))


@pytest.fixture
def file(public: Scene, ask: Ask) -> str:
    """The identifier of the file that can be queried."""
    return str(ask("package_show", id="public-facility")["resources"][0]["id"])


def test_rows_are_filtered_ordered_and_paged(file: str, ask: Ask) -> None:
    found = ask(
        "datastore_search", resource_id=file, filters={"kind": ["01", "02"], "is_free": True},
        sort="seats desc, facility_no", fields=["facility_no", "seats"], limit=3, offset=1,
    )  # fmt: skip
    wanted = sorted(
        (-(i % 7) if i % 5 else 1, f"BM{i:05}") for i in range(60) if i % 3 < 2 and i % 2 == 0
    )
    assert [r["facility_no"] for r in found["records"]] == [number for _, number in wanted[1:4]]
    assert found["total"] == len(wanted)
    assert [f["id"] for f in found["fields"]] == ["facility_no", "seats"]
    assert "offset=4" in found["_links"]["next"]


def test_pages_cover_every_row_once(file: str, ask: Ask) -> None:
    seen = [
        row["facility_no"]
        for start in range(0, 60, 25)
        for row in ask(
            "datastore_search", resource_id=file, limit=25, offset=start, sort="_id asc"
        )["records"]
    ]
    assert sorted(seen) == [f"BM{i:05}" for i in range(60)]


def test_a_row_keeps_its_number_in_every_answer_and_can_be_asked_for_by_it(
    file: str, ask: Ask
) -> None:
    def rows(**asked: Any) -> list[tuple[int, str]]:
        found = ask("datastore_search", resource_id=file, total_estimation_threshold=10, **asked)
        assert found["fields"][0] == {
            "id": "_id", "type": "int8", "info": {"label": "行号", "notes": "在这一版里的位置"},
        }  # fmt: skip
        assert found["total_was_estimated"] is False
        return [(row["_id"], row["facility_no"]) for row in found["records"]]

    every = rows(limit=60)
    assert [number for number, _ in every] == list(range(1, 61))
    assert rows(limit=5, offset=7) == every[7:12]
    assert rows(limit=2, sort="_id desc") == every[:-3:-1]
    assert set(rows(filters={"kind": "01"}, sort="seats desc", limit=60)) <= set(every)
    assert set(rows(q="设施1", sort="facility_no")) <= set(every)
    assert rows(filters={"_id": [3, 9]}) == [every[2], every[8]]
    shown = ask("datastore_search", resource_id=file, fields=["kind"], limit=1)["records"]
    assert list(shown[0]) == ["kind"]


def test_equal_rows_of_some_fields_are_one_when_that_is_asked(file: str, ask: Ask) -> None:
    asked = {"resource_id": file, "distinct": True, "fields": ["kind", "is_free"]}
    found = ask("datastore_search", limit=4, sort="kind desc", **asked)
    assert found["total"] == 6
    rest = ask("datastore_search", limit=4, offset=4, sort="kind desc", **asked)["records"]
    pairs = [(row["kind"], row["is_free"]) for row in found["records"] + rest]
    assert [kind for kind, _ in pairs] == ["03", "03", "02", "02", "01", "01"]
    assert len(set(pairs)) == 6
    assert ask("datastore_search", filters={"kind": "01"}, offset=9, **asked)["total"] == 2


def test_words_are_found_in_any_field_or_in_one(file: str, ask: Ask) -> None:
    assert ask("datastore_search", resource_id=file, q="设施17号")["total"] == 1
    assert ask("datastore_search", resource_id=file, q={"facility_name": "设施17号"})["total"] == 1
    assert ask("datastore_search", resource_id=file, q={"facility_no": "设施17号"})["total"] == 0


def test_the_data_dictionary_and_lists(file: str, ask: Ask, client: Client) -> None:
    info = ask("datastore_info", id=file)
    assert info["meta"]["count"] == 60
    assert [f["id"] for f in info["fields"]] == OPEN
    ask("datastore_search_sql", 403, sql="SELECT 1")
    assert {f["id"]: f["type"] for f in info["fields"]}["seats"] == "int8"
    asked = {"resource_id": file, "records_format": "lists", "limit": "1", "sort": "facility_no",
             "filters": json.dumps({"kind": "01"}), "include_total": "false"}  # fmt: skip
    answer = client.get("/api/3/action/datastore_search", asked).json()["result"]
    assert answer["records"][0][1:4] == ["BM00000", "便民设施0号", "01"]
    assert "total" not in answer


UNANSWERABLE: tuple[tuple[dict[str, Any], str], ...] = (
    ({"filters": {"nowhere": 1}}, "filters"), ({"filters": "{"}, "filters"),
    ({"filters": {"kind__gte": "1"}}, "filters"), ({"filters": {"seats": "many"}}, "filters"),
    ({"filters": {"kind": []}}, "filters"), ({"filters": {"kind": None}}, "filters"),
    ({"sort": "nowhere desc"}, "sort"), ({"sort": "kind; DROP TABLE t"}, "sort"),
    ({"fields": ["nowhere"]}, "fields"), ({"limit": "ten"}, "limit"), ({"offset": 200_000}, "offset"),
    ({"q": {"nowhere": "x"}}, "q"), ({"records_format": "xml"}, "records_format"),
    ({"distinct": True, "fields": ["kind"], "sort": "seats"}, "sort"), ({"filters": {"_id": "x"}}, "filters"),
)  # fmt: skip


def test_a_question_about_rows_that_cannot_be_answered_names_the_parameter(
    file: str, ask: Ask
) -> None:
    for asked, field in UNANSWERABLE:
        error = ask("datastore_search", 409, resource_id=file, **asked)
        assert error["__type"] == "Validation Error", asked
        assert error[field][0], asked


def test_masked_fields_say_so_and_stay_masked(masked: Scene, ask: Ask) -> None:
    shown = ask("package_show", id="facility-keepers")
    extras = {e["key"]: e["value"] for e in shown["extras"]}
    assert "keeper：" in extras["masked_fields"]
    assert "第十条" in extras["legal_basis"]
    found = ask("datastore_search", resource_id=shown["resources"][0]["id"], limit=60)
    notes = {f["id"]: f["info"]["notes"] for f in found["fields"]}
    assert notes["keeper"].startswith("已脱敏：")
    assert not notes["facility_no"].startswith("已脱敏")
    assert all("*" in row["keeper"] for row in found["records"])


def test_identifiers_read_back_and_belong_to_one_city() -> None:
    ours, others = Identifiers("330383000000"), Identifiers("330302000000")
    for record, file in ((1, ""), (2**40, "csv"), (7, "datapackage")):
        assert ours.read(ours.of(record, file)) == (record, file)
        assert others.read(ours.of(record, file)) is None
    assert ours.read("public-facility") is None


def test_search_and_facets_cost_the_same_whatever_the_number(
    three: Shelf, client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        shelve(three[0].resource, f"more-{number}", f"更多数据集 {number}", theme="living")
    with django_assert_max_num_queries(4):
        client.get('/api/3/action/package_search?q=更多&rows=100&facet.field=["tags"]')
    with django_assert_max_num_queries(4):
        client.get("/api/3/action/organization_list?all_fields=true")
