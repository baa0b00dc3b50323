"""The catalogue as DCAT-AP 3: valid by the profile's constraints, the same in three syntaxes, nothing hidden shown."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pyshacl import validate
from rdflib import DCAT, DCTERMS, FOAF, RDF, SH, XSD, Graph, Literal, URIRef
from rdflib.compare import isomorphic

from chengshu.data.catalog import demo, offers
from chengshu.data.catalog.dcat import vocabulary, writing
from chengshu.data.catalog.dcat.graph import Site, site_at
from chengshu.data.catalog.dcat.tests import semic
from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.offers import DatasetOffer, FileOffer, ServiceOffer
from chengshu.data.catalog.services import lifecycle
from chengshu.data.catalog.tests.cast import PENSION, Cast, published
from chengshu.kernel.access.actor import platform
from chengshu.kernel.identity.models import Organization
from chengshu_demo import city as whole_city

SHAPES = Path(__file__).with_name("shapes.ttl")
# The profile's own file as SEMIC publishes it is checked too where one lies (see NOTICE.txt).
SHAPE_FILES = [
    Path(name) for name in (str(SHAPES), os.environ.get("CHENGSHU_DCATAP_SHAPES", "")) if name
]
BASE = "https://data.example.org/"
# Constraints in SEMIC's file: 25 of catalogues, 12 of records, 17 of services, 12 of series, 36 of datasets, 34 of
# distributions, 28 of the rest.
FACTS = 164
# Recommended and missing: nobody has decided under which licence the descriptions stand, no frame and no middle of the
# city is entered in the tests, a restricted service has a condition instead of a licence, and no description page.
EXPLAINED = {
    ("Catalog", "license"), ("Location", "bbox"), ("Location", "centroid"),
    ("Distribution", "license"), ("DataService", "endpointDescription"),
}  # fmt: skip
HIDDEN = replace(PENSION, title="不开放的资源", open_type="forbidden", open_condition="")
IMPORTANT = replace(PENSION, title="重要数据资源", national_class="important")
FILE = FileOffer(
    key="pension-csv", title="参保信息（CSV）", access_url="/open/datasets/pension/",
    download_url="/open/datasets/pension.csv", media_type="text/csv",
    licence="https://creativecommons.org/licenses/by/4.0/", size=2048, issued=timezone.now(),
)  # fmt: skip
SERVICE = ServiceOffer(
    key="share-pension", title="参保核验", endpoint="https://gw.example.org/share/v1/p/"
)


@pytest.fixture
def filled(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Cast:
    entry = published(cast)
    published(cast, name="hidden", content=HIDDEN)
    published(cast, name="important", content=IMPORTANT)
    Resource.objects.filter(pk=entry.pk).update(fresh_at=timezone.now())
    monkeypatch.setattr(offers, "PROVIDERS", {"test": lambda _ids: {entry.pk: [FILE, SERVICE]}})
    return cast


def whole() -> Graph:
    """The public catalogue as one graph."""
    merged = Graph()
    for part in writing.graphs(site_at(BASE), writing.showable()):
        merged += part
    return merged


def problems(graph: Graph, shapes: Path = SHAPES, *, warnings: bool = False) -> str:
    conforms, _report, text = validate(
        graph, shacl_graph=Graph().parse(shapes), allow_warnings=not warnings
    )
    return "" if conforms else str(text)


def test_it_keeps_every_constraint_and_recommendation(filled: Cast) -> None:
    graph = whole()
    assert problems(graph, warnings=True) == ""
    assert len(set(graph.subjects(RDF.type, DCAT.Dataset))) == 1
    assert len(set(graph.subjects(RDF.type, DCAT.Distribution))) == 2
    assert len(set(graph.subjects(RDF.type, DCAT.DataService))) == 1


def test_what_was_opened_of_an_entry_is_a_dataset_of_its_own(
    filled: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = Resource.objects.get(published__title=PENSION.title)
    moment = timezone.now()
    said = {
        "title": "参保信息（脱敏）", "summary": "脱敏后的参保信息", "version": "2",
        "issued": moment, "modified": moment,
    }  # fmt: skip
    opened = DatasetOffer(key="pension", page="/open/datasets/pension/", files=(FILE,), **said)
    bound = DatasetOffer(
        key="bound", page="/open/restricted/bound/", restricted=True, condition="接受协议", **said
    )
    monkeypatch.setattr(
        offers, "PROVIDERS", {"test": lambda _ids: {entry.pk: [SERVICE, opened, bound]}}
    )
    graph = whole()
    assert problems(graph, warnings=True) == ""
    assert semic.broken(graph, semic.shapes(semic.MANDATORY)) == {}
    assert set(semic.broken(graph, semic.shapes(semic.RECOMMENDED, SH.Warning))) <= EXPLAINED
    source = URIRef(f"{BASE}catalog/dataset/{entry.code}")
    for page, right, files in (
        ("datasets/pension", "PUBLIC", 1),
        ("restricted/bound", "RESTRICTED", 0),
    ):
        node = URIRef(f"{BASE}open/{page}/")
        assert (node, DCTERMS.source, source) in graph
        assert str(graph.value(node, DCTERMS.accessRights)).endswith(right)
        ways = list(graph.objects(node, DCAT.distribution))
        assert len(ways) == 1
        assert len(list(graph.objects(ways[0], DCAT.downloadURL))) == files
    assert len(list(graph.objects(source, DCAT.distribution))) == 1
    [only] = list(writing.graphs(site_at(BASE), writing.showable(), offer="bound"))[1:]
    assert URIRef(f"{BASE}open/datasets/pension/") not in set(only.subjects())


def test_it_keeps_every_constraint_of_semics_own_file(filled: Cast) -> None:
    graph = whole()
    kinds = (DCAT.Catalog, DCAT.CatalogRecord, DCAT.Dataset, DCAT.Distribution, DCAT.DataService)
    assert all(set(graph.subjects(RDF.type, kind)) for kind in kinds)
    assert semic.broken(graph, semic.shapes(semic.MANDATORY)) == {}


def test_what_semic_recommends_is_there_but_for_what_nobody_entered(filled: Cast) -> None:
    """Each warning left has its reason in ``docs/status.md``; a new kind of warning fails here."""
    found = semic.broken(whole(), semic.shapes(semic.RECOMMENDED, SH.Warning))
    assert set(found) <= EXPLAINED


def test_semics_constraints_are_really_asked(filled: Cast) -> None:
    """Each mandatory value taken away, and each typed value made a stranger, is seen."""
    constraints, graph = semic.shapes(semic.MANDATORY), whole()
    for kind, prop, part, _value in sorted(semic.table(semic.MANDATORY)):
        nodes = [n for n in graph.subjects(RDF.type, kind) if (n, prop, None) in graph]
        if not nodes or part not in ("min", "class"):
            continue
        node, kept = nodes[0], list(graph.objects(nodes[0], prop))
        graph.remove((node, prop, None))
        if part == "class":
            graph.add((node, prop, URIRef("urn:stranger")))
        small = Graph()
        for triple in ((node, RDF.type, kind), *graph.triples((node, prop, None))):
            small.add(triple)
        assert semic.broken(small, constraints) != {}, (kind, prop, part)
        graph.remove((node, prop, None))
        for value in kept:
            graph.add((node, prop, value))


def test_the_demo_city_keeps_every_constraint_of_semics_file(db: None) -> None:
    """Every ninth entry; ``benchmarks/catalogue_exchange.py`` asks the whole city."""
    whole = whole_city()
    city = replace(whole, entries=whole.entries[::9], libraries=())
    root = Organization.objects.create(
        code="330383", name="龙港市", short="龙港市", kind="municipal"
    )
    for unit in city.organisations:
        if unit.kind == "department":
            Organization.objects.create(
                code=unit.code, name=unit.name, short=unit.short, kind="department", parent=root
            )
    demo.load_city(city, actor=platform())
    Resource.objects.update(fresh_at=timezone.now())
    graph = Graph()
    for part in writing.graphs(site_at(BASE), writing.published()):
        graph += part
    assert len(set(graph.subjects(RDF.type, DCAT.Dataset))) == len(city.entries)
    assert semic.broken(graph, semic.shapes(semic.MANDATORY)) == {}
    warnings = semic.broken(graph, semic.shapes(semic.RECOMMENDED, SH.Warning))
    # Nothing of the bare catalogue is shared or opened yet, so no entry has a distribution.
    assert set(warnings) <= EXPLAINED | {("Dataset", "distribution")}


def test_the_table_of_facts_reads_back_from_the_shapes_made_of_it() -> None:
    """A copy of SEMIC's file, where one lies, says the same; so do the shapes made of the table."""
    facts = semic.table(semic.MANDATORY)
    assert len(facts) == FACTS
    for graph in (semic.shapes(semic.MANDATORY), *(Graph().parse(p) for p in SHAPE_FILES[1:])):
        assert semic.facts_of(graph) == facts


@pytest.mark.parametrize("shapes", SHAPE_FILES, ids=lambda path: path.name)
def test_it_keeps_what_is_mandatory(filled: Cast, shapes: Path) -> None:
    assert problems(whole(), shapes) == ""


@pytest.mark.parametrize(
    ("kind", "predicate"),
    [
        (DCAT.Catalog, DCTERMS.title), (DCAT.Catalog, DCTERMS.description),
        (DCAT.Catalog, DCTERMS.publisher), (DCAT.Dataset, DCTERMS.title),
        (DCAT.Dataset, DCTERMS.description), (DCAT.Distribution, DCAT.accessURL),
        (DCAT.DataService, DCAT.endpointURL), (DCAT.DataService, DCTERMS.title),
        (DCAT.CatalogRecord, DCTERMS.modified), (DCAT.CatalogRecord, FOAF.primaryTopic),
        (FOAF.Agent, FOAF.name),
    ],
)  # fmt: skip
def test_what_the_profile_demands_is_really_checked(
    filled: Cast, kind: URIRef, predicate: URIRef
) -> None:
    graph = whole()
    for node in set(graph.subjects(RDF.type, kind)):
        graph.remove((node, predicate, None))
    assert problems(graph) != ""


@pytest.mark.parametrize(
    ("predicate", "value"),
    [
        (DCTERMS.accessRights, URIRef("https://example.org/secret")),
        (DCTERMS.accrualPeriodicity, URIRef("https://example.org/often")),
        (DCTERMS.modified, Literal("gestern")),
        (DCAT.theme, Literal("养老")),
    ],
)
def test_a_wrong_value_is_seen(filled: Cast, predicate: URIRef, value: URIRef | Literal) -> None:
    graph = whole()
    node = next(graph.subjects(RDF.type, DCAT.Dataset))
    graph.set((node, predicate, value))
    assert problems(graph) != ""


def test_an_entry_says_what_the_catalogue_says(filled: Cast) -> None:
    graph = whole()
    entry = Resource.objects.select_related("published").get(physical_name="rs_pension")
    node = URIRef(f"{BASE}catalog/dataset/{entry.code}")
    assert graph.value(node, DCTERMS.title) == Literal(PENSION.title, lang="zh")
    assert graph.value(node, DCTERMS.identifier) == Literal(entry.code)
    assert str(graph.value(node, DCTERMS.accessRights)).endswith("/RESTRICTED")
    assert str(graph.value(node, DCTERMS.accrualPeriodicity)).endswith("/DAILY")
    assert graph.value(node, vocabulary.VERSION) == Literal("1")
    publisher = graph.value(node, DCTERMS.publisher)
    assert graph.value(publisher, FOAF.name) == Literal("龙港市人社局", lang="zh")
    files = [d for d in graph.objects(node, DCAT.distribution) if graph.value(d, DCAT.downloadURL)]
    assert graph.value(files[0], DCAT.downloadURL) == URIRef(f"{BASE}open/datasets/pension.csv")
    assert graph.value(files[0], DCAT.byteSize) == Literal("2048", datatype=XSD.nonNegativeInteger)


# rdflib's own JSON-LD parser still uses the class it deprecates.
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
@pytest.mark.parametrize("path", ["/catalog.ttl", "/catalog.jsonld", "/catalog.rdf"])
def test_the_public_sees_the_same_in_every_syntax(filled: Cast, path: str) -> None:
    response = Client().get(path)
    body = response.getvalue().decode()  # type: ignore[attr-defined]
    syntax = {"ttl": "turtle", "jsonld": "json-ld", "rdf": "xml"}[path.rpartition(".")[2]]
    parsed = Graph().parse(data=body, format=syntax)
    expected = Graph()
    for part in writing.graphs(site_at("http://testserver/"), writing.showable()):
        expected += part
    assert isomorphic(parsed, expected)
    assert PENSION.title in body
    assert "不开放的资源" not in body
    assert "重要数据资源" not in body
    assert 'rel="alternate"' in response["Link"]


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("application/ld+json", "application/ld+json"), ("application/rdf+xml;q=0.9", "application/rdf+xml"),
        ("text/turtle", "text/turtle"), ("*/*", "text/turtle"), ("image/png", "text/turtle"),
    ],
)  # fmt: skip
def test_the_client_chooses_the_syntax(filled: Cast, accept: str, given: str) -> None:
    response = Client().get("/catalog", headers={"Accept": accept})
    assert response["Content-Type"].startswith(given)
    assert "Accept" in response["Vary"]


def test_an_identifier_leads_to_its_entry_and_hidden_ones_to_nothing(filled: Cast) -> None:
    shown, hidden = (Resource.objects.get(physical_name=n).code for n in ("rs_pension", "hidden"))
    body = Client().get(f"/catalog/dataset/{shown}").getvalue().decode()  # type: ignore[attr-defined]
    assert PENSION.title in body
    assert Client().get(f"/catalog/dataset/{hidden}").status_code == 404
    assert Client().get("/catalog.csv").status_code == 404


def test_what_is_suspended_is_not_offered(filled: Cast) -> None:
    entry = Resource.objects.get(physical_name="rs_pension")
    lifecycle.suspend(actor=filled.admin, resource=entry, reason="核查")
    assert set(whole().subjects(RDF.type, DCAT.Dataset)) == set()


def test_the_command_writes_all_that_is_published(filled: Cast, tmp_path: Path) -> None:
    target = tmp_path / "catalog.ttl"
    call_command("catalog", "dcat", "--output", str(target), "--base-url", BASE, verbosity=0)
    graph = Graph().parse(target)
    assert len(set(graph.subjects(RDF.type, DCAT.Dataset))) == 3
    assert problems(graph) == ""
    assert f"{vocabulary.AUTHORITY}access-right/NON_PUBLIC" in target.read_text("utf-8")
    with pytest.raises(CommandError, match="结尾"):
        call_command("catalog", "dcat", "--output", str(tmp_path / "catalog.csv"))


def test_strange_codes_stay_valid_addresses() -> None:
    site = Site(BASE)
    assert str(site.node("catalog/dataset/1/01 <x>")) == f"{BASE}catalog/dataset/1/01%20%3Cx%3E"
