"""Grants in the console: give, change, suspend, resume, revoke."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.sharing import privacy, selectors, usage
from chengshu.data.sharing.choices import CallKind, GrantState, kind_words
from chengshu.data.sharing.forms import GrantForm, ReasonForm
from chengshu.data.sharing.masking import NONE, mask_name
from chengshu.data.sharing.models import DayStatistic, Grant, ShareInterface
from chengshu.data.sharing.row_filter import sentence
from chengshu.data.sharing.services import grants
from chengshu.data.sharing.views.presentation import (
    application_url,
    grant_url,
    interface_url,
    limits,
    reasons_table,
    tag_of,
    trail,
    usage_stats,
)
from chengshu.data.sharing.views.samples import sample
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, check
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.ui.components import (
    Action,
    Column,
    Crumb,
    EmptyState,
    Fact,
    Filter,
    Stat,
    Table,
)
from chengshu.kernel.ui.tables import TableView

HOME = "共享授权"
DAYS = 30
MANAGE = "sharing.grant.manage"
_VERBS = {
    "suspend": (GrantState.SUSPENDED, "暂停", "暂停期间调用被拒绝，随时可以恢复。"),
    "resume": (GrantState.ACTIVE, "恢复", "按原来的字段、脱敏和限额恢复。"),
    "revoke": (GrantState.REVOKED, "收回", "收回后不能恢复，只能重新授权；记录保留。"),
}


class GrantList(TableView[Grant]):
    """Grants on own interfaces and of own applications."""

    title = HOME
    subtitle = "谁能看哪些数据的哪些字段；本单位给出的和得到的"
    key = "sharing-grants"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="application", title="应用", kind="main", value="application.name", locked=True,
               sort="application__name", url=grant_url),
        Column(key="interface", title="接口", value="interface.title", sort="interface__title"),
        Column(key="provider", title="提供单位", value="interface.resource.provider.short"),
        Column(key="state", title="状态", kind="status", value=tag_of, label="get_state_display",
               sort="state"),
        Column(key="fields", title="字段", kind="number", value=lambda g: len(g.fields)),
        Column(key="limits", title="限额", value=limits),
        Column(key="until", title="有效期至", kind="date", value="valid_until", sort="valid_until"),
        Column(key="problem", title="待处理", value="problem"),
        Column(key="granted", title="授权时间", kind="ago", value="granted_at", sort="granted_at"),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=GrantState.choices),
        Filter(key="problem", title="待处理", choices=(("yes", "有问题的"),),
               apply=lambda rows, _value: rows.exclude(problem="")),
    )  # fmt: skip
    search_fields = (
        "application__name",
        "application__code",
        "interface__title",
        "interface__code",
    )
    search_hint = "搜应用、接口"
    default_sort = "application"
    empty = EmptyState(title="还没有共享授权", icon="key", text="在接口页上把字段授权给一个应用。")

    def get_queryset(self) -> QuerySet[Grant]:
        return selectors.grants(self.request.actor)  # type: ignore[attr-defined]


def create(request: ActorRequest, code: str) -> HttpResponse:
    """Give an application access to an interface."""
    interface = selectors.interface(request.actor, code)
    check(request.actor, MANAGE, interface)
    # As little as possible: only what identifies a record is ticked, the rest is a decision.
    initial = {"fields": [interface.key_column]}
    form = GrantForm(request.POST or None, interface=interface, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            item = grants.grant(
                actor=request.actor, application=form.cleaned_data["application"], interface=interface,
                purpose=form.cleaned_data["purpose"], **form.rule(),
            )  # fmt: skip
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已授权，两秒内生效。")
            return redirect(grant_url(item))
    crumbs = [
        Crumb("共享接口", reverse("sharing:interfaces")),
        Crumb(interface.title, interface_url(interface)), Crumb("授权给应用"),
    ]  # fmt: skip
    return _form_page(request, form, "授权给应用", crumbs, interface_url(interface))


def change(request: ActorRequest, pk: int) -> HttpResponse:
    """Change a grant."""
    item = selectors.grant(request.actor, pk)
    check(request.actor, MANAGE, item)
    form = GrantForm(request.POST or None, interface=item.interface, grant=item)
    if request.method == "POST" and form.is_valid():
        try:
            grants.change_grant(actor=request.actor, item=item, **form.rule())
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已变更，两秒内生效。")
            return redirect(grant_url(item))
    crumbs = [
        Crumb(HOME, reverse("sharing:grants")), Crumb(str(item), grant_url(item)), Crumb("变更授权"),
    ]  # fmt: skip
    return _form_page(request, form, f"变更授权：{item}", crumbs, grant_url(item))


def _form_page(
    request: ActorRequest, form: GrantForm, title: str, crumbs: list[Crumb], back: str
) -> HttpResponse:
    context = {
        "title": title, "form": form, "crumbs": crumbs, "cancel_url": back,
        "submit": "授权" if form.is_new else "保存变更",
        "subtitle": f"{form.interface.resource.provider.short} · {form.interface.title}",
    }  # fmt: skip
    return render(request, "sharing/grant_form.html", context)


def detail(request: ActorRequest, pk: int) -> HttpResponse:
    """One grant: what it allows, how it is used, how to call."""
    item = selectors.grant(request.actor, pk)
    interface = item.interface
    titles = {c["name"]: c["title"] for c in interface.columns}
    rows = selectors.statistics(request.actor).filter(
        application=item.application.code, interface=interface.code, day__gte=usage.first_day(DAYS)
    )
    asking = allows(request.actor, "sharing.view", item.application)
    context: dict[str, Any] = {
        "title": str(item), "grant": item, "tag": tag_of(item), "subtitle": item.purpose,
        "crumbs": [Crumb(HOME, reverse("sharing:grants")), Crumb(str(item))],
        "actions": _actions(request.actor, item), "fields": _fields_table(item, interface),
        "stats": _stats(item, rows),
        "reasons": reasons_table(usage.reasons(rows)),
        # The sample is a lookup: where that is refused, it would teach a call that fails.
        "sample": sample(interface, item.application)
        if asking and CallKind.LOOKUP in item.kinds
        else None,
        "facts": [
            Fact("应用", item.application.name, application_url(item.application) if asking else ""),
            Fact("使用单位", item.application.owner.name),
            Fact("接口", interface.title, interface_url(interface)),
            Fact("调用方式", kind_words(item.kinds)),
            *(
                [
                    Fact("差分隐私", privacy.sentence(item.privacy))
                    if item.privacy
                    else Fact("统计最小组", f"{item.minimum_group} 条")
                ]
                if CallKind.STATISTICS in item.kinds
                else []
            ),
            Fact("行范围", sentence(item.row_filter, titles)), Fact("限额", limits(item)),
            *_guards(item),
            Fact("来源网段", "、".join(item.networks) or "不限"),
            Fact("生效时间", item.valid_from), Fact("有效期至", item.valid_until or "长期"),
            Fact("不脱敏的理由", item.unmasked_reason),
        ],
        "trail": trail(selectors.history(item)),
    }  # fmt: skip
    return render(request, "sharing/grant.html", context)


def _guards(item: Grant) -> list[Fact]:
    """What stops the trying out of keys and values; only for ways of calling that it concerns."""
    found = []
    if {CallKind.LOOKUP, CallKind.BATCH, CallKind.VERIFY} & set(item.kinds):
        found.append(Fact("查无记录", f"每分钟满 {item.misses_per_minute:,} 条停一分钟"))
    if CallKind.VERIFY in item.kinds:
        found.append(Fact("核验不符", f"同一条记录每天最多 {item.tries_per_day} 次"))
    return found


def _stats(item: Grant, rows: QuerySet[DayStatistic]) -> list[Stat]:
    """Use of the last days, and what is left of today's quota as far as calls were counted (a minute ago)."""
    found = usage_stats(usage.totals(rows), f"近 {DAYS} 天")
    if item.per_day is None:
        return found
    today = usage.totals(rows.filter(day__gte=usage.first_day(1)))
    left = max(item.per_day - today.charged, 0)
    note = f"每天 {item.per_day:,} 条"
    return [*found[:3], Stat(label="今日剩余", value=left, unit="条", note=note)]


def _fields_table(item: Grant, interface: ShareInterface) -> Table:
    known = {c["name"]: c for c in interface.columns}
    rows = [
        {
            "name": name, "title": known.get(name, {}).get("title", "（已不在接口中）"),
            "level": known.get(name, {}).get("sensitivity", ""),
            "mask": mask_name(item.masks.get(name, NONE)),
        }
        for name in item.fields
    ]  # fmt: skip
    columns = (
        Column(key="title", title="中文名称", kind="main"),
        Column(key="name", title="字段名", kind="code"),
        Column(key="level", title="级别"),
        Column(key="mask", title="脱敏"),
    )
    return Table.plain(key="fields", columns=columns, rows=rows, caption="授权字段")


def _actions(actor: Actor, item: Grant) -> list[Action]:
    guide = Action(title="接口说明", url=grant_url(item, "grant-guide"), icon="book-2")
    if item.state == GrantState.REVOKED:
        return [guide]
    return [*_asking(actor, item), guide, *_managing(actor, item)]


def _asking(actor: Actor, item: Grant) -> list[Action]:
    """What the side that uses the data may ask for."""
    if not allows(actor, "sharing.request.apply", item.application):
        return []
    url = reverse("sharing_requests:change", args=[item.pk])
    found = [Action(title="申请变更", url=url, icon="pencil-plus")]
    if item.valid_until is not None:
        found.insert(0, Action(title="续期", url=f"{url}?renew=1", icon="calendar-event"))
    return found


def _managing(actor: Actor, item: Grant) -> list[Action]:
    if not allows(actor, MANAGE, item):
        return []
    verb = "suspend" if item.state == GrantState.ACTIVE else "resume"
    icon = "player-pause" if verb == "suspend" else "player-play"
    return [
        Action(title="收回", url=_state_url(item, "revoke"), icon="circle-x", danger=True),
        Action(title=_VERBS[verb][1], url=_state_url(item, verb), icon=icon),
        Action(title="变更", url=grant_url(item, "grant-change"), icon="pencil", primary=True),
    ]


def _state_url(item: Grant, verb: str) -> str:
    return reverse("sharing:grant-state", args=[item.pk, verb])


def state(request: ActorRequest, pk: int, verb: str) -> HttpResponse:
    """Suspend, resume or revoke a grant, with a reason."""
    if verb not in _VERBS:
        raise NotFound("没有这个操作。")
    item = selectors.grant(request.actor, pk)
    target, word, text = _VERBS[verb]
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        grants.set_state(
            actor=request.actor, item=item, state=target, reason=form.cleaned_data["reason"]
        )
        messages.success(request, f"已{word}，两秒内生效。")
        return redirect(grant_url(item))
    context = {
        "title": f"{word}授权：{item}", "subtitle": text, "form": form, "submit": word,
        "cancel_url": grant_url(item),
        "crumbs": [
            Crumb(HOME, reverse("sharing:grants")), Crumb(str(item), grant_url(item)), Crumb(word),
        ],
    }  # fmt: skip
    return render(request, "ui/form.html", context)
