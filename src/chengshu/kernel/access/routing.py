"""Routes that declare their permission. ``page()`` is the only way to add a page; a test walks the URL map."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path

View = Callable[..., HttpResponseBase]

PUBLIC = "*public"
SIGNED_IN = "*signed-in"


def page(route: str, view: View, *, name: str, permission: str) -> URLPattern:
    """Map ``route`` to ``view`` for holders of ``permission``.

    Args:
        route: Django path route.
        view: a function view; class views pass ``View.as_view()``.
        name: URL name inside the package's ``app_name``.
        permission: a permission key of a manifest, :data:`PUBLIC` or :data:`SIGNED_IN`.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs)

    # Set on the wrapper, so that one view may serve two routes with different permissions.
    guarded.chengshu_permission = permission  # type: ignore[attr-defined]
    return path(route, guarded, name=name)
