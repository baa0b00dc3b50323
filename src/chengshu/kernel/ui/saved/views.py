"""The menu of a list's saved filters, and its two acts. All of it works as plain forms and links."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.ui.saved import services


def _list_path(request: HttpRequest, path: str) -> str:
    """The list's own path on this site; anything else leads home."""
    local = url_has_allowed_host_and_scheme(
        path, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return path.partition("?")[0] if local and path.startswith("/") else "/"


def menu(request: ActorRequest) -> HttpResponse:
    """The saved filters of ``?list=`` with links to ``?path=``."""
    key, path = request.GET.get("list", ""), _list_path(request, request.GET.get("path", ""))
    context = {
        "list_key": key, "path": path, "title": "常用筛选",
        "saved": list(services.saved_filters(request.actor, key)),
    }  # fmt: skip
    fragment = bool(request.headers.get("HX-Request"))
    return render(
        request, "ui/table/saved.html" if fragment else "ui/table/saved_page.html", context
    )


@require_POST
def save(request: ActorRequest) -> HttpResponse:
    """Keep the posted conditions, and stay where they are in force."""
    item = services.save_filter(
        actor=request.actor, list_key=request.POST.get("list", ""),
        name=request.POST.get("name", ""), query=request.POST.get("query", ""),
    )  # fmt: skip
    messages.success(request, f"已保存为“{item.name}”，在列表的“常用”里随时打开。")
    return redirect(f"{_list_path(request, request.POST.get('path', ''))}?{item.query}")


@require_POST
def remove(request: ActorRequest, pk: int) -> HttpResponse:
    """Forget one."""
    item = services.remove_filter(actor=request.actor, pk=pk)
    messages.success(request, f"已删除常用筛选“{item.name}”。")
    return redirect(_list_path(request, request.POST.get("path", "")))
