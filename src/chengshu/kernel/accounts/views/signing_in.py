"""Sign-in, sign-out and the own password."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest, build_actor
from chengshu.kernel.access.rules import holds
from chengshu.kernel.accounts import services
from chengshu.kernel.accounts.forms import PasswordForm, SignInForm, show_error
from chengshu.kernel.errors import ChengshuError, InvalidInput
from chengshu.kernel.identity.choices import AccountKind
from chengshu.kernel.identity.passwords import MINIMUM_CLASSES, MINIMUM_LENGTH

BACKEND = "chengshu.kernel.identity.backends.AccountBackend"


def home_of(actor: Actor) -> str:
    """Where somebody starts: the console, the staff's phone pages, or the city's front page."""
    if holds(actor, "console.enter"):
        return reverse("console:home")
    if actor.account is not None and actor.account.kind == AccountKind.STAFF:
        return "/staff/"
    return "/"


def _target(request: ActorRequest, actor: Actor) -> str:
    """Back to the wanted page when it is ours, else home."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else home_of(actor)


def _demo_accounts() -> list[object]:
    """Accounts to show under the form; only a demo city has ``settings.DEMO_ACCOUNTS``."""
    path = getattr(settings, "DEMO_ACCOUNTS", "")
    return list(import_string(path)()) if path else []


@never_cache
@sensitive_post_parameters("password")
def sign_in(request: ActorRequest) -> HttpResponse:
    """Sign in and go on to where the person wanted to be."""
    if request.actor.is_signed_in:
        return HttpResponseRedirect(_target(request, request.actor))
    form = SignInForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            account = services.sign_in(actor=request.actor, **form.cleaned_data)
        except ChengshuError as error:
            form.add_error(None, error.detail)
            status = int(error.status)
        else:
            login(request, account, backend=BACKEND)
            return HttpResponseRedirect(_target(request, build_actor(request)))
    context = {
        "title": "登录",
        "form": form,
        "next": request.POST.get("next") or request.GET.get("next", ""),
        "demo_accounts": _demo_accounts(),
    }
    return render(request, "accounts/sign_in.html", context, status=status)


@require_POST
def sign_out(request: ActorRequest) -> HttpResponse:
    """End the session."""
    services.sign_out(actor=request.actor)
    logout(request)
    messages.success(request, "您已安全退出。")
    return HttpResponseRedirect(reverse("identity:sign-in"))


@never_cache
@sensitive_post_parameters("old", "new", "again")
def password(request: ActorRequest) -> HttpResponse:
    """Change one's own password; forced when an administrator has set a one-time one."""
    account = request.actor.account
    assert account is not None
    forced = account.must_change_password
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        old, new = form.cleaned_data["old"], form.cleaned_data["new"]
        try:
            services.change_password(actor=request.actor, old=old, new=new)
        except InvalidInput as error:
            show_error(form, error)
        else:
            # The session belongs to the password; all others of this account end.
            update_session_auth_hash(request, account)
            messages.success(request, "密码已修改。其他设备上的登录已全部退出。")
            return HttpResponseRedirect(home_of(request.actor))
    context = {
        "title": "请先设置新密码" if forced else "修改密码",
        "form": form,
        "forced": forced,
        "home": home_of(request.actor),
        "rules": {
            "length": MINIMUM_LENGTH,
            "classes": MINIMUM_CLASSES,
            "personal": [p for p in (account.username, account.display_name) if len(p) > 2],  # noqa: PLR2004 - as the rule
        },
    }
    return render(request, "accounts/password.html", context)
