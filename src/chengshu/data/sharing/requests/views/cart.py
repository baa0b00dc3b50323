"""The cart: what one means to apply for, over all departments."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.catalog.facade import published
from chengshu.data.sharing import selectors as sharing
from chengshu.data.sharing.requests import selectors
from chengshu.data.sharing.requests.forms import WantForm
from chengshu.data.sharing.requests.services.carts import add_to_cart, remove_from_cart
from chengshu.data.sharing.services.interfaces import want_interface
from chengshu.data.sharing.suitability import key_choices
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import ChengshuError, InvalidInput
from chengshu.kernel.ui.components import Action, Crumb

HOME = "申请车"


def cart(request: ActorRequest) -> HttpResponse:
    """What lies in the cart, and the way to the form."""
    items = list(selectors.cart(request.actor))
    known = selectors.standings(request.actor, [item.interface for item in items])
    shelves = reverse("sharing:interfaces")
    actions = [Action(title="再加几个", url=shelves, icon="plus")]
    if items:
        url = reverse("sharing_requests:new")
        actions.append(Action(title="去填申请单", url=url, icon="pencil", primary=True))
    context = {
        "title": HOME, "subtitle": "几个单位的数据放在一起，填一张申请单；每个接口各自办理、各自计时。",
        "crumbs": [Crumb("我的申请", reverse("sharing_requests:requests")), Crumb(HOME)],
        "actions": actions if items else [],
        "first": Action(title="去看共享接口", url=shelves, icon="search", primary=True),
        "lines": [(item, "、".join(known.get(item.interface_id, []))) for item in items],
    }  # fmt: skip
    return render(request, "requests/cart.html", context)


def add(request: ActorRequest, code: str) -> HttpResponse:
    """Put one interface into the cart."""
    interface = sharing.interface(request.actor, code)
    add_to_cart(actor=request.actor, interface=interface)
    messages.success(request, f"“{interface.title}”已加入申请车。")
    return redirect("sharing_requests:cart")


def want(request: ActorRequest, code: str) -> HttpResponse:
    """Apply for a resource of the catalogue that has no interface yet."""
    resource = published(code)
    choices = key_choices(resource.columns)
    initial = {"key_column": choices[0][0] if choices else ""}
    form = WantForm(request.POST or None, choices=choices, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            interface = want_interface(
                actor=request.actor, resource_code=code, key_column=form.cleaned_data["key_column"]
            )
        except InvalidInput as error:
            form.show(error)
        else:
            add_to_cart(actor=request.actor, interface=interface)
            messages.success(request, f"“{interface.title}”已加入申请车；提供单位建好接口后开通。")
            return redirect("sharing_requests:cart")
    back = reverse("catalog:resource", args=[resource.id])
    context = {
        "title": f"申请使用：{resource.title}", "form": form, "cancel_url": back,
        "subtitle": f"{resource.provider_name} · 还没有共享接口，照样可以申请",
        "submit": "加入申请车", "crumbs": [Crumb(resource.title, back), Crumb("申请使用")],
    }  # fmt: skip
    return render(request, "ui/form.html", context, status=422 if form.errors else 200)


def add_chosen(request: ActorRequest) -> HttpResponse:
    """Put the chosen interfaces of the list into the cart; those that cannot be applied for are named."""
    keys = [key for key in request.POST.getlist("selected") if key.isdecimal()]
    done, refused = 0, []
    for interface in sharing.interfaces(request.actor).filter(pk__in=keys).order_by("pk"):
        try:
            add_to_cart(actor=request.actor, interface=interface)
        except ChengshuError as error:
            refused.append(error.message)
        else:
            done += 1
    if done:
        messages.success(request, f"{done} 个接口已在申请车里。")
    if refused:
        messages.warning(request, "没有加入：" + " ".join(refused))
    return redirect("sharing_requests:cart")


def remove(request: ActorRequest, code: str) -> HttpResponse:
    """Take one interface out of the cart."""
    interface = sharing.interface(request.actor, code)
    remove_from_cart(actor=request.actor, interface=interface)
    messages.success(request, f"“{interface.title}”已移出申请车。")
    return redirect("sharing_requests:cart")
