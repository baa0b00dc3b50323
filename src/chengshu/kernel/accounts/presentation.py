"""How accounts, roles and their history look on pages."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chengshu.kernel.accounts import selectors
from chengshu.kernel.accounts.services.roles import role_name
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.identity.models import Account, Organization, RoleAssignment
from chengshu.kernel.registry import registry
from chengshu.kernel.ui.components import Column, EmptyState, Fact, Table, TimelineEntry, Tone

_TONES: dict[str, Tone] = {
    "identity.sign_in_failed": "amber",
    "identity.sign_in_locked": "red",
    "identity.account_state": "amber",
    "identity.password_reset": "amber",
}


def roles_of(account: Account) -> list[RoleAssignment]:
    """The roles of an account with their places."""
    return list(account.assignments.select_related("organization", "region", "granted_by"))


def role_table(rows: Sequence[RoleAssignment], empty: str) -> Table:
    """Roles as a table."""
    columns = (
        Column(key="role", title="角色", value=lambda r: role_name(r.role), kind="main"),
        Column(key="organization", title="机构范围"),
        Column(key="region", title="区域"),
        Column(key="valid_until", title="有效期至", kind="date"),
        Column(key="granted_by", title="授予人"),
        Column(key="granted_at", title="授予时间", kind="date"),
    )
    return Table.plain(
        key="roles", columns=columns, rows=rows, caption="角色",
        empty=EmptyState(title=empty, text="角色由账号管理员授予。", icon="user-shield"),
    )  # fmt: skip


def account_facts(account: Account) -> list[Fact]:
    """What is known of an account."""
    return [
        Fact("账号名", account.username, mono=True),
        Fact("类别", account.get_kind_display()),
        Fact("所属机构", account.organization),
        Fact("职务", account.post),
        Fact("上次登录", account.last_login),
        Fact("密码修改于", account.password_changed_at),
        Fact("创建于", account.created_at),
    ]


def sign_in_table(rows: Sequence[AuditRecord]) -> Table:
    """The last sign-ins as a table."""
    columns = (
        Column(key="at", title="时间", kind="datetime"),
        Column(
            key="action", title="结果", kind="status",
            value=lambda r: "succeeded" if r.action == "identity.sign_in" else "failed",
            label=lambda r: "成功" if r.action == "identity.sign_in" else registry.action_name(r.action),
        ),
        Column(key="address", title="来源地址", kind="code"),
    )  # fmt: skip
    return Table.plain(
        key="sign-ins", columns=columns, rows=rows, caption="最近登录",
        empty=EmptyState(title="还没有登录记录", icon="login"),
    )  # fmt: skip


def timeline(rows: Iterable[AuditRecord]) -> list[TimelineEntry]:
    """Audit records as a time line."""
    return [
        TimelineEntry(
            title=registry.action_name(row.action),
            at=row.at,
            who=row.actor_name,
            text=row.reason,
            tone=_TONES.get(row.action, "grey"),
        )
        for row in rows
    ]


def account_table(rows: Sequence[Account], url: Callable[[Any], str]) -> Table:
    """A few accounts as a table."""
    columns = (
        Column(key="display_name", title="姓名", kind="main", url=url),
        Column(key="username", title="账号名", kind="code"),
        Column(key="post", title="职务"),
        Column(key="state", title="状态", kind="status", value=selectors.state_of),
        Column(key="last_login", title="上次登录", kind="ago"),
    )
    return Table.plain(
        key="accounts", columns=columns, rows=rows, caption="账号",
        empty=EmptyState(title="这个机构还没有账号", icon="users"),
    )  # fmt: skip


@dataclass(slots=True)
class Branch:
    """A unit with the units below it, for the tree."""

    item: Organization
    children: list["Branch"]
    open: bool = False


def tree(rows: Iterable[Organization], chosen: str = "") -> list[Branch]:
    """Units as a tree by their paths; what the reader cannot see above a unit is left out."""
    roots: list[Branch] = []
    stack: list[Branch] = []
    for item in sorted(rows, key=lambda unit: unit.path):
        branch = Branch(item, [])
        while stack and not item.path.startswith(stack[-1].item.path):
            stack.pop()
        branch.open = not stack or str(item.pk) == chosen
        (stack[-1].children if stack else roots).append(branch)
        if branch.open:
            for above in stack:
                above.open = True
        stack.append(branch)
    return roots
