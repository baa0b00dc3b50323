"""Giving roles and taking them back."""

from datetime import datetime

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.accounts.services.powers import refuse_own, require_power_to_give
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.identity.models import Account, Organization, Region, RoleAssignment
from chengshu.kernel.registry import registry
from chengshu.kernel.unit_of_work import unit_of_work


def role_name(role: str) -> str:
    """The name people know a role by."""
    template = registry.roles().get(role)
    return template.name if template else role


def assign_role(
    *,
    actor: Actor,
    account: Account,
    role: str,
    organization: Organization,
    region: Region | None = None,
    valid_until: datetime | None = None,
) -> RoleAssignment:
    """Give a role at an organisation. Nobody can give what they do not hold there, nor give to themselves.

    Raises:
        InvalidInput: the role is in no manifest.
        NotAllowed: outside the actor's scope, or more than the actor holds.
        Conflict: the actor's own account.
    """
    if role not in registry.roles():
        raise InvalidInput(f"没有名为“{role}”的角色。", fields={"role": "请从列表中选择"})
    check(actor, "identity.role.assign", organization)
    check(actor, "identity.role.assign", account)
    refuse_own(actor, account, "授予角色给")
    require_power_to_give(actor, role, organization)
    with unit_of_work():
        item, created = RoleAssignment.objects.get_or_create(
            account=account, role=role, organization=organization, region=region,
            defaults={"granted_by": actor.account, "valid_until": valid_until},
        )  # fmt: skip
        if created:
            record(
                actor=actor, action="identity.role_assigned", obj=account,
                after=_facts(item),
            )  # fmt: skip
    return item


def revoke_role(*, actor: Actor, assignment: RoleAssignment, reason: str = "") -> None:
    """Take a role back.

    Raises:
        NotAllowed: the role reaches further than the actor's own.
    """
    check(actor, "identity.role.assign", assignment.organization)
    require_power_to_give(actor, assignment.role, assignment.organization)
    with unit_of_work():
        record(
            actor=actor, action="identity.role_revoked", obj=assignment.account, reason=reason,
            before=_facts(assignment),
        )  # fmt: skip
        assignment.delete()


def _facts(item: RoleAssignment) -> dict[str, str]:
    return {
        "role": f"{role_name(item.role)}（{item.role}）",
        "organization": f"{item.organization}（{item.organization.code}）",
    }
