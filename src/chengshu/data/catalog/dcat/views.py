"""The public catalogue for machines: three syntaxes, by suffix or by what the client accepts."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from chengshu.data.catalog.dcat import graph as building
from chengshu.data.catalog.dcat import writing
from chengshu.data.catalog.dcat.writing import MEDIA_TYPES, Syntax
from chengshu.data.catalog.models import Resource
from chengshu.kernel.errors import NotFound

_CACHE_SECONDS = 300


def whole(request: HttpRequest, suffix: str) -> HttpResponseBase:
    """``/catalog.ttl``, ``.jsonld``, ``.rdf``."""
    syntax = next((known for known in MEDIA_TYPES if known == suffix), None)
    if syntax is None:
        raise NotFound("没有这种格式。", advice="可用 catalog.ttl、catalog.jsonld、catalog.rdf。")
    return _answer(request, writing.showable(), syntax)


def negotiated(request: HttpRequest) -> HttpResponseBase:
    """``/catalog``: the syntax the client prefers, Turtle for those who take anything."""
    response = _answer(request, writing.showable(), _preferred(request))
    patch_vary_headers(response, ["Accept"])
    return response


def dataset(request: HttpRequest, code: str) -> HttpResponseBase:
    """One entry, at the address that is its identifier, or with a syntax's suffix behind it."""
    syntax = next((known for known in MEDIA_TYPES if code.endswith(f".{known}")), None)
    wanted = code.removesuffix(f".{syntax}") if syntax else code
    found = writing.showable().filter(code=wanted)
    if not found.exists():
        raise NotFound("公开目录中没有这个数据资源。", advice="它可能不对社会公开，或已经撤销。")
    response = _answer(request, found, syntax or _preferred(request))
    patch_vary_headers(response, ["Accept"])
    return response


def _preferred(request: HttpRequest) -> Syntax:
    by_type = {media: syntax for syntax, media in MEDIA_TYPES.items()}
    accepted = request.get_preferred_type(list(by_type))
    return by_type[accepted] if accepted else "ttl"


def _answer(request: HttpRequest, found: QuerySet[Resource], syntax: Syntax) -> HttpResponseBase:
    site = building.site_at(request.build_absolute_uri("/"))
    content_type = f"{MEDIA_TYPES[syntax]}; charset=utf-8"
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(content_type=content_type)
    else:
        pieces = writing.write(writing.graphs(site, found), syntax)
        response = StreamingHttpResponse(
            (piece.encode() for piece in pieces), content_type=content_type
        )
    response["Cache-Control"] = f"public, max-age={_CACHE_SECONDS}"
    others = [f'<{reverse("catalog_dcat:whole", args=[s])}>; rel="alternate"; type="{m}"'
              for s, m in MEDIA_TYPES.items() if s != syntax]  # fmt: skip
    response["Link"] = ", ".join(others)
    return response
