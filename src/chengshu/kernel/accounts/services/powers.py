"""Nobody may give, or take over by resetting a password, more than they hold themselves.

``identity.role.assign_any`` is the exception: the city's operators give roles whose permissions they do not hold.
It is sensitive, audited, and never reaches one's own account.
"""

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import Conflict, NotAllowed
from chengshu.kernel.identity.models import Account, Organization
from chengshu.kernel.registry import registry

ANY_ROLE = "identity.role.assign_any"


def _holds_at(actor: Actor, permission: str, path: str) -> bool:
    return any(path.startswith(s.organization_path) for s in actor.scopes.get(permission, ()))


def refuse_own(actor: Actor, account: Account, what: str) -> None:
    """Refuse an act on one's own account (``what`` completes 不能…自己的账号).

    Raises:
        Conflict: it is the actor's own account.
    """
    if actor.account is not None and actor.account.pk == account.pk:
        raise Conflict(
            f"不能{what}自己的账号。", kept="没有做任何改动。", advice="请由其他管理员操作。"
        )


def require_power_to_give(actor: Actor, role: str, organization: Organization) -> None:
    """Refuse a role that holds a permission the actor lacks at ``organization``.

    Raises:
        NotAllowed: names the missing permission.
    """
    if actor.system or _holds_at(actor, ANY_ROLE, organization.path):
        return
    template = registry.roles().get(role)
    for key in template.permissions if template else ():
        if not _holds_at(actor, key, organization.path):
            name = registry.permissions()[key].name
            raise NotAllowed(
                f"您自己在“{organization}”没有“{name}”的权限，不能处理含该权限的角色。",
                kept="没有做任何改动。",
                advice="请由智慧城市建设中心的管理员办理。",
            )


def require_power_over(actor: Actor, account: Account) -> None:
    """Refuse to act on an account that holds more than the actor does.

    Raises:
        NotAllowed: names the permission the account has and the actor has not.
    """
    for item in account.assignments.select_related("organization"):
        require_power_to_give(actor, item.role, item.organization)
