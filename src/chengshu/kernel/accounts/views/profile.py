"""The own account: name, post, roles, last sign-ins."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.accounts import presentation, selectors, services
from chengshu.kernel.accounts.forms import ProfileForm, show_error
from chengshu.kernel.errors import InvalidInput


def profile(request: ActorRequest) -> HttpResponse:
    """Show and change what belongs to the person who is signed in."""
    account = request.actor.account
    assert account is not None
    form = ProfileForm(
        request.POST or None, initial={"display_name": account.display_name, "post": account.post}
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.update_profile(actor=request.actor, **form.cleaned_data)
        except InvalidInput as error:
            show_error(form, error)
        else:
            messages.success(request, "个人信息已保存。")
            return HttpResponseRedirect(reverse("identity:profile"))
    context = {
        "title": "个人资料",
        "form": form,
        "account": account,
        "facts": presentation.account_facts(account),
        "roles": presentation.role_table(presentation.roles_of(account), "您还没有任何角色"),
        "sign_ins": presentation.sign_in_table(selectors.sign_ins(account)),
    }
    return render(request, "accounts/profile.html", context)
