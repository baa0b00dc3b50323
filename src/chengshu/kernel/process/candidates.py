"""Who may do a task: from the declaration of a step to a group or a person, and from a person to their groups."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any
from weakref import WeakKeyDictionary

from django.db.models import Q
from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import Conflict
from chengshu.kernel.identity.models import Account, Organization, Region, RoleAssignment
from chengshu.kernel.process.choices import GroupKind, TaskState
from chengshu.kernel.process.definition import expressions
from chengshu.kernel.process.definition.elements import Step
from chengshu.kernel.process.models import CandidateGroup, HumanTask, ProcessCase


@dataclass(frozen=True, slots=True)
class Target:
    """A task's addressee: one account, or a group of which somebody takes it."""

    account: Account | None = None
    group: CandidateGroup | None = None


def target(case: ProcessCase, step: Step) -> Target:
    """Resolve who does ``step`` of ``case``.

    Raises:
        Conflict: nobody can be found; the move that led here is refused as a whole.
    """
    who = step.candidates
    assert who is not None
    if who.actor:
        return Target(account=_former(case, step, who.actor))
    if who.people:
        people = named(case, step)
        if len(people) == 1:
            return Target(account=people[0])
        return Target(group=people_group(people))
    place = _organization(case, step)
    region = _region(case, who.region)
    return Target(group=group_of(GroupKind.ROLE, who.role, organization=place, region=region))


def signers(case: ProcessCase, step: Step) -> list[Account]:
    """Everybody who signs a countersign, in order.

    Raises:
        Conflict: nobody.
    """
    who = step.candidates
    assert who is not None
    if who.people:
        return named(case, step)
    if who.actor:
        return [_former(case, step, who.actor)]
    found = holders(who.role, _organization(case, step), _region(case, who.region))
    if not found:
        raise _nobody(step, f"没有人担任角色“{who.role}”")
    return found


def named(case: ProcessCase, step: Step) -> list[Account]:
    """The people an expression over the case's data names, in its order.

    Raises:
        Conflict: it names nobody, or somebody who cannot sign in.
    """
    assert step.candidates is not None
    value = expressions.evaluate(step.candidates.people, case.data)
    names = [value] if isinstance(value, str) else list(value or [])
    known = {a.username: a for a in Account.objects.filter(username__in=names, is_active=True)}
    missing = [name for name in names if name not in known]
    if not names or missing:
        why = f"找不到账号 {'、'.join(map(str, missing))}" if missing else "还没有指定人员"
        raise _nobody(step, why)
    return [known[name] for name in dict.fromkeys(names)]


def _former(case: ProcessCase, step: Step, source: str) -> Account:
    found = case.started_by
    if source != "starter":
        done = HumanTask.objects.filter(case=case, step=source, state=TaskState.DONE)
        last = done.select_related("finished_by").order_by("-finished_at", "-id").first()
        found = last.finished_by if last else None
    if found is None or not found.is_active:
        raise _nobody(step, "前面步骤的办理人已不在岗" if found else "前面的步骤还没有人办过")
    return found


def _organization(case: ProcessCase, step: Step) -> Organization:
    who = step.candidates
    assert who is not None
    code: Any = who.organization
    if code == "case":
        return case.organization
    if code == "starter":
        return (case.started_by.organization if case.started_by else None) or case.organization
    if code.startswith("="):
        code = expressions.evaluate(code[1:], case.data)
    found = Organization.objects.filter(code=str(code)).first()
    if found is None:
        raise _nobody(step, f"没有机构 {code}")
    return found


def _region(case: ProcessCase, said: str) -> Region | None:
    if not said:
        return None
    return case.region if said == "case" else Region.objects.filter(code=said).first()


def _nobody(step: Step, why: str) -> Conflict:
    return Conflict(
        f"“{step.name}”找不到办理人：{why}。",
        kept="办件停在原来的步骤，填写的内容没有提交。",
        advice="请联系流程管理员核对岗位设置。",
    )


def group_of(
    kind: GroupKind,
    key: str,
    *,
    organization: Organization | None = None,
    region: Region | None = None,
) -> CandidateGroup:
    """The one row of a group; made when it is first needed."""
    return CandidateGroup.objects.get_or_create(
        kind=kind, key=key, organization=organization, region=region
    )[0]


def people_group(people: Iterable[Account]) -> CandidateGroup:
    """A group of named people."""
    members = sorted({account.pk for account in people})
    key = ",".join(map(str, members))[:120]
    found, made = CandidateGroup.objects.get_or_create(
        kind=GroupKind.PEOPLE, key=key, organization=None, region=None
    )
    if made:
        found.people.set(members)
    return found


def holders(role: str, organization: Organization, region: Region | None = None) -> list[Account]:
    """Everybody who holds ``role`` at ``organization`` or above it, those nearest first."""
    codes = organization.path.strip("/").split("/")
    rows = (
        RoleAssignment.objects.filter(
            role=role, organization__code__in=codes, account__is_active=True
        )
        .exclude(valid_until__lte=timezone.now())
        .select_related("account", "organization")
        .order_by("account__username")
    )
    fitting = [
        row
        for row in rows
        if not row.region_id or (region and region.code.startswith(row.region_id))
    ]
    fitting.sort(key=lambda row: -codes.index(row.organization.code))
    return list(dict.fromkeys(row.account for row in fitting))


def nearest(role: str, organization: Organization) -> list[Account]:
    """The holders of ``role`` at ``organization`` itself, or at the nearest one above that has any."""
    for code in reversed(organization.path.strip("/").split("/")):
        found = RoleAssignment.objects.filter(
            role=role, organization__code=code, account__is_active=True
        ).exclude(valid_until__lte=timezone.now())
        people = [row.account for row in found.select_related("account")]
        if people:
            return people
    return []


_GROUPS: "WeakKeyDictionary[Actor, list[int]]" = WeakKeyDictionary()


def groups_of(actor: Actor) -> list[int]:
    """Keys of the groups ``actor`` is in: one query for an actor beside that for the roles."""
    if actor.account is None or not actor.account.is_active:
        return []
    known = _GROUPS.get(actor)
    if known is None:
        known = _GROUPS[actor] = _find_groups(actor, actor.account)
    return known


def _find_groups(actor: Actor, account: Account) -> list[int]:
    # One condition for each place, however many roles and permissions are held there.
    places: dict[tuple[GroupKind, str, str], set[str]] = {}
    for role, where in actor.roles:
        places.setdefault((GroupKind.ROLE, where.organization_path, where.region), set()).add(role)
    for permission, scopes in actor.scopes.items():
        for item in scopes:
            key = (GroupKind.PERMISSION, item.organization_path, item.region)
            places.setdefault(key, set()).add(permission)
    parts = [Q(people=account)]
    for (kind, path, region), keys in places.items():
        part = Q(kind=kind, key__in=keys, organization__path__startswith=path)
        parts.append(part & Q(region_id__startswith=region) if region else part)
    found = CandidateGroup.objects.filter(reduce(or_, parts)).distinct()
    return list(found.values_list("pk", flat=True))


def in_group(actor: Actor, group: CandidateGroup) -> bool:
    """Whether ``actor`` may take tasks of the group; one query."""
    if actor.account is None or not actor.account.is_active:
        return False
    if group.kind != GroupKind.ROLE or group.organization is None:
        return group.pk in groups_of(actor)
    codes = group.organization.path.strip("/").split("/")
    regions = (
        RoleAssignment.objects.filter(
            account=actor.account, role=group.key, organization__code__in=codes
        )
        .exclude(valid_until__lte=timezone.now())
        .values_list("region_id", flat=True)
    )
    return any(not region or str(group.region_id or "").startswith(region) for region in regions)
