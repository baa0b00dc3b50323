"""Where a dataset stands in the city's DCAT-AP catalogue, and which clients want that instead of a page."""

from django.http import HttpRequest
from django.urls import reverse

from chengshu.data.catalog.dcat.writing import MEDIA_TYPES, Syntax, showable
from chengshu.data.opening.models import OpenDataset

HTML = "text/html"
_WORDS: dict[Syntax, str] = {"ttl": "Turtle", "jsonld": "JSON-LD", "rdf": "RDF/XML"}


def addresses(dataset: OpenDataset) -> list[tuple[Syntax, str, str]]:
    """Syntax, its name and the address of the dataset's entry; none when the entry is not for the public."""
    if not showable().filter(pk=dataset.resource_id).exists():
        return []
    code = dataset.resource.code
    return [
        (syntax, _WORDS[syntax], reverse("catalog_dcat:dataset", args=[f"{code}.{syntax}"]))
        for syntax in MEDIA_TYPES
    ]


def wanted(request: HttpRequest) -> Syntax | None:
    """The syntax the client prefers to a page; None for browsers and for those who take anything."""
    by_type = {media: syntax for syntax, media in MEDIA_TYPES.items()}
    return by_type.get(request.get_preferred_type([HTML, *by_type]) or HTML)
