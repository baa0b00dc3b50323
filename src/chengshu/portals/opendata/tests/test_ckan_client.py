"""The client that everybody uses, unchanged, against a live portal."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
import requests
from django.test import Client
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from chengshu.data.opening.tests.cast import BASIS, CONTENT, MASKED_FIELDS, MASKS, Scene
from chengshu.kernel.identity.models import Account
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import run_job
from chengshu.kernel.tokens import services as tokens

pytestmark = [pytest.mark.service, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ckanapi() -> Any:
    return pytest.importorskip("ckanapi", reason="ckanapi is not installed (make test installs it)")


@pytest.fixture(params=[False, True], ids=["post", "get"])
def portal(public: Scene, live_server: Any, ckanapi: Any, request: Any) -> Iterator[Any]:
    """A connection that sends everything in one of the client's two ways, with a key of its own."""
    with ckanapi.RemoteCKAN(live_server.url, apikey="a-key", get_only=request.param) as connection:
        yield connection


def test_ckanapi_finds_shows_and_reads(portal: Any, ckanapi: Any) -> None:
    assert portal.action.site_read() is True
    assert portal.action.package_list() == ["public-facility"]
    found = portal.action.package_search(q="便民", fq="res_format:CSV", rows=5, start=0)
    [shown] = found["results"]
    assert portal.action.package_show(id=shown["id"])["name"] == "public-facility"
    [file] = [r for r in shown["resources"] if r["datastore_active"]]
    page = portal.action.datastore_search(resource_id=file["id"], limit=7, sort="facility_no desc")
    assert [row["facility_no"] for row in page["records"]] == [
        f"BM{i:05}" for i in range(59, 52, -1)
    ]
    with pytest.raises(ckanapi.NotFound, match="没有找到这个数据集"):
        portal.action.package_show(id="nothing")
    with pytest.raises(ckanapi.ValidationError) as refused:
        portal.action.datastore_search(resource_id=file["id"], sort="nowhere")
    assert "sort" in refused.value.error_dict
    with pytest.raises(ckanapi.SearchQueryError, match="nowhere"):
        portal.action.package_search(q="nowhere:1")
    with pytest.raises(ckanapi.NotAuthorized):
        portal.action.package_create(name="mine")


@pytest.mark.usefixtures("collecting")
def test_ckanapi_writes_a_draft_that_a_second_person_publishes_and_everybody_finds(
    sensitive: Scene, live_server: Any, ckanapi: Any, client_for: Callable[[Account], Client]
) -> None:
    key = tokens.issue(
        actor=sensitive.officer, name="脚本", scopes=["opening.draft", "opening.upload"], days=1
    )[1]
    extras = {
        "catalogue_code": sensitive.resource.code, "fields": MASKED_FIELDS,
        "masks": json.dumps(MASKS), "legal_basis": BASIS,
    }  # fmt: skip
    with ckanapi.RemoteCKAN(live_server.url, apikey=key) as portal:
        made = portal.action.package_create(
            name="facility-keepers", title="便民设施责任人", notes=CONTENT.summary, owner_org="330383-RS",
            groups=[{"name": "living"}], tags=[{"name": "公厕"}],
            extras=[{"key": name, "value": value} for name, value in extras.items()],
        )  # fmt: skip
        with pytest.raises(ckanapi.ValidationError) as refused:
            portal.action.package_patch(id=made["id"], private=False)
        assert "private" in refused.value.error_dict
        file = BytesIO("设施编号,设施名称\nBM90001,新公厕\n".encode("utf-8-sig"))
        file.name = "新增.csv"
        brought = portal.action.resource_create(package_id=made["id"], upload=file)
        run_job.func(str(Job.objects.get(kind="ingest.load").pk))
        assert portal.action.resource_show(id=brought["id"])["rows_accepted"] == 1
        assert portal.action.package_search(q="责任人")["count"] == 0
    assert sensitive.admin.account is not None
    second = client_for(sensitive.admin.account)
    page = "/console/opening/datasets/facility-keepers/"
    assert "等待另一人审批" in second.get(page).text
    assert second.post(f"{page}approve/").status_code == 302
    assert second.post(f"{page}publish/").status_code == 302
    run_job.func(str(Job.objects.get(kind="opening.publish").pk))
    with ckanapi.RemoteCKAN(live_server.url) as anybody:
        [found] = anybody.action.package_search(q="责任人")["results"]
        assert (found["name"], found["isopen"]) == ("facility-keepers", True)
        assert {"key": "records", "value": "61"} in found["extras"]
        with pytest.raises(ckanapi.NotAuthorized):
            anybody.action.package_patch(id=made["id"], title="陌生人")


def _by_pandas(url: str, form: str) -> list[dict[str, Any]]:
    pandas = pytest.importorskip("pandas", reason="pandas comes with the developers' requirements")
    read = pandas.read_csv if form == "CSV" else pandas.read_parquet
    table = read(BytesIO(requests.get(url, timeout=30).content))
    return [
        {name: None if pandas.isna(value) else value for name, value in row.items()}
        for row in table.to_dict("records")
    ]


def _by_arrow(url: str, form: str) -> list[dict[str, Any]]:
    content = BytesIO(requests.get(url, timeout=30).content)
    table = arrow_csv.read_csv(content) if form == "CSV" else parquet.read_table(content)
    found: list[dict[str, Any]] = table.to_pylist()
    return found


@pytest.mark.parametrize("read", [_by_pandas, _by_arrow])
def test_a_researchers_figures_are_those_of_the_page(
    public: Scene, live_server: Any, ckanapi: Any, client: Client, read: Callable[..., Any]
) -> None:
    with ckanapi.RemoteCKAN(live_server.url) as portal:
        [found] = portal.action.package_search(q="便民设施", fq="res_format:Parquet")["results"]
    page = client.get(found["url"].removeprefix(live_server.url))
    told = {field["name"]: field for field in page.context["fields"]}
    drawn = client.get(f"{found['url'].removeprefix(live_server.url)}?chart=kind").context["drawn"]
    chart = drawn.chart
    words = dict(zip(chart.categories, chart.series[0].values, strict=True))
    codes = {"1": "公共厕所", "2": "直饮水点", "3": "休憩驿站"}
    for form in ("CSV", "Parquet"):
        [file] = [r for r in found["resources"] if r["format"] == form]
        rows = read(file["url"], form)
        assert f"{len(rows)} 条" in page.text
        kinds = Counter(codes[str(int(row["kind"]))] for row in rows)
        assert kinds == words, form
        seats = [int(row["seats"]) for row in rows if row["seats"] is not None]
        assert len(seats) == told["seats"]["filled"] < len(rows)
        assert (min(seats), max(seats)) == (told["seats"]["least"], told["seats"]["most"])
        assert f"{min(seats)} – {max(seats)}" in page.text
        assert {row["facility_no"] for row in rows} == {f"BM{i:05}" for i in range(60)}
