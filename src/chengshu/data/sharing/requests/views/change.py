"""Ask to change a grant in force, or to prolong it: the form starts from what the grant allows now."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing import selectors as sharing
from chengshu.data.sharing.models import Grant
from chengshu.data.sharing.requests import selectors
from chengshu.data.sharing.requests.flow import APPLY
from chengshu.data.sharing.requests.forms import (
    PREFILLED,
    ApplyForm,
    RequestFormBase,
    WantedForm,
    initial_of,
)
from chengshu.data.sharing.requests.presentation import request_url
from chengshu.data.sharing.requests.services.submission import submit_change
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.ui.components import Crumb

YEAR = timedelta(days=365)
_OF_GRANT = ("fields", "kinds", "row_filter")


def change(request: ActorRequest, pk: int) -> HttpResponse:
    """The form; with ``?renew=1`` the term is a year longer already, and sending is all there is to do."""
    grant = sharing.grant(request.actor, pk)
    check(request.actor, APPLY, grant.application)
    renew = request.GET.get("renew") == "1"
    data = request.POST or None
    form = ApplyForm(data, applications=None, initial=_initial(request, grant, renew=renew))
    part = WantedForm(data, interface=grant.interface, initial=initial_of(grant, _OF_GRANT))
    if request.method == "POST" and all([form.is_valid(), part.is_valid()]):
        sent = _send(request, grant, form, part)
        if sent is not None:
            return sent
    back = reverse("sharing:grant", args=[grant.pk])
    word = "续期" if renew else "申请变更"
    context = {
        "title": f"{word}：{grant.interface}", "form": form, "wanted": [part],
        "subtitle": f"{grant.application} · 办好之前，原授权照常有效",
        "has_application": True, "refused": bool(data), "back": (back, "返回授权"),
        "crumbs": [Crumb("共享授权", reverse("sharing:grants")), Crumb(str(grant), back), Crumb(word)],
        "hint": "已按现有授权填好，期限加了一年；没有别的要改，直接提交。" if renew
        else "已按现有授权填好，只改要变的；不变的留着。",
    }  # fmt: skip
    return render(request, "requests/apply.html", context, status=422 if data else 200)


def _initial(request: ActorRequest, grant: Grant, *, renew: bool) -> dict[str, Any]:
    """What the request that led to the grant said, then what the grant says now."""
    first = grant.requests.order_by("-pk").first() or selectors.former(request.actor)
    said = initial_of(first, PREFILLED) if first else {"frequency": "case"}
    held = initial_of(grant, ("purpose", "per_day", "networks", "valid_until"))
    if renew:
        start = max(grant.valid_until or timezone.now(), timezone.now())
        held["valid_on"] = timezone.localtime(start + YEAR).date()
    return {**said, **held}


def _send(
    request: ActorRequest, grant: Grant, form: ApplyForm, part: WantedForm
) -> HttpResponse | None:
    place: RequestFormBase = part
    try:
        wanted = part.wanted()
        place = form
        item = submit_change(actor=request.actor, grant=grant, common=form.common(), wanted=wanted)
    except InvalidInput as error:
        (part if set(error.fields) & set(part.fields) else place).show(error)
        return None
    except Conflict as error:
        form.add_error(None, error.detail)
        return None
    messages.success(request, f"{item.number} 已提交，有进展会通知您；原授权照常有效。")
    return redirect(request_url(item))
