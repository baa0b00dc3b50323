"""The public JSON interface: datasets, their records, open interfaces. Errors are RFC 9457 problem details.

Records take ``limit`` (≤ 1,000), ``offset``, ``sort`` (``-`` for descending), ``q`` (words in any text field) and one
condition per field: ``field=value`` or ``field__gte|lte|gt|lt|contains|prefix=value``.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from chengshu.data.opening import selectors
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.reading import MAX_LIMIT, MAX_OFFSET, MAX_VALUE, OpenTable, Question
from chengshu.kernel.access.middleware import problem
from chengshu.kernel.errors import ChengshuError, InvalidInput
from chengshu.portals.opendata import limits
from chengshu.portals.opendata.ckan.views import ACTIONS, WRITING
from chengshu.portals.opendata.openapi import MAX_DATASETS, document

RESERVED = {"limit", "offset", "sort", "q"}
DEFAULT_LIMIT = 20
Answerer = Callable[..., HttpResponse]


def answers(view: Answerer) -> Answerer:
    """Counted per address, every error as problem details, every answer readable from any web page."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            limits.count(request)
            response = require_safe(view)(request, *args, **kwargs)
        except ChengshuError as error:
            response = problem(error)
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    return answer


def json_answer(content: Mapping[str, Any]) -> JsonResponse:
    """JSON with Chinese as it is."""
    return JsonResponse(dict(content), json_dumps_params={"ensure_ascii": False})


@answers
def datasets(request: HttpRequest) -> HttpResponse:
    """Published datasets; ``q`` searches, ``limit`` and ``offset`` page."""
    limit = whole_number(request.GET, "limit", DEFAULT_LIMIT, MAX_DATASETS)
    offset = whole_number(request.GET, "offset", 0, MAX_OFFSET)
    words = request.GET.get("q", "")
    if len(words) > MAX_VALUE:
        raise InvalidInput("检索词太长。", fields={"q": f"最多 {MAX_VALUE} 个字"})
    found = selectors.public_datasets(words)
    return json_answer(
        {
            "total": found.count(),
            "datasets": [_summary(request, item) for item in found[offset : offset + limit]],
        }
    )


@answers
def dataset(request: HttpRequest, slug: str) -> HttpResponse:
    """One dataset with fields, files and checksums."""
    item = selectors.public_dataset(slug)
    release = item.current
    assert release is not None
    files = [
        {
            "format": entry["format"], "bytes": entry["bytes"], "sha256": entry["sha256"],
            "url": request.build_absolute_uri(reverse("opendata:latest", args=[item.slug, entry["format"]])),
        }
        for entry in release.file_list
    ]  # fmt: skip
    return json_answer(
        {**_summary(request, item), "summary": item.summary, "version": release.number,
         "fields": release.columns, "files": files}
    )  # fmt: skip


def _summary(request: HttpRequest, item: OpenDataset) -> dict[str, Any]:
    return {
        "slug": item.slug, "title": item.title, "provider": item.resource.provider.name,
        "theme": item.get_theme_display(), "keywords": item.keywords, "licence": item.licence,
        "rows": item.rows, "updated_at": item.published_at,
        "url": request.build_absolute_uri(reverse("opendata:dataset", args=[item.slug])),
        "records": request.build_absolute_uri(
            reverse("opendata:api-dataset-records", args=[item.slug])
        ),
    }  # fmt: skip


@answers
def dataset_records(request: HttpRequest, slug: str) -> HttpResponse:
    """Records of a dataset's current release."""
    release = selectors.public_dataset(slug).current
    assert release is not None
    return records(
        request, OpenTable.of_release(release), {"dataset": slug, "version": release.number}
    )


@answers
def interfaces(request: HttpRequest) -> HttpResponse:
    """Open interfaces with their fields."""
    return json_answer(
        {
            "interfaces": [
                {
                    "slug": item.slug, "title": item.title, "summary": item.summary,
                    "provider": item.resource.provider.name, "rows": item.rows,
                    "updated_at": item.published_at, "fields": item.columns,
                    "records": request.build_absolute_uri(
                        reverse("opendata:api-interface-records", args=[item.slug])
                    ),
                }
                for item in selectors.public_interfaces()
            ]
        }
    )  # fmt: skip


@answers
def interface_records(request: HttpRequest, slug: str) -> HttpResponse:
    """Records of an open interface."""
    item = selectors.public_interface(slug)
    return records(request, OpenTable.of_interface(item), {"interface": slug})


@answers
def openapi(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document of all this, and of the CKAN actions."""
    return json_answer(
        document(
            server=request.build_absolute_uri("/").rstrip("/"),
            per_minute=settings.OPEN_API_PER_MINUTE, ckan_reading=tuple(ACTIONS),
            ckan_writing=tuple(WRITING),
        )
    )  # fmt: skip


def records(request: HttpRequest, table: OpenTable, about: dict[str, Any]) -> HttpResponse:
    """One page of records as asked for."""
    limit = whole_number(request.GET, "limit", DEFAULT_LIMIT, MAX_LIMIT)
    question = Question(
        conditions=[
            table.condition(name, value)
            for name, values in request.GET.lists()
            if name not in RESERVED
            for value in values
        ],
        words=request.GET.get("q", ""), sort=request.GET.get("sort", ""), limit=limit,
        offset=whole_number(request.GET, "offset", 0, 10**9),
    )  # fmt: skip
    answer = table.ask(question)
    following = None
    if question.offset + len(answer.rows) < answer.total and answer.rows:
        query = request.GET.copy()
        query["offset"] = str(question.offset + len(answer.rows))
        following = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
    return json_answer(
        {**about, "total": answer.total, "limit": limit, "offset": question.offset,
         "next": following, "records": answer.rows}
    )  # fmt: skip


def whole_number(source: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A parameter as a whole number from 0 to ``most``.

    Raises:
        InvalidInput: it is not.
    """
    text = source.get(name)
    if text is None:
        return default
    if not (
        text.isascii() and text.isdigit() and len(text) < len(str(most)) + 1 and int(text) <= most
    ):
        raise InvalidInput(
            f"参数 {name} 应为 0 到 {most:,} 的整数。", fields={name: f"0 到 {most:,} 的整数"}
        )
    return int(text)
