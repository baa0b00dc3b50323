"""The application form over all interfaces of the cart."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.sharing.models import Application, ShareInterface
from chengshu.data.sharing.requests import selectors
from chengshu.data.sharing.requests.forms import (
    PREFILLED,
    ApplyForm,
    RequestFormBase,
    WantedForm,
    initial_of,
)
from chengshu.data.sharing.requests.models import AccessRequest
from chengshu.data.sharing.requests.services.submission import submit
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.ui.components import Crumb


def apply(request: ActorRequest) -> HttpResponse:
    """Fill in and send the form."""
    interfaces = [item.interface for item in selectors.cart(request.actor)]
    if not interfaces:
        return redirect("sharing_requests:cart")
    applications, former = selectors.applicable(request.actor), selectors.former(request.actor)
    data = request.POST or None
    form = ApplyForm(data, applications=applications, initial=_initial(former, applications))
    known = selectors.former_fields(request.actor, interfaces)
    wanted = [WantedForm(data, interface=i, initial=_fields(i, known)) for i in interfaces]
    if request.method == "POST" and all([form.is_valid(), *(w.is_valid() for w in wanted)]):
        sent = _send(request, form, wanted)
        if sent:
            words = f"申请单 {sent[0].form} 已提交：{len(sent)} 个接口分别办理，有进展会通知您。"
            messages.success(request, words)
            return redirect("sharing_requests:requests")
    context = {
        "title": "填写申请单", "form": form, "wanted": wanted, "former": former,
        "subtitle": f"一次申请 {len(interfaces)} 个接口",
        "has_application": applications.exists(), "refused": bool(data),
        "crumbs": [Crumb("申请车", reverse("sharing_requests:cart")), Crumb("填写申请单")],
    }  # fmt: skip
    return render(request, "requests/apply.html", context, status=422 if data else 200)


def _initial(former: AccessRequest | None, applications: QuerySet[Application]) -> dict[str, Any]:
    """The former request; the first time the one application there is, with what it says it is for."""
    if former is None:
        only = applications.first() if applications.count() == 1 else None
        known = {"application": only.pk, "purpose": only.purpose} if only else {}
        return {"frequency": "case", **known}
    return {"application": former.application_id, **initial_of(former, PREFILLED)}


def _fields(interface: ShareInterface, known: dict[int, list[str]]) -> dict[str, Any]:
    """What was asked for last; the first time as little as possible: what identifies a record."""
    return {"fields": known.get(interface.pk, [interface.key_column]), "row_operator": "eq"}


def _send(request: ActorRequest, form: ApplyForm, wanted: list[WantedForm]) -> list[AccessRequest]:
    """Send it; what was refused shows beside its field, of the interface it is about."""
    found, place = [], None
    for part in wanted:
        try:
            found.append(part.wanted())
        except InvalidInput as error:
            part.show(error)
            place = part
    if place is not None:
        return []
    try:
        return submit(
            actor=request.actor, application=form.cleaned_data["application"],
            common=form.common(), wanted=found,
        )  # fmt: skip
    except InvalidInput as error:
        _place(error, form, wanted).show(error)
    except Conflict as error:
        form.add_error(None, error.detail)
    return []


def _place(error: InvalidInput, form: ApplyForm, wanted: list[WantedForm]) -> RequestFormBase:
    """The form an error belongs to: the service names the interface first."""
    for part in wanted:
        if error.message.startswith(f"“{part.interface}”") and set(error.fields) <= {"fields"}:
            return part
    return form
