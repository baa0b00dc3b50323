"""Platforms above and below us: list, register, look, test, pause, secret, what is received."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from chengshu.data.cascade import selectors
from chengshu.data.cascade.choices import PlatformState, Role
from chengshu.data.cascade.forms import ChannelForm, PlatformForm, ReasonForm, SecretForm
from chengshu.data.cascade.models import Platform
from chengshu.data.cascade.services import channels, platforms
from chengshu.data.cascade.views.presentation import HOME, state_tag, tabs
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, holds
from chengshu.kernel.errors import InvalidInput, Unavailable
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Fact, Filter, Table
from chengshu.kernel.ui.tables import TableView


class PlatformList(TableView[Platform]):
    """Platforms in use, and what is late with them."""

    request: ActorRequest
    title = HOME
    subtitle = (
        "与上级、下级公共数据平台的往来：回流、上报、目录；每一批都有交接单和回执，逐行对得上"
    )
    key = "cascade-platforms"
    template_name = "cascade/list.html"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="name", title="平台", kind="main", sort="name", locked=True,
               url=lambda r: r.get_absolute_url()),
        Column(key="role", title="上下级", value="get_role_display"),
        Column(key="rank", title="级别", value="get_rank_display"),
        Column(key="state", title="状态", kind="status", value=state_tag, sort="state"),
        Column(key="last_received", title="最近收到", kind="ago"),
        Column(key="last_sent", title="最近送出", kind="ago"),
        Column(key="late", title="回执超期", kind="number"),
        Column(key="check", title="最近检查", value=lambda r: r.check_message or "还没有检查"),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="role", title="上下级", choices=Role.choices),
        Filter(key="state", title="状态", choices=PlatformState.choices),
    )
    search_fields = ("name", "contact")
    default_sort = "name"
    empty = EmptyState(
        title="还没有登记平台", icon="transfer",
        text="登记市、省的公共数据平台后，可以上报目录和数据、接收回流。",
        action=Action(title="登记平台", url="new/", icon="plus", primary=True),
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[Platform]:
        return selectors.platforms(self.request.actor)

    def get_actions(self) -> Sequence[Action]:
        if not allows(self.request.actor, platforms.MANAGE, Platform()):
            return ()
        return (
            Action(
                title="登记平台", url=reverse("cascade:platform-new"), icon="plus", primary=True
            ),
        )

    def get_context(self) -> dict[str, Any]:
        return {"tabs": tabs("platforms")}


@never_cache
def new(request: ActorRequest) -> HttpResponse:
    """Register a platform; a lower one's secret is shown this once."""
    form = PlatformForm(request.POST or None, actor=request.actor)
    if request.method == "POST" and form.is_valid():
        try:
            item, secret = platforms.register(actor=request.actor, content=form.content())
        except InvalidInput as error:
            form.show(error)
        else:
            if secret:
                return _show_secret(request, item, secret)
            messages.success(request, "已登记。下一步：检查连接。")
            return redirect(item.get_absolute_url())
    return _form(request, form, "登记平台", "登记", reverse("cascade:platforms"))


def _show_secret(request: ActorRequest, item: Platform, secret: str) -> HttpResponse:
    context = {
        "title": "密钥只显示这一次", "platform": item, "secret": secret,
        "crumbs": [Crumb(HOME, reverse("cascade:platforms")), Crumb(item.name)],
    }  # fmt: skip
    return render(request, "cascade/secret.html", context)


def _form(request: ActorRequest, form: Any, title: str, submit: str, back: str) -> HttpResponse:
    context = {
        "title": title, "form": form, "submit": submit, "cancel_url": back,
        "crumbs": [Crumb(HOME, reverse("cascade:platforms")), Crumb(title)],
    }  # fmt: skip
    return render(request, "ui/form.html", context)


def detail(request: ActorRequest, pk: int) -> HttpResponse:
    """One platform: how the connection is, what is received, what is delivered."""
    item = selectors.platform(request.actor, pk)
    received = selectors.channels(request.actor).filter(platform=item)
    plans = selectors.plans(request.actor).filter(platform=item)
    upper = item.role == Role.UPPER
    context: dict[str, Any] = {
        "title": item.name, "platform": item, "tag": state_tag(item), "tabs": tabs("platforms"),
        "subtitle": f"{item.get_role_display()} · {item.get_rank_display()}",
        "crumbs": [Crumb(HOME, reverse("cascade:platforms")), Crumb(item.name)],
        "actions": _actions(request, item), "received": _channels_table(list(received)),
        "plans": _plans_table(list(plans)), "late": getattr(item, "late", 0),
        "facts": [
            Fact("对接方式", item.get_way_display() if upper else "由它调用我们的级联接口"),
            Fact("地址", selectors.place(item), mono=True), Fact("签名方式", item.get_scheme_display()),
            Fact("平台编号", item.app, mono=True), Fact("密钥编号", item.key_id, mono=True),
            Fact("密钥", "已加密保存，不显示"), Fact("数源单位", item.organization or ""),
            Fact("联系人", item.contact),
            Fact("目录自动上报", "L1、L2 发布后自动" if item.entries_auto else "由人挑选"),
            Fact("最近检查", item.checked_at), Fact("检查结果", item.check_message),
        ],
    }  # fmt: skip
    return render(request, "cascade/platform.html", context)


def _actions(request: ActorRequest, item: Platform) -> list[Action]:
    if not allows(request.actor, platforms.MANAGE, item):
        return []
    active = item.state == PlatformState.ACTIVE
    made = [
        Action(title="接收一个数据集", icon="download",
               url=f"{reverse('cascade:channel-new')}?platform={item.pk}"),
        Action(title="暂停" if active else "恢复", icon="player-pause" if active else "player-play",
               url=reverse("cascade:platform-state", args=[item.pk])),
        Action(title="更换密钥", icon="key", url=reverse("cascade:platform-secret", args=[item.pk])),
    ]  # fmt: skip
    if item.role == Role.UPPER:
        check = Action(title="检查连接", icon="plug-connected", method="post", primary=True,
                       url=reverse("cascade:platform-check", args=[item.pk]))  # fmt: skip
        made.insert(0, check)
    return made


def _channels_table(rows: list[Any]) -> Table:
    columns = (
        Column(key="dataset", title="数据集", kind="code"),
        Column(key="resource", title="存入", kind="main", value="resource.title",
               url=lambda r: reverse("catalog:resource", args=[r.resource_id])),
        Column(key="department", title="对方数源单位", value="upper_department"),
        Column(key="source", title="数据源", value="source.name"),
        Column(key="last", title="最近批次", kind="number", value="last_number"),
        Column(key="answers", title="对应上报"),
    )  # fmt: skip
    empty = EmptyState(title="还没有约定接收的数据集", icon="download")
    return Table.plain(
        key="channels", columns=columns, rows=rows, caption="接收的数据集", empty=empty
    )


def _plans_table(rows: list[Any]) -> Table:
    columns = (
        Column(key="title", title="数据资源", kind="main", value="resource.title",
               url=lambda r: r.get_absolute_url()),
        Column(key="state", title="状态", kind="status", value=state_tag),
        Column(key="cycle", title="周期", value="get_cycle_display"),
        Column(key="last", title="最近送出", kind="ago", value="last_sent"),
    )  # fmt: skip
    empty = EmptyState(
        title="还没有上报计划", icon="upload", text="在数据目录里打开一个资源，从“级联”面板新建。"
    )
    return Table.plain(key="plans", columns=columns, rows=rows, caption="上报计划", empty=empty)


def check(request: ActorRequest, pk: int) -> HttpResponse:
    """Test the connection."""
    item = selectors.platform(request.actor, pk)
    try:
        messages.success(request, platforms.test_connection(actor=request.actor, platform=item))
    except Unavailable as error:
        messages.error(request, error.detail)
    return redirect(item.get_absolute_url())


def state(request: ActorRequest, pk: int) -> HttpResponse:
    """Pause or resume, with a reason."""
    item = selectors.platform(request.actor, pk)
    resume = item.state != PlatformState.ACTIVE
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        platforms.set_state(
            actor=request.actor, platform=item, active=resume, reason=form.cleaned_data["reason"]
        )
        messages.success(request, "已恢复。" if resume else "已暂停，不再收发任何内容。")
        return redirect(item.get_absolute_url())
    title = f"{'恢复' if resume else '暂停'}“{item}”"
    return _form(request, form, title, "恢复" if resume else "暂停", item.get_absolute_url())


@never_cache
def secret(request: ActorRequest, pk: int) -> HttpResponse:
    """Replace the secret: typed in for an upper platform, made here for a lower one."""
    item = selectors.platform(request.actor, pk)
    form = SecretForm(request.POST or None) if item.role == Role.UPPER else None
    if request.method == "POST" and (form is None or form.is_valid()):
        given = form.cleaned_data["secret"] if form else ""
        try:
            made = platforms.change_secret(actor=request.actor, platform=item, secret=given)
        except InvalidInput as error:
            assert form is not None
            form.show(error)
        else:
            if made:
                return _show_secret(request, item, made)
            messages.success(request, "密钥已更换。下一步：检查连接。")
            return redirect(item.get_absolute_url())
    if form is None:
        context = {
            "title": f"更换“{item}”的密钥", "platform": item, "secret": "",
            "crumbs": [Crumb(HOME, reverse("cascade:platforms")), Crumb(item.name)],
        }  # fmt: skip
        return render(request, "cascade/secret.html", context)
    return _form(request, form, f"更换“{item}”的密钥", "更换", item.get_absolute_url())


def channel_new(request: ActorRequest) -> HttpResponse:
    """Agree on a dataset to receive."""
    form = ChannelForm(request.POST or None, initial={"platform": request.GET.get("platform")})
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            item = channels.open_channel(
                actor=request.actor, platform=values["platform"], dataset=values["dataset"],
                resource_code=values["resource"].code, source=values["source"],
                object_name=values["object_name"], upper_department=values["upper_department"],
                answers=values["answers"],
            )  # fmt: skip
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已开通。对方送来交接单后自动核对、入库、回执。")
            return redirect(item.platform.get_absolute_url())
    return _form(request, form, "接收一个数据集", "开通", reverse("cascade:platforms"))


def may_manage(request: ActorRequest) -> bool:
    """Whether the actor manages cascading anywhere."""
    return holds(request.actor, platforms.MANAGE)
