"""Writes the catalogue as Turtle, JSON-LD or RDF/XML, some hundred entries at a time: memory stays flat."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Literal

from django.db.models import Max, Min, QuerySet
from rdflib import Graph

from chengshu.data.catalog.choices import NationalClass, OpenType, ResourceState
from chengshu.data.catalog.dcat import graph as building
from chengshu.data.catalog.dcat.graph import Site
from chengshu.data.catalog.dcat.vocabulary import PREFIXES
from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.offers import Offer, offers_of

Syntax = Literal["ttl", "jsonld", "rdf"]
MEDIA_TYPES: dict[Syntax, str] = {
    "ttl": "text/turtle", "jsonld": "application/ld+json", "rdf": "application/rdf+xml",
}  # fmt: skip
CHUNK = 200
_PREFIX_LINES = re.compile(r"^@prefix .*\n", re.MULTILINE)
_XML_BODY = re.compile(r"<rdf:RDF[^>]*>\n?(.*)</rdf:RDF>", re.DOTALL)


def published() -> QuerySet[Resource]:
    """Every published entry."""
    return Resource.objects.filter(state=ResourceState.PUBLISHED)


def showable() -> QuerySet[Resource]:
    """Published entries the public may know of: not forbidden to open, and general data (GB/T 43697-2024)."""
    return published().filter(
        published__open_type__in=(OpenType.UNCONDITIONAL, OpenType.RESTRICTED),
        published__national_class=NationalClass.GENERAL,
    )


def graphs(site: Site, found: QuerySet[Resource], *, offer: str = "") -> Iterator[Graph]:
    """The catalogue's own graph, then graphs of some hundred entries each; ``offer``: with this one offer only."""
    span = found.aggregate(first=Min("published__published_at"), last=Max("updated_at"))
    yield building.catalogue(site, issued=span["first"], modified=span["last"])
    keys = list(found.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        rows = Resource.objects.filter(pk__in=chunk).select_related(
            "provider", "category", "published"
        )
        yield building.entries(site, rows.order_by("pk"), _chosen(offers_of(chunk), offer))


def _chosen(offers: dict[int, list[Offer]], key: str) -> dict[int, list[Offer]]:
    if not key:
        return offers
    return {pk: [offer for offer in found if offer.key == key] for pk, found in offers.items()}


def write(parts: Iterable[Graph], syntax: Syntax) -> Iterator[str]:
    """The parts as one document, piece by piece."""
    return {"ttl": _turtle, "jsonld": _json, "rdf": _xml}[syntax](parts)


def _turtle(parts: Iterable[Graph]) -> Iterator[str]:
    for prefix, namespace in PREFIXES.items():
        yield f"@prefix {prefix}: <{namespace}> .\n"
    for part in parts:
        yield _PREFIX_LINES.sub("", part.serialize(format="turtle"))


def _json(parts: Iterable[Graph]) -> Iterator[str]:
    context = {prefix: str(namespace) for prefix, namespace in PREFIXES.items()}
    yield f'{{"@context": {json.dumps(context)}, "@graph": ['
    separator = ""
    for part in parts:
        document = json.loads(part.serialize(format="json-ld", context=context))
        nodes = document.get("@graph", [{k: v for k, v in document.items() if k != "@context"}])
        for node in nodes:
            if node:
                yield f"{separator}\n{json.dumps(node, ensure_ascii=False)}"
                separator = ","
    yield "\n]}\n"


def _xml(parts: Iterable[Graph]) -> Iterator[str]:
    names = "".join(f'\n   xmlns:{prefix}="{space}"' for prefix, space in PREFIXES.items())
    yield f'<?xml version="1.0" encoding="utf-8"?>\n<rdf:RDF{names}\n>\n'
    for part in parts:
        body = _XML_BODY.search(part.serialize(format="xml"))
        if body:
            yield body.group(1)
    yield "</rdf:RDF>\n"
