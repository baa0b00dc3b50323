"""How a person wants to see the pages: theme, type size, folded navigation.

Kept in cookies that the server reads, so that pages arrive right the first time, also without JavaScript.
"""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

CHOICES: dict[str, tuple[str, ...]] = {
    "theme": ("auto", "light", "dark"),
    "type": ("normal", "large"),
    "nav": ("open", "folded"),
}
COOKIE_SECONDS = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Preferences:
    """The chosen looks; the first value of each choice is the default."""

    theme: str = "auto"
    type: str = "normal"
    nav: str = "open"


def cookie_name(key: str) -> str:
    """Cookie that keeps the preference ``key``."""
    return f"cs_{key}"


def read(request: HttpRequest | None) -> Preferences:
    """Read the preferences of a request; an unknown value counts as none."""
    cookies = request.COOKIES if request is not None else {}
    chosen = {
        key: value
        for key, values in CHOICES.items()
        if (value := cookies.get(cookie_name(key), "")) in values
    }
    return Preferences(**chosen)


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Store posted preferences and go back to the page the person came from."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        target = "/"
    response = HttpResponseRedirect(target)
    for key, values in CHOICES.items():
        value = request.POST.get(key, "")
        if value in values:
            response.set_cookie(
                cookie_name(key), value, max_age=COOKIE_SECONDS, samesite="Lax",
                secure=request.is_secure(),
            )  # fmt: skip
    return response
