"""One address per action, GET or POST, at ``/api/3/action/…`` and ``/api/action/…``, answers in CKAN's envelope.

Reading needs no key. Writing needs an API token of a person (see ``keys``) and a POST; no session is looked at, so
calls from other sites' pages are harmless (no CSRF token, any origin). The body of a call that writes is read only
after its token was found good.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt

from chengshu import __version__
from chengshu.kernel.errors import ChengshuError
from chengshu.portals.opendata import limits
from chengshu.portals.opendata.ckan import (
    catalogue,
    datastore,
    drafting,
    errors,
    keys,
    persons,
    shapes,
    uploading,
)
from chengshu.portals.opendata.ckan.catalogue import Action
from chengshu.portals.opendata.ckan.errors import CkanError
from chengshu.portals.opendata.ckan.parameters import Parameters
from chengshu.portals.opendata.ckan.shapes import Site

# The version of CKAN whose read actions these follow; clients choose their ways by it.
SPOKEN = "2.11.0"
MAX_BODY = 100_000
ALLOWED = "GET, HEAD, POST, OPTIONS"
MULTIPART = "multipart/form-data"
FORMS = {"application/x-www-form-urlencoded"}
# What changes something: known, so that the answer is "not allowed" and not "no such thing".
_CHANGES = ("_create", "_update", "_patch", "_delete", "_upsert", "_purge", "_revise")


def site_read(_site: Site, _given: Parameters) -> bool:
    """Whether the caller may read the portal: everybody may."""
    return True


def status_show(site: Site, _given: Parameters) -> shapes.Shape:
    """What this is and what it speaks."""
    return {
        "ckan_version": SPOKEN, "site_url": site.base, "site_title": "龙港公共数据开放",
        "site_description": "来自城市，还给城市", "locale_default": "zh_Hans_CN", "error_emails_to": None,
        "extensions": ["datastore"], "software": f"chengshu {__version__}",
    }  # fmt: skip


def license_list(_site: Site, _given: Parameters) -> list[shapes.Shape]:
    """Licences in use."""
    return shapes.licences()


def help_show(_site: Site, given: Parameters) -> str:
    """What an action does."""
    name = given.required("name")
    action = ACTIONS.get(name) or WRITING.get(name)
    if action is None:
        raise errors.not_found(f"没有“{name[:60]}”这个动作。")
    return (action.__doc__ or "").strip()


ACTIONS: dict[str, Action] = {
    **catalogue.ACTIONS, **datastore.ACTIONS, "site_read": site_read, "status_show": status_show,
    "license_list": license_list, "help_show": help_show, **persons.READING,
    "resource_show": uploading.resource_show,
}  # fmt: skip
WRITING: dict[str, Action] = {**drafting.ACTIONS, **uploading.ACTIONS, **persons.ACTIONS}


@csrf_exempt
def action(request: HttpRequest, name: str) -> HttpResponse:
    """Run one action."""
    if request.method == "OPTIONS":
        response = HttpResponse(status=HTTPStatus.NO_CONTENT)
    elif request.method not in ALLOWED.split(", "):
        response = HttpResponse(status=HTTPStatus.METHOD_NOT_ALLOWED)
        response.headers["Allow"] = ALLOWED
    else:
        response = _answer(request, name)
    response.headers["Access-Control-Allow-Origin"] = "*"
    if keys.sent(request):
        # With a token an answer may tell of drafts; caches know only one of the two headers.
        response.headers["Cache-Control"] = "no-store"
    response.headers["Access-Control-Allow-Methods"] = ALLOWED
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, X-CKAN-API-Key"
    return response


def _answer(request: HttpRequest, name: str) -> HttpResponse:
    found = ACTIONS.get(name)
    if found is None and name not in WRITING and not name.endswith(_CHANGES):
        known = "、".join(sorted(ACTIONS))
        return _plain(f"Bad request - Action name not known: {name[:60]}（可用：{known}）")
    told: dict[str, Any] = {
        "help": f"{request.build_absolute_uri('/api/3/action/help_show')}?name={name}"
    }
    headers: dict[str, str] = {}
    status = int(HTTPStatus.OK)
    try:
        limits.count(request)
        told |= {"success": True, "result": _result(request, name, found)}
    except _Unreadable as error:
        return _plain(f"Bad request - {error}")
    except (CkanError, ChengshuError) as error:
        refusal = errors.of_platform(error) if isinstance(error, ChengshuError) else error
        status = refusal.status
        told |= {"success": False, "error": refusal.error}
        wait = error.retry_after if isinstance(error, ChengshuError) else None
        headers = {} if wait is None else {"Retry-After": str(wait)}
    return JsonResponse(
        told, status=status, headers=headers, json_dumps_params={"ensure_ascii": False}
    )


def _result(request: HttpRequest, name: str, reading: Action | None) -> Any:
    if reading is not None:
        site = Site.of(request, keys.reader(request))
        return reading(site, Parameters(_given(request)))
    actor = keys.caller(request)
    writing = WRITING.get(name)
    if writing is None:
        raise errors.refused("这个门户没有这个写入动作。数据集用 package_*，数据用 resource_*。")
    if request.method != "POST":
        raise _Unreadable("JSON Error: Invalid request. Please use POST method for your request")
    if int(request.META.get("CONTENT_LENGTH") or 0) > uploading.MAX_UPLOAD:
        most = (
            f"一次最多 {uploading.MAX_UPLOAD >> 20} MB，没有保存任何内容。更大的文件请在后台上传。"
        )
        raise errors.invalid(**{uploading.FILE: most})
    given = _given(request)
    files = request.FILES.dict() if request.content_type == MULTIPART else {}
    return writing(Site.of(request, actor, files), Parameters(given))


class _Unreadable(Exception):
    """The body is not what CKAN clients send."""


def _plain(message: str) -> HttpResponse:
    """What cannot be read at all is answered with a mere text, as CKAN does."""
    return JsonResponse(
        message,
        safe=False,
        status=HTTPStatus.BAD_REQUEST,
        json_dumps_params={"ensure_ascii": False},
    )


def _given(request: HttpRequest) -> Mapping[str, Any]:
    """Parameters of the query, replaced by those of the body."""
    found = _flat(request.GET)
    if request.method != "POST":
        return found
    if request.content_type == MULTIPART:
        return found | _form(request)
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise _Unreadable("请求正文太大。") from error
    if len(body) > MAX_BODY:
        raise _Unreadable(f"请求正文最多 {MAX_BODY:,} 字节。")
    if not body.strip():
        return found
    # Old clients send the JSON text itself with a form's content type.
    if request.content_type in FORMS and not body.lstrip().startswith(b"{"):
        return found | _flat(request.POST)
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Unreadable("JSON Error: 请求正文不是完整的 JSON。") from error
    if not isinstance(content, dict):
        raise _Unreadable("JSON Error: 请求正文应为 JSON 对象。")
    return found | content


def _form(request: HttpRequest) -> dict[str, Any]:
    # A file may be large, so the body is never held whole; Django counts what is not a file.
    try:
        return _flat(request.POST)
    except (RequestDataTooBig, TooManyFieldsSent, MultiPartParserError) as error:
        raise _Unreadable("表单太大或不完整。") from error


def _flat(form: QueryDict) -> dict[str, Any]:
    return {
        name: values if len(values) > 1 else values[0]
        for name, values in form.lists() if values
    }  # fmt: skip
