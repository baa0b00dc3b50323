"""Builds the graph: the catalogue itself, and every entry with what it offers (DCAT-AP 3.0.1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote, urljoin

from rdflib import DCAT, DCTERMS, FOAF, RDF, RDFS, SKOS, XSD, Graph, Literal, Node, URIRef

from chengshu.data.catalog.choices import Level, OpenType
from chengshu.data.catalog.dcat import vocabulary as words
from chengshu.data.catalog.models import Resource, ResourceVersion
from chengshu.data.catalog.offers import DatasetOffer, FileOffer, Offer, ServiceOffer
from chengshu.kernel.identity.models import Organization, Region

TITLE = "龙港市公共数据目录"
DESCRIPTION = "全市各部门已发布的公共数据资源：有什么数据、谁负责、多久更新、能不能开放和怎样取得。"


@dataclass(frozen=True, slots=True)
class Site:
    """Where the catalogue lives: ``base`` is the site's address with the final ``/``."""

    base: str
    city: str = "龙港市"
    region: str = ""
    owner: str = "龙港市"
    centre: tuple[float, float] | None = None
    """Longitude and latitude of the city's middle (CGCS2000, as good as WGS 84 here); None when nobody entered it."""

    def node(self, path: str) -> URIRef:
        """The identifier of something below the site."""
        return URIRef(urljoin(self.base, quote(path, safe="/-._~")))

    def link(self, address: str) -> URIRef:
        """An address as one of the web: those of this site are completed."""
        return URIRef(urljoin(self.base, address))

    @property
    def catalogue(self) -> URIRef:
        return self.node("catalog")


def empty() -> Graph:
    """A graph that knows the prefixes."""
    graph = Graph(bind_namespaces="none")
    for prefix, namespace in words.PREFIXES.items():
        graph.bind(prefix, namespace)
    return graph


def text(value: str) -> Literal:
    """Chinese text."""
    return Literal(value, lang="zh")


def moment(value: date) -> Literal:
    """A moment, or a day."""
    kind = XSD.dateTime if isinstance(value, datetime) else XSD.date
    return Literal(value.isoformat(), datatype=kind)


def catalogue(site: Site, *, issued: datetime | None, modified: datetime | None) -> Graph:
    """The catalogue without its entries, and the concepts all entries refer to."""
    graph, node = empty(), site.catalogue
    publisher = site.node("catalog/agent/city")
    spatial = site.node(f"catalog/place/{site.region or 'city'}")
    for predicate, value in (
        (RDF.type, DCAT.Catalog), (DCTERMS.title, text(TITLE)),
        (DCTERMS.description, text(DESCRIPTION)), (DCTERMS.publisher, publisher),
        (DCTERMS.language, words.CHINESE), (DCTERMS.spatial, spatial),
        (DCAT.themeTaxonomy, words.THEMES), (FOAF.homepage, site.link("/open/")),
    ):  # fmt: skip
        graph.add((node, predicate, value))
    if issued:
        graph.add((node, DCTERMS.issued, moment(issued)))
    if modified:
        graph.add((node, DCTERMS.modified, moment(modified)))
    _agent(graph, publisher, site.owner)
    graph.add((spatial, RDF.type, DCTERMS.Location))
    graph.add((spatial, SKOS.prefLabel, text(site.city)))
    if site.centre:
        point = f"POINT({site.centre[0]} {site.centre[1]})"
        graph.add((spatial, DCAT.centroid, Literal(point, datatype=words.GEO.wktLiteral)))
    graph.add((site.link("/open/"), RDF.type, FOAF.Document))
    _shared_concepts(graph)
    for code, name in words.CHANGES.items():
        concept = site.node(f"catalog/change/{code}")
        graph.add((concept, RDF.type, SKOS.Concept))
        graph.add((concept, SKOS.prefLabel, text(name)))
    return graph


def _shared_concepts(graph: Graph) -> None:
    """Say what kind of thing every authority is, so that the graph can be checked by itself."""
    graph.add((words.CHINESE, RDF.type, DCTERMS.LinguisticSystem))
    graph.add((words.THEMES, RDF.type, SKOS.ConceptScheme))
    graph.add((words.THEMES, DCTERMS.title, text("数据主题")))
    graph.add((words.PROFILE, RDF.type, DCTERMS.Standard))
    for code, name in words.THEME_NAMES.items():
        graph.add((words.theme(code), RDF.type, SKOS.Concept))
        graph.add((words.theme(code), SKOS.prefLabel, text(name)))
        graph.add((words.theme(code), SKOS.inScheme, words.THEMES))
    authorities = (
        (words.LOCAL_AUTHORITY, "地方机关"), (words.AVAILABLE, "可用"), (words.LICENCE_TYPE, "署名"),
    )  # fmt: skip
    for node, name in authorities:
        graph.add((node, RDF.type, SKOS.Concept))
        graph.add((node, SKOS.prefLabel, text(name)))


def entries(site: Site, rows: Iterable[Resource], offers: dict[int, list[Offer]]) -> Graph:
    """Some entries with their distributions, services, publishers and catalogue records."""
    graph = empty()
    for row in rows:
        version = row.published
        if version is not None:
            _dataset(graph, site, row, version)
            for offer in offers.get(row.pk, ()):
                if isinstance(offer, DatasetOffer):
                    _open_dataset(graph, site, row, version, offer)
                else:
                    _offer(graph, site, row, version, offer, dataset=dataset_node(site, row))
    return graph


def dataset_node(site: Site, row: Resource) -> URIRef:
    """The identifier of an entry."""
    return site.node(f"catalog/dataset/{row.code}")


def _dataset(graph: Graph, site: Site, row: Resource, version: ResourceVersion) -> None:
    node = dataset_node(site, row)
    publisher = site.node(f"catalog/agent/{row.provider.code}")
    contact = site.node(f"catalog/contact/{row.provider.code}")
    rights = words.access_rights(_opening(version))
    facts: list[tuple[URIRef, Node]] = [
        (RDF.type, DCAT.Dataset), (DCTERMS.title, text(version.title)),
        (DCTERMS.description, text(version.summary or version.title)),
        (DCTERMS.identifier, Literal(row.code)), (DCTERMS.publisher, publisher),
        (DCAT.contactPoint, contact), (DCTERMS.language, words.CHINESE),
        (DCTERMS.accessRights, rights), (words.VERSION, Literal(str(version.number))),
        (DCAT.theme, words.theme(words.theme_code(version.theme))),
        (DCTERMS.spatial, site.node(f"catalog/place/{site.region or 'city'}")),
        (DCAT.landingPage, node),
    ]  # fmt: skip
    facts += [(DCAT.keyword, text(word)) for word in _keywords(row, version)]
    if version.change_note:
        facts.append((words.ADMS.versionNotes, text(version.change_note)))
    if version.published_at:
        facts.append((DCTERMS.modified, moment(max(version.published_at, row.updated_at))))
    if cycle := words.frequency(version.update_cycle):
        facts.append((DCTERMS.accrualPeriodicity, cycle))
        graph.add((cycle, RDF.type, DCTERMS.Frequency))
    for predicate, value in facts:
        graph.add((node, predicate, value))
    _described(graph, node, DCAT.Dataset)
    graph.add((node, RDF.type, FOAF.Document))  # its address is also its landing page
    graph.add((rights, RDF.type, DCTERMS.RightsStatement))
    graph.add((site.catalogue, DCAT.dataset, node))
    _identifier(graph, site, row, node)
    _period(graph, site, row, version, node)
    _agent(graph, publisher, row.provider.name)
    _contact(graph, site, contact, row.provider)
    _record(graph, site, row, version, node)


def _opening(version: ResourceVersion) -> str:
    """How the entry as a whole is open: what may leave masked only is not public as it is."""
    masked = version.open_type == OpenType.UNCONDITIONAL and version.level != Level.L1
    return OpenType.RESTRICTED if masked else version.open_type


def _open_dataset(
    graph: Graph, site: Site, row: Resource, version: ResourceVersion, offer: DatasetOffer
) -> None:
    """What was opened of an entry, as a dataset with a life of its own; the entry is its source."""
    node, entry = site.link(offer.page), dataset_node(site, row)
    rights = words.access_rights(
        OpenType.RESTRICTED if offer.restricted else OpenType.UNCONDITIONAL
    )
    facts: list[tuple[URIRef, Node]] = [
        (DCTERMS.title, text(offer.title)), (DCTERMS.description, text(offer.summary)),
        (DCTERMS.identifier, Literal(str(node))), (DCTERMS.language, words.CHINESE),
        (DCTERMS.publisher, site.node(f"catalog/agent/{row.provider.code}")),
        (DCAT.contactPoint, site.node(f"catalog/contact/{row.provider.code}")),
        (DCTERMS.accessRights, rights), (words.VERSION, Literal(offer.version)),
        (DCAT.theme, words.theme(words.theme_code(version.theme))), (DCTERMS.source, entry),
        (DCTERMS.spatial, site.node(f"catalog/place/{site.region or 'city'}")),
        (DCTERMS.issued, moment(offer.issued)), (DCTERMS.modified, moment(offer.modified)),
        (DCAT.landingPage, node), (RDF.type, FOAF.Document),
    ]  # fmt: skip
    facts += [(DCAT.keyword, text(word)) for word in offer.keywords or (row.category.name,)]
    # Said of the entry above, and as true of what was made of it.
    for shared in (DCTERMS.accrualPeriodicity, DCTERMS.temporal):
        facts += [(shared, value) for value in graph.objects(entry, shared)]
    for predicate, value in facts:
        graph.add((node, predicate, value))
    _described(graph, node, DCAT.Dataset)
    graph.add((rights, RDF.type, DCTERMS.RightsStatement))
    _address(graph, entry, DCTERMS.relation, node)
    graph.add((site.catalogue, DCAT.dataset, node))
    number = f"open/{offer.key}"
    _numbered(graph, site, number, node)
    for file in offer.files:
        _offer(graph, site, row, version, file, dataset=node)
    if offer.restricted:
        _way_in(graph, site, row, offer, node)
    record = _recorded(graph, site, number, node, offer.modified)
    graph.add((record, DCTERMS.issued, moment(min(offer.issued, offer.modified))))
    change = words.UPDATED if offer.version != "1" else words.CREATED
    graph.add((record, words.ADMS.status, site.node(f"catalog/change/{change}")))


def _way_in(graph: Graph, site: Site, row: Resource, offer: DatasetOffer, dataset: URIRef) -> None:
    """Where to apply for a restricted dataset; no address leads to a row."""
    node = site.node(f"catalog/distribution/{row.code}/{offer.key}")
    condition = site.node(f"catalog/condition/open/{offer.key}")
    graph.add((dataset, DCAT.distribution, node))
    for predicate, value in (
        (RDF.type, DCAT.Distribution), (DCTERMS.title, text(f"{offer.title}（申请使用）")),
        (DCTERMS.description, text(offer.condition)), (DCTERMS.rights, condition),
        (words.DCATAP.availability, words.AVAILABLE), (DCTERMS.language, words.CHINESE),
        (DCTERMS["format"], words.HTML_TYPE),
    ):  # fmt: skip
        graph.add((node, predicate, value))
    _address(graph, node, DCAT.accessURL, site.link(offer.page))
    graph.add((condition, RDF.type, DCTERMS.RightsStatement))
    graph.add((condition, RDFS.label, text(offer.condition)))
    graph.add((words.HTML_TYPE, RDF.type, DCTERMS.MediaTypeOrExtent))


def _described(graph: Graph, node: URIRef, kind: URIRef) -> None:
    """Say the class and the one above it: SEMIC's file asks for the latter, and no reasoner is taken for granted."""
    graph.add((node, RDF.type, kind))
    graph.add((node, RDF.type, DCAT.Resource))


def _address(graph: Graph, node: URIRef, predicate: URIRef, target: URIRef) -> None:
    """An address; it is a resource like everything, which SEMIC's file wants to be said."""
    graph.add((node, predicate, target))
    graph.add((target, RDF.type, RDFS.Resource))


def _keywords(row: Resource, version: ResourceVersion) -> list[str]:
    return list(dict.fromkeys(w for w in (*version.keywords, row.category.name) if w))


def _identifier(graph: Graph, site: Site, row: Resource, node: URIRef) -> None:
    _numbered(graph, site, row.code, node)


def _numbered(graph: Graph, site: Site, number: str, node: URIRef) -> None:
    identifier = site.node(f"catalog/identifier/{number}")
    graph.add((node, words.ADMS.identifier, identifier))
    graph.add((identifier, RDF.type, words.ADMS.Identifier))
    graph.add((identifier, SKOS.notation, Literal(number)))


def _period(
    graph: Graph, site: Site, row: Resource, version: ResourceVersion, node: URIRef
) -> None:
    """The period the data covers: as registered, else up to when data last came in."""
    end = version.temporal_end or row.fresh_at
    start: date | None = version.temporal_start
    if start is None and row.fresh_at and version.published_at:
        start = min(version.published_at, row.fresh_at)
    if start is None and end is None:
        return
    period = site.node(f"catalog/period/{row.code}")
    graph.add((node, DCTERMS.temporal, period))
    graph.add((period, RDF.type, DCTERMS.PeriodOfTime))
    for predicate, value in ((DCAT.startDate, start), (DCAT.endDate, end)):
        if value is not None:
            graph.add((period, predicate, moment(value)))


def _agent(graph: Graph, node: URIRef, name: str) -> None:
    graph.add((node, RDF.type, FOAF.Agent))
    graph.add((node, FOAF.name, text(name)))
    graph.add((node, DCTERMS.type, words.LOCAL_AUTHORITY))


def _contact(graph: Graph, site: Site, node: URIRef, unit: Organization) -> None:
    graph.add((node, RDF.type, words.VCARD.Kind))
    graph.add((node, RDF.type, words.VCARD.Organization))
    graph.add((node, words.VCARD.fn, text(unit.name)))
    graph.add((node, words.VCARD.hasURL, site.link("/open/")))


def _record(
    graph: Graph, site: Site, row: Resource, version: ResourceVersion, node: URIRef
) -> None:
    record = _recorded(graph, site, row.code, node, row.updated_at)
    change = words.UPDATED if version.number > 1 else words.CREATED
    graph.add((record, words.ADMS.status, site.node(f"catalog/change/{change}")))
    if version.published_at:
        graph.add((record, DCTERMS.issued, moment(min(version.published_at, row.updated_at))))


def _recorded(graph: Graph, site: Site, number: str, node: URIRef, modified: datetime) -> URIRef:
    record = site.node(f"catalog/record/{number}")
    for subject, predicate, value in (
        (site.catalogue, DCAT.record, record), (record, RDF.type, DCAT.CatalogRecord),
        (record, FOAF.primaryTopic, node), (record, DCTERMS.modified, moment(modified)),
        (record, DCTERMS.conformsTo, words.PROFILE), (record, DCTERMS.language, words.CHINESE),
    ):  # fmt: skip
        graph.add((subject, predicate, value))
    return record


def _offer(
    graph: Graph, site: Site, row: Resource, version: ResourceVersion,
    offer: FileOffer | ServiceOffer, *, dataset: URIRef,
) -> None:  # fmt: skip
    node = site.node(f"catalog/distribution/{row.code}/{offer.key}")
    graph.add((dataset, DCAT.distribution, node))
    graph.add((node, RDF.type, DCAT.Distribution))
    graph.add((node, DCTERMS.title, text(offer.title)))
    special = offer.description if isinstance(offer, FileOffer) else ""
    told = (
        f"{version.title}：{offer.title}。{special}"
        if special
        else f"{version.title}：{offer.title}"
    )
    graph.add((node, DCTERMS.description, text(told)))
    graph.add((node, words.DCATAP.availability, words.AVAILABLE))
    graph.add((node, DCTERMS.language, words.CHINESE))
    if offer.licence:
        licence = URIRef(offer.licence)
        graph.add((node, DCTERMS.license, licence))
        graph.add((licence, RDF.type, DCTERMS.LicenseDocument))
        if "/by/" in offer.licence:
            graph.add((licence, DCTERMS.type, words.LICENCE_TYPE))
    elif version.open_condition or version.sharing_condition:
        _condition(graph, site, row, version, node)
    if isinstance(offer, FileOffer):
        _file(graph, site, node, offer)
    else:
        _service(graph, site, row, node, offer)


def _condition(
    graph: Graph, site: Site, row: Resource, version: ResourceVersion, node: URIRef
) -> None:
    rights = site.node(f"catalog/condition/{row.code}")
    graph.add((node, DCTERMS.rights, rights))
    graph.add((rights, RDF.type, DCTERMS.RightsStatement))
    graph.add((rights, RDFS.label, text(version.open_condition or version.sharing_condition)))


def _file(graph: Graph, site: Site, node: URIRef, offer: FileOffer) -> None:
    media = URIRef(f"{words.IANA}{offer.media_type}")
    _address(graph, node, DCAT.accessURL, site.link(offer.access_url))
    _address(graph, node, DCAT.downloadURL, site.link(offer.download_url))
    graph.add((node, DCAT.mediaType, media))
    graph.add((media, RDF.type, DCTERMS.MediaType))
    if form := words.file_type(offer.media_type):
        graph.add((node, DCTERMS["format"], form))
        graph.add((form, RDF.type, DCTERMS.MediaTypeOrExtent))
    if offer.size is not None:
        size = Literal(str(offer.size), datatype=XSD.nonNegativeInteger)
        graph.add((node, DCAT.byteSize, size))
    if offer.issued:
        graph.add((node, DCTERMS.issued, moment(offer.issued)))


def _service(graph: Graph, site: Site, row: Resource, node: URIRef, offer: ServiceOffer) -> None:
    service = site.node(f"catalog/service/{offer.key}")
    _address(graph, node, DCAT.accessURL, site.link(offer.description_url or offer.endpoint))
    graph.add((node, DCTERMS["format"], words.JSON_TYPE))  # services of this platform answer JSON
    graph.add((words.JSON_TYPE, RDF.type, DCTERMS.MediaTypeOrExtent))
    graph.add((node, DCAT.accessService, service))
    rights = words.access_rights("unconditional" if offer.public else "restricted")
    graph.add((rights, RDF.type, DCTERMS.RightsStatement))
    for predicate, value in (
        (DCTERMS.title, text(offer.title)),
        (DCAT.servesDataset, dataset_node(site, row)), (DCTERMS.accessRights, rights),
        (DCTERMS.publisher, site.node(f"catalog/agent/{row.provider.code}")),
        (DCAT.contactPoint, site.node(f"catalog/contact/{row.provider.code}")),
    ):  # fmt: skip
        graph.add((service, predicate, value))
    _described(graph, service, DCAT.DataService)
    _address(graph, service, DCAT.endpointURL, site.link(offer.endpoint))
    if offer.description_url:
        _address(graph, service, DCAT.endpointDescription, site.link(offer.description_url))
    if offer.licence:
        graph.add((service, DCTERMS.license, URIRef(offer.licence)))
    graph.add((site.catalogue, DCAT.service, service))


def site_at(base: str) -> Site:
    """The site at an address, with the city's name and region from the records."""
    city = Organization.objects.filter(parent=None).order_by("code").first()
    region = Region.objects.filter(parent=None).order_by("code").first()
    name = city.name if city else "龙港市"
    centre = None
    if region and region.longitude is not None and region.latitude is not None:
        centre = (region.longitude, region.latitude)
    return Site(
        base if base.endswith("/") else f"{base}/", name, region.code if region else "", name,
        centre,
    )  # fmt: skip
