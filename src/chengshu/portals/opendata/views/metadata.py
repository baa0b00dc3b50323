"""Descriptions of one dataset for machines."""

from django.http import HttpRequest, HttpResponse

from chengshu.data.opening import selectors
from chengshu.portals.opendata.metadata import dcat
from chengshu.portals.opendata.metadata.croissant import croissant
from chengshu.portals.opendata.metadata.datapackage import datapackage
from chengshu.portals.opendata.metadata.description import Description
from chengshu.portals.opendata.views.api import answers, json_answer


@answers
def data_package(request: HttpRequest, slug: str) -> HttpResponse:
    """Frictionless Data Package."""
    return json_answer(datapackage(Description.of(request, selectors.public_dataset(slug))))


@answers
def croissant_description(request: HttpRequest, slug: str) -> HttpResponse:
    """Croissant JSON-LD."""
    response = json_answer(croissant(Description.of(request, selectors.public_dataset(slug))))
    response.headers["Content-Type"] = "application/ld+json; charset=utf-8"
    return response


@answers
def dcat_description(request: HttpRequest, slug: str, suffix: str) -> HttpResponse:
    """DCAT-AP 3 in Turtle, JSON-LD or RDF/XML: the dataset, and the entry of the catalogue it comes from."""
    text, media = dcat.document(request, selectors.described_dataset(slug), suffix)
    return HttpResponse(text, content_type=f"{media}; charset=utf-8")
