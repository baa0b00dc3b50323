"""The terms in force, with what they rest on."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.tickets import clock
from chengshu.data.tickets.forms import PolicyForm
from chengshu.data.tickets.services.policies import TERMS, change_policy
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import Crumb


def policy(request: ActorRequest) -> HttpResponse:
    """See and change the terms."""
    item = clock.policy()
    form = PolicyForm(request.POST or None, instance=item)
    if request.method == "POST" and form.is_valid():
        values = {name: form.cleaned_data[name] for name in TERMS}
        try:
            change_policy(actor=request.actor, reason=form.cleaned_data["reason"], **values)
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "时限已修改，从新开出的工单起执行。")
            return redirect("tickets:policy")
    context = {
        "title": "工单时限",
        "subtitle": "已经开始的工单仍按开出时的期限计算。",
        "crumbs": [Crumb("问题工单", reverse("tickets:tickets")), Crumb("工单时限")],
        "form": form, "cancel_url": reverse("tickets:tickets"), "submit": "保存时限",
        "changed": item if item.pk else None,
    }  # fmt: skip
    return render(request, "tickets/policy.html", context, status=422 if form.errors else 200)
