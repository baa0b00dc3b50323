"""The terms in force, with what they rest on."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.sharing.requests import clock
from chengshu.data.sharing.requests.forms import PolicyForm
from chengshu.data.sharing.requests.services.policies import NAMES, change_policy
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import Crumb


def policy(request: ActorRequest) -> HttpResponse:
    """See and change the terms."""
    form = PolicyForm(request.POST or None, instance=clock.policy())
    if request.method == "POST" and form.is_valid():
        values = {name: form.cleaned_data[name] for name in NAMES}
        try:
            change_policy(actor=request.actor, reason=form.cleaned_data["reason"], **values)
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "时限已修改，从新开始的一步起执行。")
            return redirect("sharing_requests:policy")
    inbox = reverse("sharing_requests:inbox")
    context = {
        "title": "共享申请时限", "subtitle": "已经开始的一步仍按开始时的期限计算。",
        "crumbs": [Crumb("申请办理", inbox), Crumb("共享申请时限")],
        "form": form, "cancel_url": inbox, "submit": "保存时限",
    }  # fmt: skip
    return render(request, "ui/form.html", context, status=422 if form.errors else 200)
