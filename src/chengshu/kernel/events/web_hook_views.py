"""Pages of the outside receivers: list, register, one receiver with its last deliveries."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import scope
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.events import web_hooks
from chengshu.kernel.events.forms import WebHookForm
from chengshu.kernel.events.models import Delivery, WebHook
from chengshu.kernel.events.views import STATE_COLUMN, event_name, event_url, tabs
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Fact, Table
from chengshu.kernel.ui.tables import TableView


def hook_url(item: WebHook) -> str:
    """Where a receiver's page is."""
    return reverse("events:hook", args=[item.pk])


def _types(item: WebHook) -> str:
    names = dict(web_hooks.offered_prefixes())
    return "、".join(names.get(prefix, prefix) for prefix in item.types)


_STATE = Column(
    key="state", title="状态", kind="status",
    value=lambda h: "active" if h.active else "inactive",
    label=lambda h: "启用" if h.active else "停用",
)  # fmt: skip


class HookList(TableView[WebHook]):
    """All outside receivers."""

    request: ActorRequest
    title = "外部回调"
    subtitle = "把事件送到外部系统，每次投递都带 HMAC-SHA256 签名。"
    key = "hooks"
    template_name = "events/list.html"
    columns = (
        Column(key="name", title="名称", kind="main", url=hook_url, sort="name", locked=True),
        Column(key="url", title="接收地址", kind="code"),
        Column(key="types", title="接收的事件", value=_types),
        _STATE,
    )
    search_fields = ("name", "url")
    search_hint = "搜索名称、地址"
    default_sort = "name"
    empty = EmptyState(
        title="还没有外部回调",
        text="外部系统要及时收到事件时，在这里登记它的接收地址。",
        icon="send",
    )

    def get_queryset(self) -> QuerySet[WebHook]:
        return scope(self.request.actor, web_hooks.MANAGE, WebHook.objects.all())

    def get_context(self) -> dict[str, Any]:
        return {"tabs": tabs(self.request.actor, "hooks")}

    def get_actions(self) -> Sequence[Action]:
        url = reverse("events:hook-new")
        return (Action(title="登记外部回调", url=url, icon="plus", primary=True),)


def hook(request: ActorRequest, pk: int) -> HttpResponse:
    """One receiver: where it is, what it gets, how the last deliveries went."""
    item = web_hooks.hook_of(request.actor, pk)
    context = {
        "title": item.name,
        "crumbs": [Crumb("外部回调", reverse("events:hooks")), Crumb(item.name)],
        "actions": _actions(item),
        "item": item,
        "facts": [
            Fact("接收地址", item.url, mono=True),
            Fact("接收的事件", _types(item)),
            Fact("类型前缀", "、".join(item.types), mono=True),
            Fact("签名", "X-Cs-Signature：正文的 HMAC-SHA256"),
        ],
        "deliveries": Table.plain(
            key="deliveries",
            columns=(
                Column(
                    key="event", title="事件", kind="main", value=_event_name, url=_event_address
                ),
                Column(key="subject", title="对象", value="event.subject"),
                STATE_COLUMN,
                Column(key="attempts", title="尝试次数", kind="number"),
                Column(key="error", title="最近错误", value=lambda d: d.error[:120]),
                Column(key="time", title="发生时间", kind="ago", value="event.time"),
            ),
            rows=web_hooks.last_deliveries(request.actor, item),
            caption="最近投递",
            empty=EmptyState(title="还没有投递", text="有匹配的事件时会送出。", icon="send"),
        ),
    }
    return render(request, "events/hook.html", context)


def _event_name(item: Delivery) -> str:
    return event_name(item.event.type)


def _event_address(item: Delivery) -> str:
    return event_url(item.event)


def _actions(item: WebHook) -> list[Action]:
    rotate = Action(
        title="更换密钥", url=reverse("events:hook-rotate", args=[item.pk]), icon="key",
        method="post", confirm="旧密钥立即失效，接收方要马上换用新密钥。确定更换吗？",
    )  # fmt: skip
    if item.active:
        change = Action(
            title="停用", url=reverse("events:hook-disable", args=[item.pk]), icon="circle-minus",
            method="post", confirm="停用后不再向它送事件，停用期间的事件也不会补送。确定停用吗？",
        )  # fmt: skip
    else:
        url = reverse("events:hook-enable", args=[item.pk])
        change = Action(title="启用", url=url, icon="circle-check", method="post", primary=True)
    return [rotate, change]


def hook_new(request: ActorRequest) -> HttpResponse:
    """Register a receiver; its secret is shown once."""
    form = WebHookForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            item, secret = web_hooks.register_hook(actor=request.actor, **form.cleaned_data)
        except (InvalidInput, Conflict) as error:
            for name, text in error.fields.items():
                form.add_error(name if name in form.fields else None, text)
            if not error.fields:
                form.add_error(None, error.detail)
            status = int(error.status)
        else:
            return _show_secret(request, item, secret, "外部回调已登记")
    context = {
        "title": "登记外部回调",
        "form": form,
        "submit": "登记",
        "crumbs": [Crumb("外部回调", reverse("events:hooks")), Crumb("登记")],
        "cancel_url": reverse("events:hooks"),
    }
    return render(request, "ui/form.html", context, status=status)


@require_POST
def rotate(request: ActorRequest, pk: int) -> HttpResponse:
    """Change the secret; the new one is shown once."""
    item = web_hooks.hook_of(request.actor, pk)
    secret = web_hooks.rotate_hook_secret(actor=request.actor, hook=item)
    return _show_secret(request, item, secret, "密钥已更换")


@require_POST
def disable(request: ActorRequest, pk: int) -> HttpResponse:
    """Send nothing more."""
    return _set_active(request, pk, active=False)


@require_POST
def enable(request: ActorRequest, pk: int) -> HttpResponse:
    """Send again."""
    return _set_active(request, pk, active=True)


def _set_active(request: ActorRequest, pk: int, *, active: bool) -> HttpResponse:
    item = web_hooks.hook_of(request.actor, pk)
    web_hooks.set_hook_active(actor=request.actor, hook=item, active=active)
    messages.success(request, f"“{item}”已{'启用' if active else '停用'}。")
    return HttpResponseRedirect(hook_url(item))


def _show_secret(request: ActorRequest, item: WebHook, secret: str, title: str) -> HttpResponse:
    context = {
        "title": title,
        "crumbs": [
            Crumb("外部回调", reverse("events:hooks")),
            Crumb(item.name, hook_url(item)),
            Crumb("密钥"),
        ],
        "item": item,
        "secret": secret,
        "url": hook_url(item),
    }
    response = render(request, "events/hook_secret.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response
