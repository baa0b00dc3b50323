"""A dataset in DCAT-AP, where its three forms stand, and which clients want one of them instead of a page."""

from django.http import HttpRequest
from django.urls import reverse

from chengshu.data.catalog.dcat.graph import site_at
from chengshu.data.catalog.dcat.writing import MEDIA_TYPES, Syntax, graphs, showable, write
from chengshu.data.opening.models import OpenDataset
from chengshu.kernel.errors import NotFound

HTML = "text/html"
_WORDS: dict[Syntax, str] = {"ttl": "Turtle", "jsonld": "JSON-LD", "rdf": "RDF/XML"}


def addresses(dataset: OpenDataset) -> list[tuple[Syntax, str, str]]:
    """Syntax, its name and the address of the dataset's description; none when its entry is not for the public."""
    if not showable().filter(pk=dataset.resource_id).exists():
        return []
    route = "restricted-dcat" if dataset.restricted else "dcat"
    return [
        (syntax, _WORDS[syntax], reverse(f"opendata:{route}", args=[dataset.slug, syntax]))
        for syntax in MEDIA_TYPES
    ]


def document(request: HttpRequest, dataset: OpenDataset, suffix: str) -> tuple[str, str]:
    """The description and its media type.

    Raises:
        NotFound: no such syntax, or the dataset's entry is not for the public.
    """
    syntax = next((known for known in MEDIA_TYPES if known == suffix), None)
    found = showable().filter(pk=dataset.resource_id)
    if syntax is None or not found.exists():
        raise NotFound("没有这种描述。", advice="可用 dcat.ttl、dcat.jsonld、dcat.rdf。")
    site = site_at(request.build_absolute_uri("/"))
    text = "".join(write(graphs(site, found, offer=dataset.slug), syntax))
    return text, MEDIA_TYPES[syntax]


def wanted(request: HttpRequest) -> Syntax | None:
    """The syntax the client prefers to a page; None for browsers and for those who take anything."""
    by_type = {media: syntax for syntax, media in MEDIA_TYPES.items()}
    return by_type.get(request.get_preferred_type([HTML, *by_type]) or HTML)
