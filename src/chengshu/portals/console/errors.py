"""Error pages: what happened, what was kept, what to do next."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from chengshu.kernel.access.actor import ANONYMOUS
from chengshu.kernel.access.middleware import problem
from chengshu.kernel.errors import ChengshuError, InvalidInput, NotAllowed, NotFound, Unavailable

# A program that asks gets problem details where a person gets a page.
APIS = ("/api/v1/", "/open/api/v1/")


def _page(request: HttpRequest, error: ChengshuError, code: int) -> HttpResponse:
    if request.path.startswith(APIS):
        return problem(error)
    context = {"error": error, "code": code, "back": request.headers.get("Referer", "")}
    return render(request, "ui/error.html", context, status=code)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    del exception
    error = InvalidInput("请求的格式不对。", kept="没有做任何改动。", advice="请返回上一页重试。")
    return _page(request, error, HTTPStatus.BAD_REQUEST)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    del exception
    error = NotAllowed(
        "您没有访问这个页面的权限。",
        kept="没有做任何改动。",
        advice="如工作需要，请联系管理员开通。",
    )
    return _page(request, error, HTTPStatus.FORBIDDEN)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that came without its token, mostly after a long pause."""
    del reason
    error = NotAllowed(
        "页面停留时间太长，安全校验已过期。",
        kept="没有做任何改动。",
        advice="请返回上一页刷新后重新提交。",
    )
    return _page(request, error, HTTPStatus.FORBIDDEN)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    del exception
    error = NotFound(
        "没有找到这个页面。", advice="地址可能有误，或内容已被移走；可以从首页或搜索重新进入。"
    )
    return _page(request, error, HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """500. Drawn for nobody in particular: the database, which knows the actor's menus, may be what is down."""
    request.actor = ANONYMOUS  # type: ignore[attr-defined]
    error = Unavailable(
        "系统出了点问题，已经记录下来。",
        kept="没有完成的操作都已撤回。",
        advice="请稍后重试；如反复出现，请告知运维人员。",
    )
    return _page(request, error, HTTPStatus.INTERNAL_SERVER_ERROR)
