"""The URL map: every package's own ``urls.py``, found by walking the tree."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from chengshu.kernel.access.rest import build_api, document
from chengshu.kernel.access.routing import SIGNED_IN, page
from chengshu.kernel.registry.discovery import has_module

api = build_api(settings.CITY_PACKAGES)

urlpatterns: list[URLPattern | URLResolver] = [
    page("api/v1/openapi.json", document(api), name="openapi", permission=SIGNED_IN),
    path("api/v1/", api.urls),
    *(
        path("", include(f"{package}.urls"))
        for package in settings.CITY_PACKAGES
        if has_module(package, "urls")
    ),
]

handler400 = "chengshu.portals.console.errors.bad_request"
handler403 = "chengshu.portals.console.errors.permission_denied"
handler404 = "chengshu.portals.console.errors.page_not_found"
handler500 = "chengshu.portals.console.errors.server_error"
