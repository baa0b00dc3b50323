"""The JSON API: every package's ``api.py`` offers a ``router``; every operation declares its permission."""

import importlib
import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Field, NinjaAPI, Router
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser
from ninja.security import SessionAuth

from chengshu import __version__
from chengshu.kernel.access.middleware import ActorRequest, problem
from chengshu.kernel.access.routing import PUBLIC, SIGNED_IN
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import ChengshuError, InvalidInput, NotSignedIn
from chengshu.kernel.registry.discovery import has_module

Number = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""A number of a path or query: what every database can hold, so that a longer one is refused and not a fault."""

F = TypeVar("F", bound=Callable[..., Any])


class PermissionAuth(SessionAuth):
    """Session authentication (with CSRF) plus the operation's declared permission."""

    def __init__(self, permission: str) -> None:
        self.permission = permission
        super().__init__(csrf=True)

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        del key
        actor = getattr(request, "actor")  # noqa: B009 - set by AccessMiddleware
        if not actor.is_signed_in:
            raise NotSignedIn(
                "这个接口需要登录后使用。", advice="请先登录，或改用共享网关的签名调用。"
            )
        if self.permission != SIGNED_IN:
            check(actor, self.permission)
        return actor


class ApiRouter(Router):
    """A Ninja router whose operations cannot be added without a permission."""

    def operation(
        self, method: str, path: str, *, permission: str, **options: Any
    ) -> Callable[[F], F]:
        """Declare an operation, e.g. ``@router.operation("GET", "/entries", permission="catalog.view")``."""
        auth = None if permission == PUBLIC else PermissionAuth(permission)

        def decorate(view: F) -> F:
            view.chengshu_permission = permission  # type: ignore[attr-defined]
            self.add_api_operation(path, [method], view, auth=auth, **options)
            return view

        return decorate


_PROBLEMS = {
    "400": "请求读不懂", "401": "没有登录", "403": "没有权限", "404": "没有找到，或不归您看",
    "409": "现在的状态不允许", "422": "参数不符合约定，errors 逐个说明",
}  # fmt: skip
_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object", "title": "Problem", "description": "RFC 9457；detail 说明发生了什么、怎么办",
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["type", "title", "status", "detail"],
}  # fmt: skip


class ObjectParser(Parser):
    """Takes a JSON object and nothing else: pydantic reads absent members of a number as their defaults."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """Read the body; ValueError becomes 400."""
        found = json.loads(request.body)
        if not isinstance(found, dict):
            raise ValueError("the body is no JSON object")  # noqa: TRY004 - Ninja takes any error
        return found


class CityApi(NinjaAPI):
    """The API whose document also tells the refusals every operation can meet."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """The OpenAPI document."""
        document = super().get_openapi_schema(**options)
        document["components"].setdefault("schemas", {})["Problem"] = _PROBLEM_SCHEMA
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for operations in document["paths"].values():
            for operation in operations.values():
                for status, text in _PROBLEMS.items():
                    operation["responses"].setdefault(
                        status, {"description": text, "content": content}
                    )
        return document


def build_api(packages: Sequence[str]) -> NinjaAPI:
    """Collect every package's router under ``/api/v1/<package>/``."""
    api = CityApi(
        title="城枢开放接口",
        version=__version__,
        description="龙港市城枢平台的管理接口。数据共享调用走共享网关，见集成指南。",
        docs_url=None,
        parser=ObjectParser(),
        openapi_url=None,  # a route of its own, with a permission: `document`
        urls_namespace="api",
    )
    for package in packages:
        if has_module(package, "api"):
            module = importlib.import_module(f"{package}.api")
            name = package.rsplit(".", 1)[1]
            api.add_router(f"/{name}/", module.router, tags=[name])
    _handle_errors(api)
    return api


def document(api: NinjaAPI) -> Callable[[HttpRequest], HttpResponse]:
    """A view of the API's OpenAPI document."""

    def view(_request: HttpRequest) -> HttpResponse:
        return JsonResponse(api.get_openapi_schema(), json_dumps_params={"ensure_ascii": False})

    return view


def _handle_errors(api: NinjaAPI) -> None:
    def platform_error(_request: HttpRequest, error: ChengshuError) -> HttpResponse:
        return problem(error)

    def invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
        fields = {".".join(map(str, e["loc"][1:])): str(e["msg"]) for e in error.errors}
        return problem(
            InvalidInput("有参数不符合接口约定。", advice="请按 errors 逐项修改。", fields=fields)
        )

    def unreadable(_request: HttpRequest, error: HttpError) -> HttpResponse:
        refused = InvalidInput("请求体读不懂。", advice="应为一个 JSON 对象，请核对格式后重发。")
        refused.status = HTTPStatus(error.status_code)
        return problem(refused)

    def unauthenticated(_request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
        return problem(NotSignedIn("这个接口需要登录后使用。"))

    api.exception_handler(ChengshuError)(platform_error)
    api.exception_handler(ValidationError)(invalid)
    api.exception_handler(HttpError)(unreadable)
    api.exception_handler(AuthenticationError)(unauthenticated)


__all__ = ["ActorRequest", "ApiRouter", "Number", "build_api", "document"]
