"""The JSON API: every package's ``api.py`` offers a ``router``; every operation declares its permission."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Router
from ninja.errors import AuthenticationError, ValidationError
from ninja.security import SessionAuth

from chengshu import __version__
from chengshu.kernel.access.middleware import ActorRequest, problem
from chengshu.kernel.access.routing import PUBLIC, SIGNED_IN
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import ChengshuError, InvalidInput, NotSignedIn
from chengshu.kernel.registry.discovery import has_module

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


def build_api(packages: Sequence[str]) -> NinjaAPI:
    """Collect every package's router under ``/api/v1/<package>/``."""
    api = NinjaAPI(
        title="城枢开放接口",
        version=__version__,
        description="龙港市城枢平台的管理接口。数据共享调用走共享网关，见集成指南。",
        docs_url=None,
        urls_namespace="api",
    )
    for package in packages:
        if has_module(package, "api"):
            module = importlib.import_module(f"{package}.api")
            name = package.rsplit(".", 1)[1]
            api.add_router(f"/{name}/", module.router, tags=[name])
    _handle_errors(api)
    return api


def _handle_errors(api: NinjaAPI) -> None:
    def platform_error(_request: HttpRequest, error: ChengshuError) -> HttpResponse:
        return problem(error)

    def invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
        fields = {".".join(map(str, e["loc"][1:])): str(e["msg"]) for e in error.errors}
        return problem(
            InvalidInput("有参数不符合接口约定。", advice="请按 errors 逐项修改。", fields=fields)
        )

    def unauthenticated(_request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
        return problem(NotSignedIn("这个接口需要登录后使用。"))

    api.exception_handler(ChengshuError)(platform_error)
    api.exception_handler(ValidationError)(invalid)
    api.exception_handler(AuthenticationError)(unauthenticated)


__all__ = ["ActorRequest", "ApiRouter", "build_api"]
