"""Proxied interfaces in the console: register a department's own interface, change how it is called."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.catalog.facade import published
from chengshu.data.sharing import selectors
from chengshu.data.sharing.declarations import declaration_of, host_of, source_of
from chengshu.data.sharing.models import ProxySource
from chengshu.data.sharing.services import sources
from chengshu.data.sharing.source_forms import SourceForm
from chengshu.data.sharing.views.presentation import interface_url
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.ui.components import Crumb, Fact

HOME = "共享接口"
SUBTITLE = "数据留在部门，平台按授权转发：只返回授权字段，脱敏、限额和留痕都与其他接口一样"


def create(request: ActorRequest, code: str) -> HttpResponse:
    """Register a department's interface for a catalogued resource."""
    resource = published(code)
    key = next(iter(resource.key), "")
    initial = {
        "title": resource.title, "code": f"{resource.physical_name.replace('_', '-')}-live",
        "key_column": key,
    }  # fmt: skip
    form = SourceForm(request.POST or None, columns=resource.columns, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            item = sources.register_source(
                actor=request.actor, resource_code=code, code=data["code"], title=data["title"],
                key_column=data["key_column"], declaration=form.declaration(),
            )  # fmt: skip
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已登记，两秒内就能授权和调用。")
            return redirect(interface_url(item))
    context = {
        "title": "登记代理接口", "form": form, "submit": "登记",
        "cancel_url": reverse("sharing:interface-new"),
        "subtitle": f"{resource.provider_name} · {resource.title}。{SUBTITLE}",
        "crumbs": [
            Crumb(HOME, reverse("sharing:interfaces")),
            Crumb("选择数据资源", reverse("sharing:interface-new")), Crumb("登记代理接口"),
        ],
    }  # fmt: skip
    return render(request, "sharing/source_form.html", context)


def change(request: ActorRequest, code: str) -> HttpResponse:
    """Change how the department is called."""
    item = selectors.interface(request.actor, code)
    check(request.actor, "sharing.interface.manage", item)
    source = source_of(item)
    if source is None:
        raise NotFound("这个接口不是代理接口。")
    form = SourceForm(
        request.POST or None, columns=published(item.resource.code).columns,
        declared=declaration_of(source), initial={"key_column": item.key_column},
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            sources.change_source(
                actor=request.actor, interface=item, key_column=form.cleaned_data["key_column"],
                declaration=form.declaration(),
            )  # fmt: skip
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已保存，两秒内生效。")
            return redirect(interface_url(item))
    context = {
        "title": f"变更代理接口：{item.title}", "form": form, "submit": "保存",
        "cancel_url": interface_url(item), "subtitle": SUBTITLE,
        "crumbs": [
            Crumb(HOME, reverse("sharing:interfaces")), Crumb(item.title, interface_url(item)),
            Crumb("变更代理接口"),
        ],
    }  # fmt: skip
    return render(request, "sharing/source_form.html", context)


def source_facts(source: ProxySource, *, own: bool) -> list[Fact]:
    """How a proxied interface is called; where it lies is for the department only."""
    seconds = source.timeout_ms / 1000
    parameters = "、".join(p["title"] or p["name"] for p in source.parameters)
    retries = f"最多尝试 {source.attempts} 次" if source.attempts > 1 else "不重试"
    shown = [Fact("来源主机", host_of(source), mono=True)] if own else []
    return [
        *shown,
        Fact("请求参数", parameters or "无"),
        Fact("时限", f"{seconds:g} 秒，{retries}"),
        Fact("缓存", f"{source.cache_seconds} 秒" if source.cache_seconds else "不缓存"),
        Fact("一次最多", f"{source.most} 条"),
    ]
