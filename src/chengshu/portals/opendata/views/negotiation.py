"""One address for people and for programs: who asks for RDF is sent to the DCAT-AP description (303 See Other)."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from chengshu.data.opening import selectors
from chengshu.portals.opendata.metadata import dcat

View = Callable[..., HttpResponse]


def negotiated(view: View) -> View:
    """The page, or the way to the same in RDF: of the dataset named by ``slug``, else of the whole catalogue."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        syntax = dcat.wanted(request)
        target = _target(syntax, kwargs.get("slug", "")) if syntax else ""
        if target:
            response = HttpResponse(status=HTTPStatus.SEE_OTHER, headers={"Location": target})
            response.headers["Access-Control-Allow-Origin"] = "*"
        else:
            response = view(request, *args, **kwargs)
        patch_vary_headers(response, ["Accept"])
        return response

    return answer


def _target(syntax: str, slug: str) -> str:
    if not slug:
        return reverse("catalog_dcat:whole", args=[syntax])
    entries = dcat.addresses(selectors.described_dataset(slug))
    return next((address for known, _, address in entries if known == syntax), "")
