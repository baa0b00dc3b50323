"""One's own tokens: list, make (the text is shown once), revoke."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.tokens import services
from chengshu.kernel.tokens.forms import TokenForm
from chengshu.kernel.tokens.models import ApiToken
from chengshu.kernel.tokens.scopes import names_of, offered_to
from chengshu.kernel.ui.components import Action, Crumb

TITLE = "API 令牌"


def _crumbs(*last: str) -> list[Crumb]:
    found = [Crumb("个人资料", reverse("identity:profile"))]
    if not last:
        return [*found, Crumb(TITLE)]
    return [*found, Crumb(TITLE, reverse("tokens:list")), Crumb(last[0])]


def own(request: ActorRequest) -> HttpResponse:
    """The person's tokens."""
    tokens = ApiToken.objects.filter(account=request.actor.account)
    may = bool(offered_to(request.actor))
    make = Action(title="签发令牌", url=reverse("tokens:new"), icon="plus", primary=True)
    context = {
        "title": TITLE, "crumbs": _crumbs(), "may": may, "actions": [make] if may else [],
        "subtitle": "让程序代您调用接口。令牌只能做签发时选的事，到期自动失效，可随时吊销。",
        "tokens": [(token, names_of(token.scopes)) for token in tokens],
    }  # fmt: skip
    return render(request, "tokens/own.html", context)


def new(request: ActorRequest) -> HttpResponse:
    """Make a token; its text is on this one page and nowhere else."""
    form = TokenForm(request.POST or None, actor=request.actor)
    if request.method == "POST" and form.is_valid():
        try:
            token, text = services.issue(actor=request.actor, **form.cleaned_data)
        except InvalidInput as error:
            for name, told in error.fields.items():
                form.add_error(name if name in form.fields else None, told)
        else:
            context = {
                "title": "令牌已签发", "subtitle": token.name, "crumbs": _crumbs("已签发"),
                "token": token, "text": text, "scopes": names_of(token.scopes),
            }  # fmt: skip
            response = render(request, "tokens/issued.html", context)
            response.headers["Cache-Control"] = "no-store"
            return response
    context = {
        "title": "签发令牌", "crumbs": _crumbs("签发"), "form": form, "submit": "签发",
        "cancel_url": reverse("tokens:list"),
    }  # fmt: skip
    return render(request, "ui/form.html", context, status=422 if form.errors else 200)


@require_POST
def revoke(request: ActorRequest, prefix: str) -> HttpResponse:
    """Take one back."""
    token = services.own(request.actor, prefix)
    services.revoke(actor=request.actor, token=token)
    messages.success(request, f"“{token.name}”已吊销，用它的程序立即被拒绝。")
    return redirect("tokens:list")
