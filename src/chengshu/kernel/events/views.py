"""Pages of the outbox: what was sent to whom, what failed and why, send again."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import Case, CharField, QuerySet, Value, When
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds, scope
from chengshu.kernel.errors import NotFound
from chengshu.kernel.events import services
from chengshu.kernel.events.models import Delivery, DeliveryState, Event, WebHook
from chengshu.kernel.registry import registry
from chengshu.kernel.ui.components import (
    Action,
    Column,
    Crumb,
    EmptyState,
    Fact,
    Filter,
    Tab,
    Table,
)
from chengshu.kernel.ui.tables import TableView

_STATES = {
    DeliveryState.PENDING: "queued",
    DeliveryState.DELIVERED: "succeeded",
    DeliveryState.DEAD: "dead",
}


def event_name(kind: str) -> str:
    """The name of an event type."""
    return registry.event_names().get(kind, kind)


def receiver_name(subscriber: str, hooks: dict[str, str]) -> str:
    """Who receives: a web hook by its name, or a part of the platform by its title."""
    if subscriber.startswith("webhook:"):
        return f"外部回调：{hooks.get(subscriber, subscriber)}"
    return services.TITLES.get(subscriber, subscriber)


def _hooks() -> dict[str, str]:
    return {f"webhook:{hook.pk}": hook.name for hook in WebHook.objects.all()}


def event_url(item: Event) -> str:
    """Where an event's page is."""
    return reverse("events:event", args=[item.pk])


def tabs(actor: Actor, active: str) -> list[Tab]:
    """The pages of events; receivers only for those who manage them."""
    found = [
        Tab("投递", reverse("events:deliveries"), active == "deliveries"),
        Tab("全部事件", reverse("events:events"), active == "events"),
    ]
    if holds(actor, "events.manage"):
        found.append(Tab("外部回调", reverse("events:hooks"), active == "hooks"))
    return found


STATE_COLUMN = Column(
    key="state", title="状态", kind="status", value=lambda d: _STATES[d.state],
    label="get_state_display",
)  # fmt: skip


def _receiver(item: Delivery) -> str:
    name = getattr(item, "hook_name", "")
    return receiver_name(item.subscriber, {item.subscriber: name} if name else {})


def _hook_name() -> Case:
    """The name of a delivery's web hook, for a query: the outbox knows receivers by their key."""
    named = [When(subscriber=key, then=Value(name)) for key, name in _hooks().items()]
    return Case(*named, default=Value(""), output_field=CharField())


class DeliveryList(TableView[Delivery]):
    """Every event for every receiver; the dead ones first thing to look at."""

    request: ActorRequest
    title = "事件投递"
    subtitle = "事件与业务改动同时写入，至少送达一次；某个接收方失败不影响其他接收方。"
    key = "deliveries"
    template_name = "events/list.html"
    columns = (
        Column(
            key="event", title="事件", kind="main", value=lambda d: event_name(d.event.type),
            url=lambda d: event_url(d.event), locked=True,
        ),
        Column(key="subject", title="对象", value="event.subject"),
        Column(
            key="subscriber", title="接收方", value=_receiver
        ),
        STATE_COLUMN,
        Column(key="attempts", title="尝试次数", kind="number"),
        Column(key="next_at", title="下次投递", kind="datetime", hidden=True),
        Column(key="error", title="最近错误", value=lambda d: d.error[:120]),
        Column(key="time", title="发生时间", kind="ago", value="event.time"),
    )  # fmt: skip
    filters = (Filter(key="state", title="状态", choices=DeliveryState.choices),)
    search_fields = ("event__type", "event__subject", "subscriber", "error")
    search_hint = "搜索事件、对象、接收方、错误"
    empty = EmptyState(
        title="还没有投递", text="业务办理产生的事件会在这里显示送给了谁、是否送达。", icon="send"
    )

    def get_queryset(self) -> QuerySet[Delivery]:
        rows = Delivery.objects.select_related("event").annotate(hook_name=_hook_name())
        return scope(self.request.actor, "events.view", rows)

    def get_context(self) -> dict[str, Any]:
        return {"tabs": tabs(self.request.actor, "deliveries")}

    def get_actions(self) -> Sequence[Action]:
        dead = self.get_queryset().filter(state=DeliveryState.DEAD).count()
        if not dead:
            return ()
        url = f"{reverse('events:deliveries')}?state={DeliveryState.DEAD}"
        return (Action(title=f"多次失败 {dead} 条", url=url, icon="alert-triangle"),)


class EventList(TableView[Event]):
    """The outbox itself."""

    request: ActorRequest
    title = "全部事件"
    key = "events"
    template_name = "events/list.html"
    columns = (
        Column(
            key="type", title="事件", kind="main", value=lambda e: event_name(e.type),
            url=event_url, locked=True,
        ),
        Column(key="code", title="类型代码", kind="code", value="type"),
        Column(key="source", title="来源", kind="code"),
        Column(key="subject", title="对象"),
        Column(
            key="state", title="状态", kind="status",
            value=lambda e: "succeeded" if e.fanned_out else "queued",
            label=lambda e: "已分发" if e.fanned_out else "待分发",
        ),
        Column(key="time", title="发生时间", kind="datetime", sort="time"),
    )  # fmt: skip
    filters = (
        Filter(
            key="type", title="事件", choices=lambda: sorted(registry.event_names().items())
        ),
    )  # fmt: skip
    search_fields = ("type", "subject", "source")
    search_hint = "搜索类型、对象、来源"
    default_sort = "-time"
    empty = EmptyState(title="还没有事件", icon="send")

    def get_queryset(self) -> QuerySet[Event]:
        return scope(self.request.actor, "events.view", Event.objects.all())

    def get_context(self) -> dict[str, Any]:
        return {"tabs": tabs(self.request.actor, "events")}


def event(request: ActorRequest, pk: Any) -> HttpResponse:
    """One event: its CloudEvents JSON and every delivery."""
    item = scope(request.actor, "events.view", Event.objects.all()).filter(pk=pk).first()
    if item is None:
        raise NotFound("没有找到这个事件。", advice="请从事件列表中重新选择。")
    hooks = _hooks()
    manage = holds(request.actor, "events.manage")
    rows = [
        (d, receiver_name(d.subscriber, hooks), _STATES[DeliveryState(d.state)])
        for d in item.deliveries.order_by("subscriber")
    ]
    context = {
        "title": event_name(item.type),
        "subtitle": item.subject,
        "crumbs": [Crumb("事件投递", reverse("events:deliveries")), Crumb(event_name(item.type))],
        "facts": [
            Fact("类型代码", item.type, mono=True),
            Fact("来源", item.source, mono=True),
            Fact("对象", item.subject),
            Fact("发生时间", item.time),
            Fact("去重键", item.idempotency_key, mono=True),
        ],
        "deliveries": rows,
        "manage": manage,
        "data": Table.plain(
            key="data",
            columns=(
                Column(key="name", title="字段", kind="code"),
                Column(key="value", title="值"),
            ),
            rows=[{"name": key, "value": str(value)} for key, value in item.data.items()],
            caption="事件内容",
            empty=EmptyState(title="这个事件没有附带内容", icon="inbox"),
        ),
    }
    return render(request, "events/event.html", context)


@require_POST
def retry(request: ActorRequest, pk: int) -> HttpResponse:
    """Deliver again."""
    rows = Delivery.objects.select_related("event")
    item = scope(request.actor, "events.manage", rows).filter(pk=pk).first()
    if item is None:
        raise NotFound("没有找到这条投递。", advice="请从事件投递列表中重新选择。")
    services.retry_delivery(actor=request.actor, delivery=item)
    messages.success(request, "已重新排队，几秒内会再次投递。")
    return HttpResponseRedirect(event_url(item.event))
