"""The portal as strangers meet it: pages, downloads, the JSON interface, and too much asked at once."""

import hashlib
import json

import pytest
from django.test import Client

from chengshu.data.opening.models import DownloadCount
from chengshu.data.opening.services import datasets, interfaces
from chengshu.data.opening.tests.cast import OPEN, Scene, collect, release, rows
from chengshu.data.opening.tests.conftest import scene  # noqa: F401 - the same scene
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import run_job
from chengshu.portals.opendata import pointmap

PAGE = "/open/datasets/public-facility/"
API = "/open/api/v1/datasets/public-facility/records"


@pytest.fixture
def public(scene: Scene) -> Scene:  # noqa: F811 - pytest's way to name a fixture
    scene.public()
    return scene


def test_the_portal_is_useful_before_anything_is_open(client: Client, db) -> None:
    for path in ("/open/", "/open/datasets/", "/open/interfaces/"):
        response = client.get(path)
        assert response.status_code == 200
        assert "还没有开放" in response.text


def test_home_shows_computed_counters_themes_and_the_newest(public: Scene, client: Client) -> None:
    text = client.get("/open/").text
    assert "城市公共便民设施点位信息" in text
    assert "生活服务" in text
    assert 'title="60 条"' in text


@pytest.mark.parametrize("words", ["便民", "点位信息", "公厕", "设施编号"])
def test_two_to_four_characters_find_it(public: Scene, client: Client, words: str) -> None:
    assert PAGE in client.get("/open/datasets/", {"q": words}).text


def test_facets_narrow_and_an_empty_result_says_what_to_do(public: Scene, client: Client) -> None:
    assert PAGE in client.get("/open/datasets/", {"theme": "living", "format": "csv"}).text
    text = client.get("/open/datasets/", {"theme": "transport"}).text
    assert PAGE not in text
    assert "没有符合条件的数据集" in text


@pytest.mark.parametrize("page", ["0", "-1", "x", "²", "999999999999"])
def test_nonsense_page_numbers_do_no_harm(public: Scene, client: Client, page: str) -> None:
    assert client.get("/open/datasets/", {"page": page}).status_code == 200
    assert client.get(PAGE, {"page": page}).status_code == 200


def test_the_dataset_page_has_all_it_promises(public: Scene, client: Client) -> None:
    text = client.get(PAGE).text
    for expected in ("预览", "图表", "地图", "字段", "校验值", "curl -sS", "urlopen(", "引用", "CC-BY-4.0", "描述质量",
                     "公共厕所", "第 1 版", "<circle"):  # fmt: skip
        assert expected in text
    for hidden in ("王小明", "15400000000", "责任人姓名"):
        assert hidden not in text


def test_the_preview_filters_and_sorts_on_the_server(public: Scene, client: Client) -> None:
    text = client.get(
        PAGE, {"f.kind": "02", "sort": "-facility_no"}, headers={"HX-Target": "preview"}
    ).text
    assert "符合条件 20 条" in text
    assert text.index("BM00058") < text.index("BM00055")
    assert "<html" not in text
    assert "没有符合条件的记录" in client.get(PAGE, {"q": "找不到"}).text


@pytest.mark.parametrize(
    "query",
    [{"sort": "1; DROP TABLE t"}, {"f.nowhere": "1"}, {"f.kind": "' OR 1=1 --"}, {"q": "\"'; --"},
     {"f.seats": "many"}, {"sort": '-facility_no" DESC; --'}, {"q": "<script>alert(1)</script>"}],
)  # fmt: skip
def test_attacks_on_the_preview_are_told_or_find_nothing(
    public: Scene, client: Client, query: dict
) -> None:
    response = client.get(PAGE, query)
    assert response.status_code == 200
    assert "BM00001" not in response.text.partition('id="preview"')[2].partition("</section>")[0]
    assert "<script>alert" not in response.text


def test_downloads_carry_their_checksum_and_are_counted(public: Scene, client: Client) -> None:
    for kind in ("csv", "json", "xlsx", "parquet"):
        response = client.get(f"/open/datasets/public-facility.{kind}")
        content = b"".join(response.streaming_content)
        assert response.headers["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
        again = client.get(
            f"/open/datasets/public-facility.{kind}",
            headers={"If-None-Match": response.headers["ETag"]},
        )
        assert again.status_code == 304
        head = client.head(f"/open/datasets/public-facility.{kind}")
        assert head.headers["Content-Length"] == str(len(content))
    assert dict(DownloadCount.objects.values_list("format", "count")) == dict.fromkeys(
        ("csv", "json", "xlsx", "parquet"), 1
    )


def test_old_versions_stay_downloadable_by_their_number(public: Scene, client: Client) -> None:
    collect(public.resource, rows(61))
    from chengshu.data.opening.models import OpenDataset

    release(OpenDataset.objects.get())
    old = client.get(f"{PAGE}files/1/public-facility.json")
    new = client.get("/open/datasets/public-facility.json")
    assert [len(json.loads(b"".join(r.streaming_content))) for r in (old, new)] == [60, 61]
    assert client.get(f"{PAGE}files/3/public-facility.json").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/open/datasets/public-facility.exe", "/open/datasets/public-facility.csv%2f..",
     f"{PAGE}files/1/other.csv", f"{PAGE}files/1/..%2f..%2fchengshu.sqlite3", "/open/datasets/nothing/"],
)  # fmt: skip
def test_files_nobody_published_are_not_there(public: Scene, client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_withdrawn_dataset_is_gone_everywhere(public: Scene, client: Client) -> None:
    from chengshu.data.opening.models import OpenDataset

    datasets.withdraw(
        actor=public.admin, dataset=OpenDataset.objects.get(), reason="坐标有误，正在核对"
    )
    for path in (
        PAGE,
        "/open/datasets/public-facility.csv",
        f"{PAGE}files/1/public-facility.csv",
        API,
    ):
        response = client.get(path)
        assert response.status_code == 410
    assert "坐标有误" in client.get(PAGE).text
    assert PAGE not in client.get("/open/datasets/").text


def test_the_interface_answers_pages_conditions_and_order(public: Scene, client: Client) -> None:
    first = client.get(API, {"limit": "25", "sort": "facility_no"}).json()
    assert (first["total"], len(first["records"])) == (60, 25)
    assert list(first["records"][0]) == OPEN
    second = client.get(first["next"]).json()
    assert second["records"][0]["facility_no"] == "BM00025"
    assert client.get(API, {"limit": "25", "offset": "50"}).json()["next"] is None
    found = client.get(API, {"is_free": "true", "seats__gte": "6"}).json()
    assert all(r["is_free"] and r["seats"] >= 6 for r in found["records"])


@pytest.mark.parametrize(
    ("query", "field"),
    [({"limit": "1001"}, "limit"), ({"limit": "-1"}, "limit"), ({"limit": "abc"}, "limit"),
     ({"offset": "100001"}, "offset"), ({"nowhere": "1"}, "nowhere"), ({"seats": "x"}, "seats"),
     ({"sort": "nowhere"}, "sort"), ({"q": "x" * 201}, "q")],
)  # fmt: skip
def test_the_interface_says_what_is_wrong(
    public: Scene, client: Client, query: dict, field: str
) -> None:
    response = client.get(API, query)
    assert response.status_code == 422
    assert response.headers["Content-Type"].startswith("application/problem+json")
    assert field in response.json()["errors"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_the_interface_lists_and_describes(public: Scene, client: Client) -> None:
    listed = client.get("/open/api/v1/datasets", {"q": "便民"}).json()
    assert [d["slug"] for d in listed["datasets"]] == ["public-facility"]
    one = client.get("/open/api/v1/datasets/public-facility").json()
    assert {f["format"] for f in one["files"]} == {"csv", "json", "xlsx", "parquet", "geojson"}
    assert [f["name"] for f in one["fields"]] == OPEN
    assert client.get(one["records"]).json()["total"] == 60
    missing = client.get("/open/api/v1/datasets/nothing")
    assert (missing.status_code, missing.json()["status"]) == (404, 404)
    assert client.post("/open/api/v1/datasets").status_code == 405


def test_an_open_interface_answers_without_a_dataset(scene: Scene, client: Client) -> None:  # noqa: F811
    interfaces.create_interface(
        actor=scene.admin, resource_code=scene.resource.code, slug="facility", title="便民设施查询"
    )
    path = "/open/api/v1/interfaces/facility/records"
    assert client.get(path).status_code == 404
    run_job.func(str(Job.objects.get(kind="opening.publish_interface").id))
    assert client.get(path, {"facility_no": "BM00007"}).json()["total"] == 1
    assert "便民设施查询" in client.get("/open/interfaces/").text
    assert "便民设施查询" in client.get("/open/").text
    assert "便民设施查询" in client.get("/open/datasets/", {"q": "便民设施"}).text
    assert client.get("/open/api/v1/interfaces").json()["interfaces"][0]["rows"] == 60


def test_pages_ask_the_database_a_constant_number_of_times(
    public: Scene, client: Client, django_assert_max_num_queries
) -> None:
    for number in range(12):
        public.public(slug=f"more-{number}", title=f"更多数据集 {number}")
    with django_assert_max_num_queries(8):
        client.get("/open/")
    with django_assert_max_num_queries(6):
        client.get("/open/datasets/")
    with django_assert_max_num_queries(6):
        client.get(PAGE)


def test_the_sample_call_of_the_page_runs(public: Scene, client: Client) -> None:
    text = client.get(PAGE).text
    address = text.partition("curl -sS &#x27;")[2].partition("&#x27;")[0].replace("&amp;", "&")
    assert len(client.get(address).json()["records"]) == 5


def test_the_map_keeps_every_place_inside_and_north_up() -> None:
    drawn = pointmap.draw([(120.50, 27.50, "南"), (120.60, 27.60, "北"), (120.55, 27.55, "中")])
    assert drawn is not None
    assert all(0 < d.x < drawn.width and 0 < d.y < drawn.height for d in drawn.dots)
    south, north, _ = drawn.dots
    assert north.y < south.y
    assert north.x > south.x
    assert drawn.meridians
    assert pointmap.draw([]) is None
    assert pointmap.draw([(120.5, 27.5, "一处")]) is not None
