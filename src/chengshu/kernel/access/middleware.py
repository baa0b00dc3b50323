"""Request-wide enforcement: who acts, may they enter this route, and which headers protect the page."""

import ipaddress
import logging
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from chengshu.kernel.access.actor import ANONYMOUS, Actor
from chengshu.kernel.access.routing import PUBLIC, SIGNED_IN
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import ChengshuError, NotSignedIn
from chengshu.kernel.identity.models import Account

log = logging.getLogger("chengshu.access")

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " font-src 'self'; connect-src 'self'; worker-src 'self' blob:; object-src 'none';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class ActorRequest(HttpRequest):
    """A request after :class:`AccessMiddleware`: it always has an actor."""

    actor: Actor


def client_address(request: HttpRequest) -> str:
    """The caller's address; ``X-Forwarded-For`` counts only from a trusted proxy and only when it is an address."""
    remote = str(request.META.get("REMOTE_ADDR", ""))
    if remote in settings.TRUSTED_PROXIES:
        forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip()
        return _address(forwarded) or _address(remote)
    return _address(remote)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


class SecurityHeadersMiddleware:
    """Strict content security policy and friends on every answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CSP)
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault(
            "Permissions-Policy", "camera=(self), geolocation=(self), microphone=(self)"
        )
        return response


class AccessMiddleware:
    """Attaches the actor and refuses routes whose declared permission the actor lacks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = build_actor(request)  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(
        self, request: ActorRequest, view: Any, _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        """Deny by default: a route without a declaration is refused, not served."""
        permission = getattr(view, "chengshu_permission", None)
        if permission is None:
            # The JSON API declares per operation (kernel.access.rest); Ninja's own view carries them.
            if getattr(view, "__module__", "").startswith("ninja."):
                return None
            log.error("route without a declared permission: %s", request.path)
            raise PermissionDenied
        if permission == PUBLIC:
            return None
        if not request.actor.is_signed_in:
            return sign_in_redirect(request)
        account = request.actor.account
        if account is not None and account.must_change_password:
            target = reverse("identity:password")
            if request.path not in {target, reverse("identity:sign-out")}:
                return HttpResponseRedirect(target)
        if permission != SIGNED_IN:
            try:
                check(request.actor, permission)
            except ChengshuError as error:
                # Django offers process_exception only what views raise.
                return self.process_exception(request, error)
        return None

    def process_exception(self, request: ActorRequest, exception: Exception) -> HttpResponse | None:
        """Turn the platform's own errors into a page that says what to do next."""
        if not isinstance(exception, ChengshuError):
            return None
        if isinstance(exception, NotSignedIn):
            return sign_in_redirect(request)
        if request.headers.get("HX-Request"):
            return render(
                request, "ui/error_fragment.html", {"error": exception}, status=exception.status
            )
        if "application/json" in request.headers.get("Accept", ""):
            return problem(exception)
        back = request.headers.get("Referer", "")
        if request.method == "POST" and back and exception.status in {409, 422}:
            messages.error(request, exception.detail)
            return HttpResponseRedirect(back)
        return render(
            request,
            "ui/error.html",
            {"error": exception, "code": int(exception.status), "back": back},
            status=exception.status,
        )


def problem(error: ChengshuError) -> JsonResponse:
    """RFC 9457 problem details with a Chinese ``detail`` that says what to do."""
    body = {
        "type": "about:blank",
        "title": error.title,
        "status": int(error.status),
        "detail": error.detail,
    }
    if error.fields:
        body["errors"] = error.fields
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return JsonResponse(
        body,
        status=error.status,
        headers=headers,
        content_type="application/problem+json",
        json_dumps_params={"ensure_ascii": False},
    )


def sign_in_redirect(request: HttpRequest) -> HttpResponse:
    """Send the person to sign-in and back to where they wanted to go."""
    target = f"{reverse('identity:sign-in')}?{urlencode({'next': request.get_full_path()})}"
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response.headers["HX-Redirect"] = target
        return response
    return HttpResponseRedirect(target)


def build_actor(request: HttpRequest) -> Actor:
    """The actor of a request; the request id goes to audit, log and error page alike."""
    address, request_id = client_address(request), uuid.uuid4().hex
    user = request.user
    if isinstance(user, Account) and user.is_active:
        return Actor(
            account=user,
            name=user.display_name or user.username,
            address=address,
            request_id=request_id,
        )
    return Actor(name=ANONYMOUS.name, address=address, request_id=request_id)
