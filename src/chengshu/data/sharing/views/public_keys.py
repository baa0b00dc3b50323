"""Registering a public key of an application in the console."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.sharing import selectors
from chengshu.data.sharing.forms import PublicKeyForm, end_of
from chengshu.data.sharing.services.public_keys import register_public_key
from chengshu.data.sharing.views.presentation import application_url
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import Crumb


def register(request: ActorRequest, code: str) -> HttpResponse:
    """Register a public key; the page never sees a secret."""
    item = selectors.application(request.actor, code)
    form = PublicKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            key = register_public_key(
                actor=request.actor, application=item, scheme=form.cleaned_data["scheme"],
                public_key=form.cleaned_data["public_key"],
                expires_at=end_of(form.cleaned_data["expires_on"]),
            )  # fmt: skip
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, f"已登记，密钥编号 {key.key_id}，两秒内可用。")
            return redirect(application_url(item))
    context: dict[str, Any] = {
        "title": "登记公钥或证书", "form": form, "submit": "登记", "cancel_url": application_url(item),
        "subtitle": f"“{item.name}”用自己的私钥证明身份，平台只保存公钥或证书，没有需要保管的密钥。",
        "crumbs": [
            Crumb("接入应用", reverse("sharing:applications")),
            Crumb(item.name, application_url(item)), Crumb("登记公钥或证书"),
        ],
    }  # fmt: skip
    return render(request, "ui/form.html", context)
