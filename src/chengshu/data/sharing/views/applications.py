"""Applications in the console: list, register, keys (shown once), grants, own calls and errors."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from chengshu.data.sharing import selectors, usage
from chengshu.data.sharing.choices import ApplicationState, GrantState, KeyScheme, KeyState
from chengshu.data.sharing.client_certificates import read_certificate
from chengshu.data.sharing.forms import ApplicationForm, KeyForm, ReasonForm, end_of
from chengshu.data.sharing.models import Application, ApplicationKey
from chengshu.data.sharing.services import applications
from chengshu.data.sharing.views.presentation import (
    application_url,
    day_chart,
    exports_table,
    grants_table,
    reasons_table,
    tag_of,
    trail,
    usage_stats,
)
from chengshu.data.sharing.views.samples import sample
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, holds, scope
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.ui.components import (
    Action,
    Column,
    Crumb,
    EmptyState,
    Fact,
    Filter,
    StatusTag,
    status_tag,
)
from chengshu.kernel.ui.tables import TableView

HOME = "接入应用"
DAYS = 30
_SOON = timedelta(days=30)


class ApplicationList(TableView[Application]):
    """Applications of the actor's organisation and below."""

    title = HOME
    subtitle = "调用共享接口的系统；每个应用有自己的密钥、授权和调用记录"
    key = "sharing-applications"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="name", title="应用名称", kind="main", sort="name", locked=True,
               url=application_url),
        Column(key="owner", title="使用单位", value="owner.short", sort="owner__short"),
        Column(key="state", title="状态", kind="status", value=tag_of, label="get_state_display",
               sort="state"),
        Column(key="keys", title="有效密钥", kind="number", value="valid_keys"),
        Column(key="grants", title="授权", kind="number", value="open_grants"),
        Column(key="calls", title="近 30 天调用", kind="number", value="recent_calls"),
        Column(key="code", title="应用编号", kind="code", sort="code"),
        Column(key="created", title="登记时间", kind="date", value="created_at", sort="created_at"),
        Column(key="contact", title="联系人", hidden=True),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=ApplicationState.choices),
    )
    search_fields = ("name", "code", "owner__short", "purpose")
    search_hint = "搜名称、编号、单位、用途"
    default_sort = "name"
    empty = EmptyState(
        title="还没有接入应用", icon="apps", text="登记一个应用、签发密钥、申请授权，就能调用共享接口。",
        action=Action(title="登记一个应用", url="new/", icon="plus", primary=True),
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[Application]:
        return selectors.listed_applications(self.request.actor)  # type: ignore[attr-defined]

    def get_actions(self) -> Sequence[Action]:
        if not holds(self.request.actor, "sharing.application.manage"):  # type: ignore[attr-defined]
            return ()
        url = reverse("sharing:application-new")
        return (Action(title="登记一个应用", url=url, icon="plus", primary=True),)


def create(request: ActorRequest) -> HttpResponse:
    """Register an application."""
    owners = scope(request.actor, "sharing.application.manage", Organization.objects.all())
    account = request.actor.account
    initial = {"owner": account.organization_id if account else None}
    form = ApplicationForm(request.POST or None, owners=owners.order_by("code"), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            item = applications.register_application(actor=request.actor, **form.cleaned_data)
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已登记。下一步：签发密钥，然后向数据提供单位申请授权。")
            return redirect(application_url(item))
    context = {
        "title": "登记接入应用", "form": form, "submit": "登记",
        "cancel_url": reverse("sharing:applications"),
        "crumbs": [Crumb(HOME, reverse("sharing:applications")), Crumb("登记接入应用")],
    }  # fmt: skip
    return render(request, "ui/form.html", context)


def detail(request: ActorRequest, code: str) -> HttpResponse:
    """One application: keys, grants, calls of the last 30 days, errors with what to do."""
    item = selectors.application(request.actor, code)
    rows = selectors.statistics(request.actor).filter(
        application=item.code, day__gte=usage.first_day(DAYS)
    )
    grants = selectors.grants(request.actor).filter(application=item).exclude(state="revoked")
    context: dict[str, Any] = {
        "title": item.name, "application": item, "tag": tag_of(item),
        "subtitle": f"{item.owner.name} · {item.code}",
        "crumbs": [Crumb(HOME, reverse("sharing:applications")), Crumb(item.name)],
        "actions": _actions(request.actor, item),
        "stats": usage_stats(usage.totals(rows), f"近 {DAYS} 天"),
        "chart": day_chart(usage.by_day(rows, DAYS)), "reasons": reasons_table(usage.reasons(rows)),
        "keys": [(key, _key_tag(key), _holder(key)) for key in item.keys.all()],
        "may_manage_keys": allows(request.actor, "sharing.key.manage", item),
        "grants": grants_table(list(grants), by="interface", empty=EmptyState(
            title="还没有授权", icon="key", text="在共享接口里找到需要的数据，请提供单位授权。",
            action=Action(title="查找接口", url=reverse("sharing:interfaces"), icon="search"))),
        "exports": exports_table(selectors.exports(request.actor, item)),
        "facts": [
            Fact("应用编号", item.code, mono=True), Fact("使用单位", item.owner.name),
            Fact("用途", item.purpose), Fact("联系人", item.contact),
            Fact("登记时间", item.created_at),
        ],
        "trail": trail(selectors.history(item)),
    }  # fmt: skip
    return render(request, "sharing/application.html", context)


def _key_tag(key: ApplicationKey) -> StatusTag:
    now = timezone.now()
    if key.state == KeyState.REVOKED:
        return status_tag("cancelled", "已吊销")
    if key.expires_at and key.expires_at <= now:
        return status_tag("inactive", "已过期")
    if key.expires_at and key.expires_at <= now + _SOON:
        return status_tag("due_soon", "即将到期")
    return status_tag("active", "有效")


def _holder(key: ApplicationKey) -> str:
    """What a registered certificate or name says, for whoever compares it with the one in use."""
    if key.scheme == KeyScheme.TLS_CA:
        return key.public_key
    if key.scheme == KeyScheme.TLS_SELF:
        found = read_certificate(key.public_key)
        return f"{found.subject} · x5t#S256 {found.thumbprint}"
    return ""


def _actions(actor: Actor, item: Application) -> list[Action]:
    url = f"{reverse('sharing:records')}?application={item.code}"
    found = [Action(title="调用明细", url=url, icon="list")]
    if allows(actor, "sharing.application.manage", item):
        if item.state == ApplicationState.ACTIVE:
            found.append(
                Action(
                    title="停用",
                    url=application_url(item, "application-suspend"),
                    icon="player-pause",
                    danger=True,
                )
            )
        else:
            found.append(
                Action(
                    title="恢复",
                    url=application_url(item, "application-resume"),
                    icon="player-play",
                    primary=True,
                )
            )
    if allows(actor, "sharing.key.manage", item) and item.state == ApplicationState.ACTIVE:
        registering = application_url(item, "key-register")
        found.append(Action(title="登记公钥或证书", url=registering, icon="certificate"))
        url = application_url(item, "key-new")
        found.append(Action(title="签发密钥", url=url, icon="key", primary=True))  # fmt: skip
    return found


@never_cache
def issue(request: ActorRequest, code: str) -> HttpResponse:
    """Issue a key. The secret is in this one answer and nowhere else: no redirect, no cache, no session."""
    item = selectors.application(request.actor, code)
    form = KeyForm(request.POST or None)
    crumbs = [
        Crumb(HOME, reverse("sharing:applications")), Crumb(item.name, application_url(item)),
        Crumb("签发密钥"),
    ]  # fmt: skip
    context: dict[str, Any] = {
        "title": "签发密钥", "form": form, "submit": "签发", "cancel_url": application_url(item),
        "subtitle": f"给“{item.name}”一把新密钥。密钥只显示一次，请准备好存放的地方。",
        "crumbs": crumbs, "application": item,
    }  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            key, secret = applications.issue_key(
                actor=request.actor,
                application=item,
                expires_at=end_of(form.cleaned_data["expires_on"]),
            )
        except InvalidInput as error:
            form.show(error)
        else:
            granted = (
                item.grants.filter(state=GrantState.ACTIVE).select_related("interface").first()
            )
            context |= {
                "title": "密钥已签发", "subtitle": "", "key": key, "secret": secret,
                "sample": sample(granted.interface, item) if granted else None,
            }  # fmt: skip
            return render(request, "sharing/key_issued.html", context)
    return render(request, "ui/form.html", context)


def revoke(request: ActorRequest, code: str, key_id: str) -> HttpResponse:
    """Revoke a key."""
    item = selectors.application(request.actor, code)
    key = item.keys.filter(key_id=key_id).select_related("application__owner").first()
    if key is None:
        raise NotFound(f"应用“{item.name}”没有密钥 {key_id}。")
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        applications.revoke_key(actor=request.actor, key=key, reason=form.cleaned_data["reason"])
        messages.success(request, f"密钥 {key_id} 已吊销，两秒内失效。")
        return redirect(application_url(item))
    return _reason_page(
        request, item, form, f"吊销密钥 {key_id}", "吊销后不能恢复；用它签名的调用立即被拒绝。"
    )


def _set_state(request: ActorRequest, code: str, state: ApplicationState) -> HttpResponse:
    item = selectors.application(request.actor, code)
    form = ReasonForm(request.POST or None)
    suspend = state == ApplicationState.SUSPENDED
    if request.method == "POST" and form.is_valid():
        applications.set_application_state(
            actor=request.actor, application=item, state=state, reason=form.cleaned_data["reason"]
        )
        messages.success(
            request, "已停用，两秒内所有调用被拒绝。" if suspend else "已恢复，密钥和授权继续有效。"
        )
        return redirect(application_url(item))
    title = f"{'停用' if suspend else '恢复'}：{item.name}"
    return _reason_page(request, item, form, title, "密钥和授权保留，恢复后继续有效。")


def suspend(request: ActorRequest, code: str) -> HttpResponse:
    """Suspend an application."""
    return _set_state(request, code, ApplicationState.SUSPENDED)


def resume(request: ActorRequest, code: str) -> HttpResponse:
    """Resume an application."""
    return _set_state(request, code, ApplicationState.ACTIVE)


def _reason_page(
    request: ActorRequest, item: Application, form: ReasonForm, title: str, subtitle: str
) -> HttpResponse:
    context = {
        "title": title, "subtitle": subtitle, "form": form,
        # The verb the title begins with: 停用：…, 吊销密钥 k….
        "submit": re.split("[： ]", title, maxsplit=1)[0],
        "cancel_url": application_url(item),
        "crumbs": [
            Crumb(HOME, reverse("sharing:applications")), Crumb(item.name, application_url(item)),
            Crumb(title),
        ],
    }  # fmt: skip
    return render(request, "ui/form.html", context)
