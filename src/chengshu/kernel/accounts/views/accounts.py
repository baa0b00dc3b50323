"""Accounts: list, create, detail with roles, disable, unlock, reset the password."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, holds
from chengshu.kernel.accounts import presentation, selectors, services
from chengshu.kernel.accounts.forms import (
    AccountForm,
    NewAccountForm,
    ReasonForm,
    RoleForm,
    show_error,
)
from chengshu.kernel.accounts.services.roles import role_name
from chengshu.kernel.errors import ChengshuError, Conflict, InvalidInput, NotFound
from chengshu.kernel.identity.choices import AccountKind
from chengshu.kernel.identity.models import Account
from chengshu.kernel.registry import registry
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Filter
from chengshu.kernel.ui.tables import TableView

MANAGE = "identity.account.manage"
ASSIGN = "identity.role.assign"
STATES = (("active", "正常"), ("locked", "已锁定"), ("inactive", "已停用"))


def account_url(item: Account) -> str:
    """Where an account's page is."""
    return reverse("identity:account", args=[item.pk])


def _roles() -> list[tuple[str, str]]:
    return [(r.key, r.name) for r in registry.roles().values()]


def _role_names(item: Account) -> str:
    return "、".join(dict.fromkeys(role_name(a.role) for a in item.assignments.all()))


class AccountList(TableView[Account]):
    """All accounts within the reader's scope."""

    request: ActorRequest
    title = "账号与角色"
    key = "accounts"
    columns = (
        Column(
            key="display_name", title="姓名", kind="main", sort="display_name", locked=True,
            url=account_url,
        ),
        Column(key="username", title="账号名", kind="code", sort="username"),
        Column(key="organization", title="所属机构"),
        Column(key="post", title="职务", hidden=True),
        Column(key="roles", title="角色", value=_role_names),
        Column(key="kind", title="类别", value="get_kind_display", hidden=True),
        Column(key="last_login", title="上次登录", kind="ago", sort="last_login"),
        Column(
            key="state", title="状态", kind="status", value=selectors.state_of
        ),
    )  # fmt: skip
    filters = (
        Filter(
            key="state", title="状态", choices=STATES, apply=selectors.narrowed_by_state
        ),
        Filter(key="kind", title="类别", choices=AccountKind.choices),
        Filter(
            key="role", title="角色", choices=_roles,
            apply=lambda rows, role: rows.filter(
                pk__in=Account.objects.filter(assignments__role=role).values("pk")
            ),
        ),
    )  # fmt: skip
    search_fields = ("username", "display_name", "post", "organization__name")
    search_hint = "搜索姓名、账号、职务、机构"
    default_sort = "username"
    empty = EmptyState(title="您的范围内还没有账号", icon="users")

    def get_queryset(self) -> QuerySet[Account]:
        return selectors.accounts(self.request.actor).prefetch_related("assignments")

    def get_actions(self) -> Sequence[Action]:
        if not holds(self.request.actor, MANAGE):
            return ()
        url = reverse("identity:account-new")
        return (Action(title="创建账号", url=url, icon="user-plus", primary=True),)


@never_cache
def account_new(request: ActorRequest) -> HttpResponse:
    """Create an account; its one-time password is shown once."""
    form = NewAccountForm(
        request.POST or None, actor=request.actor,
        initial={"organization": request.GET.get("organization")},
    )  # fmt: skip
    status = 200
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        data.pop("version")
        password = services.generate_password()
        try:
            item = services.create_account(actor=request.actor, password=password, **data)
        except InvalidInput as error:
            show_error(form, error)
            status = int(error.status)
        else:
            return _one_time_password(request, item, password, "账号已创建")
    crumbs = [Crumb("账号与角色", reverse("identity:accounts")), Crumb("创建账号")]
    context = {
        "title": "创建账号",
        "form": form,
        "submit": "创建账号",
        "crumbs": crumbs,
        "cancel_url": reverse("identity:accounts"),
    }
    return render(request, "ui/form.html", context, status=status)


def _one_time_password(
    request: ActorRequest, item: Account, password: str, title: str
) -> HttpResponse:
    """The only page that ever shows this password; it is stored nowhere."""
    context = {
        "title": title,
        "item": item,
        "password": password,
        "url": account_url(item),
        "crumbs": [
            Crumb("账号与角色", reverse("identity:accounts")),
            Crumb(str(item), account_url(item)),
            Crumb("一次性密码"),
        ],
    }
    return render(request, "accounts/one_time_password.html", context)


def account(request: ActorRequest, pk: int) -> HttpResponse:
    """One account with its roles and history."""
    item = selectors.account(request.actor, pk)
    return render(request, "accounts/account.html", _account_context(request, item))


def _account_context(request: ActorRequest, item: Account, **forms: Any) -> dict[str, Any]:
    actor = request.actor
    manage = allows(actor, MANAGE, item)
    own = actor.account is not None and actor.account.pk == item.pk
    assign = allows(actor, ASSIGN, item) and not own
    context: dict[str, Any] = {
        "title": str(item),
        "crumbs": [Crumb("账号与角色", reverse("identity:accounts")), Crumb(str(item))],
        "item": item,
        "state": selectors.state_of(item),
        "facts": presentation.account_facts(item),
        "roles": [(row, role_name(row.role)) for row in presentation.roles_of(item)],
        "history": presentation.timeline(selectors.history(item)),
        "actions": _actions(item, own=own) if manage else [],
        "assign": assign,
        "role_form": RoleForm(actor=actor, account=item) if assign else None,
    }
    return context | forms


def _actions(item: Account, *, own: bool) -> list[Action]:
    def url(name: str) -> str:
        return reverse(f"identity:account-{name}", args=[item.pk])

    actions = [Action(title="修改", url=url("edit"), icon="pencil")]
    if item.is_locked:
        actions.append(
            Action(
                title="解锁", url=url("unlock"), icon="lock-open", method="post", primary=True,
                confirm=f"解锁“{item}”？请先确认是本人要求的。",
            )
        )  # fmt: skip
    if own:
        return actions
    actions.append(
        Action(
            title="重置密码", url=url("reset"), icon="key", method="post",
            confirm=f"为“{item}”生成一次性密码？原密码立即失效。",
        )
    )  # fmt: skip
    if item.is_active:
        actions.append(Action(title="停用", url=url("disable"), icon="ban", danger=True))
    else:
        actions.append(
            Action(title="启用", url=url("enable"), icon="user-check", method="post", primary=True)
        )
    return actions


def account_edit(request: ActorRequest, pk: int) -> HttpResponse:
    """Change name, post and organisation."""
    item = selectors.account(request.actor, pk)
    initial = {n: getattr(item, n) for n in ("display_name", "post", "version")}
    form = AccountForm(
        request.POST or None, actor=request.actor,
        initial={**initial, "organization": item.organization_id},
    )  # fmt: skip
    status = 200
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data, version=form.cleaned_data["version"] or 0)
        try:
            services.change_account(actor=request.actor, account=item, **data)
        except (InvalidInput, Conflict) as error:
            show_error(form, error)
            status = int(error.status)
        else:
            messages.success(request, "账号信息已保存。")
            return HttpResponseRedirect(account_url(item))
    context = {
        "title": f"修改账号：{item}",
        "form": form,
        "submit": "保存修改",
        "crumbs": [
            Crumb("账号与角色", reverse("identity:accounts")),
            Crumb(str(item), account_url(item)),
            Crumb("修改"),
        ],
        "cancel_url": account_url(item),
    }
    return render(request, "ui/form.html", context, status=status)


def account_disable(request: ActorRequest, pk: int) -> HttpResponse:
    """Disable an account, with a reason."""
    item = selectors.account(request.actor, pk)
    form = ReasonForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            services.set_account_state(
                actor=request.actor, account=item, active=False, reason=form.cleaned_data["reason"]
            )
        except ChengshuError as error:
            show_error(form, error)
            status = int(error.status)
        else:
            messages.success(request, f"“{item}”已停用，正在使用的登录已失效。")
            return HttpResponseRedirect(account_url(item))
    context = {
        "title": f"停用账号：{item}",
        "subtitle": "停用后不能登录，角色保留；随时可以重新启用。",
        "form": form,
        "submit": "停用账号",
        "cancel_url": account_url(item),
    }
    return render(request, "ui/form.html", context, status=status)


@require_POST
def account_enable(request: ActorRequest, pk: int) -> HttpResponse:
    """Enable an account again."""
    item = selectors.account(request.actor, pk)
    services.set_account_state(actor=request.actor, account=item, active=True, reason="重新启用")
    messages.success(request, f"“{item}”已启用。")
    return HttpResponseRedirect(account_url(item))


@require_POST
def account_unlock(request: ActorRequest, pk: int) -> HttpResponse:
    """Lift a lock before its time."""
    item = selectors.account(request.actor, pk)
    services.set_account_state(
        actor=request.actor, account=item, active=item.is_active, reason="管理员解锁", unlock=True
    )
    messages.success(request, f"“{item}”已解锁。")
    return HttpResponseRedirect(account_url(item))


@never_cache
@require_POST
def account_reset(request: ActorRequest, pk: int) -> HttpResponse:
    """Generate a one-time password and show it once."""
    item = selectors.account(request.actor, pk)
    password = services.generate_password()
    services.reset_password(actor=request.actor, account=item, password=password)
    return _one_time_password(request, item, password, "密码已重置")


@require_POST
def role_assign(request: ActorRequest, pk: int) -> HttpResponse:
    """Give a role."""
    item = selectors.account(request.actor, pk)
    form = RoleForm(request.POST, actor=request.actor, account=item)
    status = 422
    if form.is_valid():
        data = form.cleaned_data
        day = data["valid_until"]
        until = timezone.make_aware(datetime.combine(day, time.max)) if day else None
        try:
            services.assign_role(
                actor=request.actor, account=item, role=data["role"],
                organization=data["organization"], valid_until=until,
            )  # fmt: skip
        except ChengshuError as error:
            show_error(form, error)
            status = int(error.status)
        else:
            messages.success(request, f"已授予“{role_name(data['role'])}”。")
            return HttpResponseRedirect(account_url(item))
    context = _account_context(request, item, role_form=form)
    return render(request, "accounts/account.html", context, status=status)


@require_POST
def role_revoke(request: ActorRequest, pk: int, assignment: int) -> HttpResponse:
    """Take a role back."""
    item = selectors.account(request.actor, pk)
    row = item.assignments.select_related("organization", "account").filter(pk=assignment).first()
    if row is None:
        raise NotFound("这个角色已经收回。", advice="请刷新页面查看现有角色。")
    services.revoke_role(actor=request.actor, assignment=row)
    messages.success(request, f"已收回“{role_name(row.role)}”。")
    return HttpResponseRedirect(account_url(item))
