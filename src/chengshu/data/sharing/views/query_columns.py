"""Which columns of an interface queries may ask for."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.sharing import selectors
from chengshu.data.sharing.forms import QueryColumnsForm
from chengshu.data.sharing.services import interfaces
from chengshu.data.sharing.views.presentation import interface_url
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import Crumb


def change(request: ActorRequest, code: str) -> HttpResponse:
    """Choose the columns; the snapshot is built anew with their indexes."""
    item = selectors.interface(request.actor, code)
    check(request.actor, "sharing.interface.manage", item)
    initial = {"query_columns": item.query_columns}
    form = QueryColumnsForm(request.POST or None, columns=item.columns, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            interfaces.set_query_columns(
                actor=request.actor, interface=item, columns=form.cleaned_data["query_columns"]
            )
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已保存，正在更新快照；完成后就能按这些字段查询。")
            return redirect(interface_url(item))
    context = {
        "title": f"查询条件：{item.title}", "form": form, "submit": "保存", "cancel_url": interface_url(item),
        "subtitle": "授权里有“条件查询”的应用可以按这些字段查询；每个字段会在快照里建一个索引。",
        "crumbs": [
            Crumb("共享接口", reverse("sharing:interfaces")), Crumb(item.title, interface_url(item)),
            Crumb("查询条件"),
        ],
    }  # fmt: skip
    return render(request, "ui/form.html", context)
