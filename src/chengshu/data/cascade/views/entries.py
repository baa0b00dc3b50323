"""The catalogue between platforms: what of ours went up, and what lower platforms sent to us."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.cascade import selectors
from chengshu.data.cascade.choices import EntryState
from chengshu.data.cascade.forms import EntryForm, ReasonForm
from chengshu.data.cascade.models import Entry, LowerEntry
from chengshu.data.cascade.services import answering, cataloguing
from chengshu.data.cascade.services.platforms import MANAGE
from chengshu.data.cascade.views.presentation import state_tag, tabs
from chengshu.data.catalog.facade import published_queryset
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Fact, Filter, Table
from chengshu.kernel.ui.tables import TableView

TITLE, LOWER = "目录上报", "下级目录"


class EntryList(TableView[Entry]):
    """Entries on their way up and what was said of them."""

    request: ActorRequest
    title = TITLE
    subtitle = "发布的目录按版本上报，变更和撤销跟着走；对方退回的原因通知编目单位"
    key = "cascade-entries"
    template_name = "cascade/list.html"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="title", title="目录", kind="main", value="resource.title", locked=True,
               url=lambda r: reverse("catalog:resource", args=[r.resource_id])),
        Column(key="version", title="版本", kind="number", sort="version"),
        Column(key="what", title="内容", value=lambda r: "撤回" if r.withdrawn else "上报"),
        Column(key="state", title="状态", kind="status", value=state_tag, sort="state"),
        Column(key="reason", title="对方的说明", value=lambda r: r.reason or r.error),
        Column(key="platform", title="送往", value="platform.name"),
        Column(key="provider", title="提供单位", value="resource.provider.short"),
        Column(key="sent", title="送出时间", kind="ago", value="sent_at"),
        Column(key="answered", title="答复时间", kind="ago", value="answered_at"),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=EntryState.choices),
    )
    search_fields = ("resource__title", "resource__code", "platform__name")
    empty = EmptyState(
        title="还没有上报目录",
        icon="books",
        text="在目录页面的“级联”面板点“上报目录”，或在平台上设为自动。",
    )

    def get_queryset(self) -> QuerySet[Entry]:
        return selectors.entries(self.request.actor)

    def get_context(self) -> dict[str, Any]:
        return {"tabs": tabs("entries")}


class LowerEntryList(TableView[LowerEntry]):
    """Entries that lower platforms sent to us."""

    request: ActorRequest
    title = LOWER
    subtitle = "下级平台上报的目录，由数据主管部门收下，或写明原因退回"
    key = "cascade-lower-entries"
    template_name = "cascade/list.html"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="title", title="目录", kind="main", locked=True,
               url=lambda r: reverse("cascade:lower-entry", args=[r.pk])),
        Column(key="version", title="版本", kind="number", sort="version"),
        Column(key="what", title="内容", value=lambda r: "撤回" if r.withdrawn else "上报"),
        Column(key="state", title="状态", kind="status", value=state_tag, sort="state"),
        Column(key="platform", title="来自", value="platform.name"),
        Column(key="code", title="资源代码", kind="code"),
        Column(key="received", title="收到时间", kind="ago", value="received_at"),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=EntryState.choices),
    )
    search_fields = ("title", "code", "platform__name")
    empty = EmptyState(title="下级平台还没有上报目录", icon="books")

    def get_queryset(self) -> QuerySet[LowerEntry]:
        return selectors.lower_entries(self.request.actor)

    def get_context(self) -> dict[str, Any]:
        return {"tabs": tabs("lower-entries")}


def new(request: ActorRequest) -> HttpResponse:
    """Send an entry up by hand."""
    resource = published_queryset().filter(code=request.GET.get("resource", "")).first()
    if resource is None:
        raise NotFound("没有找到这个目录，或还没有发布。")
    form = EntryForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        platform = form.cleaned_data["platform"]
        cataloguing.send_up(actor=request.actor, platform=platform, resource=resource)
        messages.success(request, "已排队，几分钟内送出；以后的新版本会自动跟上。")
        return redirect("cascade:entries")
    context = {
        "title": f"上报目录“{resource.title}”", "form": form, "submit": "上报",
        "crumbs": [Crumb(TITLE, reverse("cascade:entries")), Crumb("上报目录")],
        "cancel_url": reverse("catalog:resource", args=[resource.pk]),
    }  # fmt: skip
    return render(request, "ui/form.html", context)


def lower_entry(request: ActorRequest, pk: int) -> HttpResponse:
    """One entry of a lower platform, with its items; accept it here."""
    item = _lower(request, pk)
    content = item.document.get("content")
    items = content.get("items", []) if isinstance(content, dict) else []
    columns = (
        Column(key="title", title="数据项", kind="main", value=lambda r: str(r.get("title", ""))),
        Column(key="name", title="字段名", kind="code", value=lambda r: str(r.get("name", ""))),
        Column(key="type", title="类型", value=lambda r: str(r.get("type", ""))),
        Column(key="level", title="级别", value=lambda r: str(r.get("sensitivity", ""))),
        Column(key="definition", title="定义", value=lambda r: str(r.get("definition", ""))),
    )  # fmt: skip
    rows = [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []
    actions = []
    if item.decided_at is None and allows(request.actor, MANAGE, item):
        actions = [
            Action(title="收下", icon="check", method="post", primary=True,
                   url=reverse("cascade:lower-entry-accept", args=[item.pk])),
            Action(title="退回", icon="arrow-back-up", url=reverse("cascade:lower-entry-return", args=[item.pk])),
        ]  # fmt: skip
    context: dict[str, Any] = {
        "title": str(item), "item": item, "tag": state_tag(item), "tabs": tabs("lower-entries"),
        "crumbs": [Crumb(LOWER, reverse("cascade:lower-entries")), Crumb(str(item))],
        "actions": actions,
        "items": Table.plain(key="items", columns=columns, rows=rows, caption="数据项"),
        "facts": [
            Fact("来自", item.platform.name), Fact("资源代码", item.code, mono=True),
            Fact("提供单位", item.document.get("provider", "")), Fact("级别", item.document.get("level", "")),
            Fact("收到时间", item.received_at), Fact("审核时间", item.decided_at),
            Fact("说明", item.reason),
        ],
    }  # fmt: skip
    return render(request, "cascade/lower_entry.html", context)


def _lower(request: ActorRequest, pk: int) -> LowerEntry:
    item = selectors.lower_entries(request.actor).filter(pk=pk).first()
    if item is None:
        raise NotFound("没有找到这条下级目录。", advice="它可能不在您的权限范围内。")
    return item


def accept(request: ActorRequest, pk: int) -> HttpResponse:
    """Accept it."""
    answering.decide_entry(actor=request.actor, item=_lower(request, pk), accept=True)
    messages.success(request, "已收下，对方下次查询时看到。")
    return redirect("cascade:lower-entries")


def send_back(request: ActorRequest, pk: int) -> HttpResponse:
    """Return it with a reason."""
    item = _lower(request, pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            answering.decide_entry(
                actor=request.actor, item=item, accept=False, reason=form.cleaned_data["reason"]
            )
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已退回，对方下次查询时看到原因。")
            return redirect("cascade:lower-entries")
    context = {
        "title": f"退回“{item}”", "form": form, "submit": "退回",
        "crumbs": [Crumb(LOWER, reverse("cascade:lower-entries")), Crumb("退回")],
        "cancel_url": reverse("cascade:lower-entry", args=[item.pk]),
    }  # fmt: skip
    return render(request, "ui/form.html", context)
