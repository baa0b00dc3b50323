"""The organisation tree: create, change, move a branch."""

import re
from typing import Any

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work

# Codes build the paths that every scope compares: no separator, no wildcard, one case (SQLite's LIKE ignores case).
CODE = re.compile(r"[0-9A-Z][0-9A-Z.-]*")


def save_organization(
    *,
    actor: Actor,
    organization: Organization | None,
    code: str,
    name: str,
    short: str,
    kind: str,
    parent: Organization | None,
    version: int = 0,
    active: bool = True,
) -> Organization:
    """Create or change a unit; a stale ``version`` is refused so that nobody overwrites another's change.

    Raises:
        NotAllowed: the unit, or where it shall go, is outside the actor's scope.
        Conflict: somebody else changed it meanwhile.
        InvalidInput: the code is taken or malformed, the parent lies below the unit itself or is missing.
    """
    permission = "identity.organization.manage"
    check(actor, permission, organization or parent)
    if parent is not None:
        check(actor, permission, parent)
    fields: dict[str, Any] = {
        "code": code.strip().upper(), "name": name.strip(), "short": short.strip(), "kind": kind,
        "active": active,
    }  # fmt: skip
    _require_valid(fields)
    with unit_of_work():
        _refuse_second_root(actor, organization, parent)
        taken = Organization.objects.filter(code=fields["code"])
        if organization is not None:
            taken = taken.exclude(pk=organization.pk)
        if taken.exists():
            raise InvalidInput("机构代码已被使用。", fields={"code": "请换一个代码"})
        if organization is None:
            item = Organization.objects.create(parent=parent, **fields)
            record(
                actor=actor, action="identity.organization_created", obj=item,
                after=_facts(item),
            )  # fmt: skip
        else:
            item = Organization.objects.select_for_update().get(pk=organization.pk)
            if version and item.version != version:
                raise Conflict(
                    f"“{item}”刚被他人修改。",
                    kept="您的修改没有保存。",
                    advice="请刷新后核对再改。",
                )
            _change(actor, item, fields, parent)
        emit(
            type="city.identity.organization.changed",
            source="identity",
            subject=item.code,
            data={"id": item.pk, "code": item.code},
        )
    return item


def _require_valid(fields: dict[str, Any]) -> None:
    if not fields["name"]:
        raise InvalidInput("机构名称不能为空。", fields={"name": "请填写全称"})
    if not CODE.fullmatch(fields["code"]):
        raise InvalidInput(
            "机构代码只能用数字、大写字母、点和横线。",
            fields={"code": "例如 330383-SJ；只能用数字、大写字母、点和横线"},
        )


def _refuse_second_root(
    actor: Actor, organization: Organization | None, parent: Organization | None
) -> None:
    """A role at a root reaches the whole city, so only the platform itself plants one."""
    if parent is not None or actor.system:
        return
    if organization is None or organization.parent_id is not None:
        raise InvalidInput("请选择上级机构。", fields={"parent": "除市级外都要有上级机构"})


def _change(
    actor: Actor, item: Organization, fields: dict[str, Any], parent: Organization | None
) -> None:
    if parent is not None and parent.path.startswith(item.path):
        raise InvalidInput("上级机构不能是它自己或它的下级。", fields={"parent": "请另选上级"})
    before, old_path = _facts(item), item.path
    for key, value in fields.items():
        setattr(item, key, value)
    item.parent = parent
    item.version += 1
    item.save()
    if item.path != old_path:
        _move_branch(old_path)
    record(
        actor=actor, action="identity.organization_changed", obj=item,
        before=before, after=_facts(item),
    )  # fmt: skip


def _move_branch(old_path: str) -> None:
    """Write the paths below a moved unit anew, parents before children."""
    branch = Organization.objects.filter(path__startswith=old_path).order_by("path")
    for pk in list(branch.values_list("pk", flat=True)):
        child = Organization.objects.select_related("parent").get(pk=pk)
        child.save(update_fields=["path"])


def _facts(item: Organization) -> dict[str, Any]:
    return {
        "code": item.code,
        "name": item.name,
        "short": item.short,
        "kind": item.get_kind_display(),
        "parent": str(item.parent or ""),
        "active": item.active,
    }
