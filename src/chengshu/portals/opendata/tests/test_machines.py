"""What crawlers, harvesters and data libraries find: descriptions that are true of the files, feeds, sitemap, RDF."""

import hashlib
import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from rdflib import DCAT, DCTERMS, RDF, Graph, URIRef

from chengshu.data.catalog.dcat.tests import semic
from chengshu.data.catalog.models import Resource
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.services import datasets
from chengshu.data.opening.tests.cast import OPEN, Scene, collect, release, rows
from chengshu.portals.opendata.metadata.schemaorg import embedded

PAGE = "/open/datasets/public-facility/"
ATOM = "{http://www.w3.org/2005/Atom}"
PLACES = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def embedded_in(text: str) -> Any:
    [found] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


def test_the_data_package_is_true_of_the_files(public: Scene, client: Client) -> None:
    package = client.get(f"{PAGE}datapackage.json").json()
    assert (package["name"], package["licenses"][0]["name"]) == ("public-facility", "CC-BY-4.0")
    for resource in package["resources"]:
        content = client.get(resource["path"]).getvalue()
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert resource["bytes"] == len(content)
    csv = package["resources"][0]
    head = client.get(csv["path"]).getvalue().decode(csv["encoding"]).partition("\n")[0]
    names = [field["name"] for field in csv["schema"]["fields"]]
    assert [name.strip('"') for name in head.strip().split(",")] == names == OPEN
    assert csv["schema"]["primaryKey"] == ["facility_no"]
    kinds = {field["name"]: field["type"] for field in csv["schema"]["fields"]}
    assert (kinds["seats"], kinds["is_free"], kinds["longitude"]) == (
        "integer",
        "boolean",
        "number",
    )


def test_descriptions_name_the_release_so_that_they_stay_true(
    public: Scene, client: Client
) -> None:
    before = client.get(f"{PAGE}croissant.json").json()
    collect(public.resource, rows(61))
    release(OpenDataset.objects.get())
    assert client.get(f"{PAGE}croissant.json").json()["version"] == "2.0.0"
    for file in before["distribution"]:
        content = client.get(file["contentUrl"]).getvalue()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]


def test_croissant_draws_every_field_from_the_file_with_types(
    public: Scene, client: Client
) -> None:
    response = client.get(f"{PAGE}croissant.json")
    assert response.headers["Content-Type"].startswith("application/ld+json")
    told = response.json()
    assert told["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    files = {file["@id"] for file in told["distribution"]}
    [records] = told["recordSet"]
    assert [f["source"]["extract"]["column"] for f in records["field"]] == OPEN
    assert {f["source"]["fileObject"]["@id"] for f in records["field"]} == {"parquet"} <= files
    assert records["key"] == [{"@id": "records/facility_no"}]


def test_every_description_says_what_was_masked(masked: Scene, client: Client) -> None:
    page = "/open/datasets/facility-keepers/"
    package = client.get(f"{page}datapackage.json").json()
    fields = {f["name"]: f for f in package["resources"][0]["schema"]["fields"]}
    assert fields["keeper"]["masked"]
    assert fields["opened_on"]["type"] == "string"
    assert "masked" not in fields["facility_no"]
    croissant = client.get(f"{page}croissant.json").json()
    schema_org = embedded_in(client.get(page).text)
    for told in (
        {f["name"]: f.get("description", "") for f in fields.values()},
        {f["name"]: f["description"] for f in croissant["recordSet"][0]["field"]},
        {f["name"]: f.get("description", "") for f in schema_org["variableMeasured"]},
    ):
        masked_fields = {name for name, text in told.items() if "已脱敏：" in text}
        assert masked_fields == {"keeper", "keeper_mobile", "opened_on", "cost"}


def test_the_page_carries_schema_org_and_leads_to_all_descriptions(
    public: Scene, client: Client
) -> None:
    response = client.get(PAGE)
    told = embedded_in(response.text)
    assert (told["@type"], told["name"]) == ("Dataset", "城市公共便民设施点位信息")
    assert len(told["distribution"]) == 5
    # The policy allows no inline script; a data block is none, so it must stay of a type no browser runs.
    assert "script-src 'self';" in response.headers["Content-Security-Policy"]
    links = re.findall(r'<link rel="alternate"[^>]*?href="([^"]+)"', response.text, re.DOTALL)
    assert len(links) == 9
    for address in links:
        assert client.get(address.replace("&amp;", "&")).status_code == 200, address


def test_no_title_can_end_the_embedded_description() -> None:
    text = embedded({"name": "</script><script>alert(1)</script>&amp;"})
    assert "<" not in text
    assert json.loads(text)["name"] == "</script><script>alert(1)</script>&amp;"


SYNTAXES = {
    "text/turtle": "turtle", "application/ld+json": "json-ld", "application/rdf+xml": "xml",
    "application/rdf+xml;q=0.9, text/html;q=0.5": "xml",
}  # fmt: skip
PAGES = ("text/html,application/xhtml+xml,*/*;q=0.8", "*/*", "", "image/png")


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_who_asks_for_rdf_gets_the_dataset_as_one_of_its_own_and_all_others_get_the_page(
    public: Scene, client: Client
) -> None:
    for accept, syntax in SYNTAXES.items():
        response = client.get(PAGE, headers={"Accept": accept})
        assert response.status_code == 303
        assert "Accept" in response.headers["Vary"]
        entry = client.get(response.headers["Location"])
        graph = Graph().parse(data=entry.getvalue(), format=syntax)
        node = URIRef(f"http://testserver{PAGE}")
        assert (node, RDF.type, DCAT.Dataset) in graph
        files = {
            url
            for d in graph.objects(node, DCAT.distribution)
            for url in graph.objects(d, DCAT.downloadURL)
        }
        assert URIRef("http://testserver/open/datasets/public-facility.csv") in files
        assert len(files) == 5
        assert semic.broken(graph, semic.shapes(semic.MANDATORY)) == {}
        whole = client.get("/open/", headers={"Accept": accept})
        assert whole.status_code == 303
        found = Graph().parse(data=client.get(whole.headers["Location"]).getvalue(), format=syntax)
        assert list(found.subjects(DCTERMS.identifier, None))
    for accept in PAGES:
        assert client.get(PAGE, headers={"Accept": accept}).status_code == 200
        assert client.get("/open/datasets/", headers={"Accept": accept}).status_code == 200


def test_an_entry_that_is_not_for_the_public_is_not_led_to(public: Scene, client: Client) -> None:
    Resource.objects.update(state="suspended")
    assert client.get(PAGE, headers={"Accept": "text/turtle"}).status_code == 200
    assert "DCAT-AP" not in client.get(PAGE).text


def test_each_release_is_an_entry_of_the_feeds(public: Scene, client: Client) -> None:
    collect(public.resource, rows(61))
    release(OpenDataset.objects.get())
    atom = ET.fromstring(client.get("/open/feed.atom").content)
    titles = [e.findtext(f"{ATOM}title") for e in atom.findall(f"{ATOM}entry")]
    assert titles == [f"城市公共便民设施点位信息（第 {n} 版）" for n in (2, 1)]
    assert len({e.findtext(f"{ATOM}id") for e in atom.findall(f"{ATOM}entry")}) == 2
    rss = ET.fromstring(client.get("/open/feed.rss").content)
    assert [i.findtext("link") for i in rss.iter("item")] == [f"http://testserver{PAGE}"] * 2
    datasets.withdraw(actor=public.admin, dataset=OpenDataset.objects.get(), reason="坐标有误")
    assert "便民设施" not in client.get("/open/feed.atom").text


def test_the_sitemap_lists_what_is_public_and_robots_names_it(
    three: list[OpenDataset], client: Client
) -> None:
    OpenDataset.objects.filter(slug="clinics").update(state="withdrawn")
    robots = client.get("/robots.txt").text
    address = robots.partition("Sitemap: ")[2].strip()
    found = ET.fromstring(client.get(address).content)
    places = [place.text for place in found.iter(f"{PLACES}loc")]
    assert "http://testserver/open/datasets/bus-stops/" in places
    assert not any("clinics" in str(place) for place in places)
    assert all(client.get(place).status_code == 200 for place in places if "datasets/" not in place)
    assert "Disallow: /\n" in robots


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_a_restricted_dataset_is_described_everywhere_and_no_description_leads_to_a_row(
    bound: Scene, client: Client
) -> None:
    release(bound.approved(restricted=True))
    page = "/open/restricted/public-facility/"
    ckan = client.get("/api/3/action/package_search?fq=isopen:false").json()["result"]
    [found] = ckan["results"]
    assert (found["isopen"], found["private"], found["state"]) == (False, False, "active")
    assert (found["license_id"], found["resources"]) == ("other-closed", [])
    assert found["url"] == f"http://testserver{page}"
    assert client.get(f"/api/3/action/package_show?id={found['id']}").json()["result"] == found
    assert client.get("/api/3/action/package_search?fq=isopen:true").json()["result"]["count"] == 0
    told = embedded_in(client.get(page).text)
    assert "接受数据利用协议" in told["conditionsOfAccess"]
    assert (told["isAccessibleForFree"], told["distribution"]) == (True, [])
    assert f"http://testserver{page}" in client.get("/sitemap.xml").text
    led = client.get(page, headers={"Accept": "text/turtle"})
    graph = Graph().parse(data=client.get(led.headers["Location"]).content, format="turtle")
    node = URIRef(f"http://testserver{page}")
    assert str(graph.value(node, DCTERMS.accessRights)).endswith("/RESTRICTED")
    assert not list(graph.objects(None, DCAT.downloadURL))
    assert semic.broken(graph, semic.shapes(semic.MANDATORY)) == {}
    seen = "".join((json.dumps(ckan), json.dumps(told), client.get(led.headers["Location"]).text))
    assert "BM00001" not in seen
    assert "public-facility.csv" not in seen
