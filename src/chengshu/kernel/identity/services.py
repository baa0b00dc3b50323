"""Sign-in with lock-out, passwords, organisations, accounts and role assignments."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import F
from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.facade import seal, search_hash
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed, TooMany
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.choices import AccountKind
from chengshu.kernel.identity.models import (
    Account,
    Organization,
    Person,
    Region,
    RoleAssignment,
    SignInFailure,
)
from chengshu.kernel.registry import registry
from chengshu.kernel.unit_of_work import unit_of_work

# Verified when an account does not exist, so that the answer takes as long as for a real one.
_DUMMY_HASH = make_password("time-of-a-real-check")


def sign_in(*, actor: Actor, username: str, password: str) -> Account:
    """Check a password; count failures and lock account or address when there are too many.

    Raises:
        TooMany: account or address is locked; says for how long.
        NotAllowed: wrong account or password (never which of the two).
    """
    _refuse_busy_address(actor)
    account = Account.objects.filter(username=username.strip()).first()
    if account is not None and account.is_locked:
        raise _locked(account)
    right = check_password(password, account.password if account else _DUMMY_HASH)
    if account is None or not right or not account.is_active:
        _note_failure(actor, account, username)
        raise NotAllowed("账号或密码不对。", advice="请检查大小写后重试；连续输错会暂时锁定账号。")
    with unit_of_work():
        Account.objects.filter(pk=account.pk).update(
            failed_sign_ins=0, locked_until=None, last_login=timezone.now()
        )
        signed = Actor(account=account, name=account.display_name, address=actor.address)
        record(actor=signed, action="identity.sign_in", obj=account)
    return account


def _refuse_busy_address(actor: Actor) -> None:
    window = timezone.now() - timedelta(minutes=settings.SIGN_IN_LOCK_MINUTES)
    recent = SignInFailure.objects.filter(address=actor.address or None, at__gt=window).count()
    if recent >= settings.SIGN_IN_MAX_FAILURES_PER_ADDRESS:
        raise TooMany(
            "这个网络地址的登录失败次数过多，已暂停登录。",
            advice=f"请 {settings.SIGN_IN_LOCK_MINUTES} 分钟后再试。",
        )


def _locked(account: Account) -> TooMany:
    left = (account.locked_until or timezone.now()) - timezone.now()
    minutes = max(1, round(left.total_seconds() / 60))
    return TooMany(
        f"连续输错密码，账号已锁定，约 {minutes} 分钟后自动解除。",
        advice="如急需使用，请联系本单位账号管理员解锁。",
    )


def _note_failure(actor: Actor, account: Account | None, username: str) -> None:
    with unit_of_work():
        SignInFailure.objects.create(username=username[:60], address=actor.address or None)
        if account is None:
            return
        Account.objects.filter(pk=account.pk).update(failed_sign_ins=F("failed_sign_ins") + 1)
        account.refresh_from_db(fields=["failed_sign_ins"])
        locked = account.failed_sign_ins >= settings.SIGN_IN_MAX_FAILURES
        if locked:
            until = timezone.now() + timedelta(minutes=settings.SIGN_IN_LOCK_MINUTES)
            Account.objects.filter(pk=account.pk).update(locked_until=until, failed_sign_ins=0)
        record(
            actor=actor,
            action="identity.sign_in_locked" if locked else "identity.sign_in_failed",
            obj=account,
        )
        if locked:
            emit(
                type="city.identity.account.locked",
                source="identity",
                subject=account.username,
                data={"address": actor.address},
            )


def change_password(*, actor: Actor, old: str, new: str) -> None:
    """Change the actor's own password.

    Raises:
        InvalidInput: old password wrong, or the new one breaks a rule; ``fields`` says which.
    """
    account = actor.account
    if account is None:
        raise NotAllowed("请先登录。")
    if not check_password(old, account.password):
        raise InvalidInput("原密码不对。", kept="密码没有改变。", fields={"old": "原密码不对"})
    if old == new:
        raise InvalidInput("新密码与原密码相同。", fields={"new": "请换一个与原来不同的密码"})
    _validate(new, account)
    with unit_of_work():
        account.password = make_password(new)
        account.must_change_password = False
        account.password_changed_at = timezone.now()
        account.save(update_fields=["password", "must_change_password", "password_changed_at"])
        record(actor=actor, action="identity.password_changed", obj=account)


def _validate(password: str, account: Account) -> None:
    try:
        validate_password(password, account)
    except ValidationError as error:
        text = "".join(error.messages)
        raise InvalidInput(text, kept="密码没有改变。", fields={"new": text}) from error


def update_profile(*, actor: Actor, display_name: str, post: str) -> Account:
    """Change one's own name and post."""
    account = actor.account
    if account is None:
        raise NotAllowed("请先登录。")
    if not display_name.strip():
        raise InvalidInput("姓名不能为空。", fields={"display_name": "请填写姓名"})
    with unit_of_work():
        before = {"display_name": account.display_name, "post": account.post}
        account.display_name, account.post = display_name.strip(), post.strip()
        account.save(update_fields=["display_name", "post"])
        after = {"display_name": account.display_name, "post": account.post}
        record(
            actor=actor, action="identity.profile_changed", obj=account, before=before, after=after
        )
    return account


def create_account(
    *,
    actor: Actor,
    username: str,
    display_name: str,
    password: str,
    organization: Organization | None,
    kind: str = AccountKind.STAFF,
    post: str = "",
    person: Person | None = None,
    must_change_password: bool = True,
) -> Account:
    """Create an account in an organisation the actor manages.

    Raises:
        NotAllowed: the organisation is outside the actor's scope.
        InvalidInput: the name is taken or the password breaks a rule.
    """
    if organization is not None:
        check(actor, "identity.account.manage", organization)
    account = Account(
        username=username.strip(), display_name=display_name.strip(), kind=kind, post=post.strip(),
        organization=organization, person=person, must_change_password=must_change_password,
    )  # fmt: skip
    if not account.username or not account.display_name:
        raise InvalidInput("账号名和姓名都要填写。")
    if Account.objects.filter(username=account.username).exists():
        raise InvalidInput(
            "这个账号名已有人使用。", kept="没有创建账号。", fields={"username": "请换一个账号名"}
        )
    _validate(password, account)
    account.password = make_password(password)
    with unit_of_work():
        account.save()
        record(
            actor=actor, action="identity.account_created", obj=account,
            after={"username": account.username, "organization": str(organization or "")},
        )  # fmt: skip
    return account


def set_account_state(
    *, actor: Actor, account: Account, active: bool, reason: str, unlock: bool = False
) -> Account:
    """Enable, disable or unlock an account; nobody can disable their own."""
    check(actor, "identity.account.manage", account)
    if actor.account is not None and actor.account.pk == account.pk and not active:
        raise Conflict("不能停用自己的账号。", advice="请由其他管理员操作。")
    with unit_of_work():
        before = {"is_active": account.is_active, "locked": account.is_locked}
        account.is_active = active
        if unlock:
            account.locked_until, account.failed_sign_ins = None, 0
        account.save(update_fields=["is_active", "locked_until", "failed_sign_ins"])
        record(
            actor=actor, action="identity.account_state", obj=account, reason=reason, before=before,
            after={"is_active": active, "locked": account.is_locked},
        )  # fmt: skip
    return account


def reset_password(*, actor: Actor, account: Account, password: str) -> None:
    """Give an account a one-time password that must be changed at the next sign-in."""
    check(actor, "identity.account.manage", account)
    _validate(password, account)
    with unit_of_work():
        account.password = make_password(password)
        account.must_change_password = True
        account.save(update_fields=["password", "must_change_password"])
        record(actor=actor, action="identity.password_reset", obj=account)


def assign_role(
    *,
    actor: Actor,
    account: Account,
    role: str,
    organization: Organization,
    region: Region | None = None,
    valid_until: datetime | None = None,
) -> RoleAssignment:
    """Give a role at an organisation. Nobody can give what they do not hold there themselves.

    Raises:
        InvalidInput: the role is in no manifest.
        NotAllowed: outside the actor's scope, or more than the actor holds.
    """
    template = registry.roles().get(role)
    if template is None:
        raise InvalidInput(f"没有名为“{role}”的角色。")
    check(actor, "identity.role.assign", organization)
    check(actor, "identity.role.assign", account)
    _refuse_escalation(actor, template.permissions, organization)
    with unit_of_work():
        item, created = RoleAssignment.objects.get_or_create(
            account=account, role=role, organization=organization, region=region,
            defaults={"granted_by": actor.account, "valid_until": valid_until},
        )  # fmt: skip
        if created:
            record(
                actor=actor, action="identity.role_assigned", obj=account,
                after={"role": role, "organization": organization.code},
            )  # fmt: skip
    return item


def _refuse_escalation(
    actor: Actor, permissions: tuple[str, ...], organization: Organization
) -> None:
    if actor.system:
        return
    for key in permissions:
        scopes = actor.scopes.get(key, ())
        if not any(organization.path.startswith(s.organization_path) for s in scopes):
            name = registry.permissions()[key].name
            raise NotAllowed(
                f"您自己在“{organization}”没有“{name}”的权限，不能授予含该权限的角色。",
                kept="没有做任何改动。",
            )


def revoke_role(*, actor: Actor, assignment: RoleAssignment) -> None:
    """Take a role back."""
    check(actor, "identity.role.assign", assignment.organization)
    with unit_of_work():
        record(
            actor=actor, action="identity.role_revoked", obj=assignment.account,
            before={"role": assignment.role, "organization": assignment.organization.code},
        )  # fmt: skip
        assignment.delete()


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
) -> Organization:
    """Create or change a unit; a stale ``version`` is refused so that nobody overwrites another's change.

    Raises:
        Conflict: somebody else changed it meanwhile.
        InvalidInput: the code is taken, or the parent lies below the unit itself.
    """
    check(actor, "identity.organization.manage", organization or parent)
    fields = {"code": code.strip(), "name": name.strip(), "short": short.strip(), "kind": kind}
    with unit_of_work():
        taken = Organization.objects.filter(code=fields["code"])
        if organization is not None:
            taken = taken.exclude(pk=organization.pk)
        if taken.exists():
            raise InvalidInput("机构代码已被使用。", fields={"code": "请换一个代码"})
        if organization is None:
            item = Organization.objects.create(parent=parent, **fields)
            record(actor=actor, action="identity.organization_created", obj=item, after=fields)
            return item
        item = Organization.objects.select_for_update().get(pk=organization.pk)
        if version and item.version != version:
            raise Conflict(
                f"“{item}”刚被他人修改。", kept="您的修改没有保存。", advice="请刷新后核对再改。"
            )
        return _change_organization(actor, item, fields, parent)


def _change_organization(
    actor: Actor, item: Organization, fields: dict[str, Any], parent: Organization | None
) -> Organization:
    if parent is not None and parent.path.startswith(item.path):
        raise InvalidInput("上级机构不能是它自己或它的下级。", fields={"parent": "请另选上级"})
    before = {key: getattr(item, key) for key in fields}
    old_path = item.path
    for key, value in fields.items():
        setattr(item, key, value)
    item.parent = parent
    item.version += 1
    item.save()
    if item.path != old_path:
        for child in Organization.objects.filter(path__startswith=old_path).order_by("path"):
            child.refresh_from_db()
            child.save()
    record(
        actor=actor, action="identity.organization_changed", obj=item, before=before, after=fields
    )
    return item


def save_person(*, name: str, gender: str, id_number: str = "", mobile: str = "") -> Person:
    """Create or update a person by identity number; sensitive columns are sealed."""
    hashed = search_hash(id_number, place="person.id_number")
    with unit_of_work():
        person = Person.objects.filter(id_number_hash=hashed).first() if hashed else None
        person = person or Person()
        person.name, person.gender = name, gender
        person.id_number_sealed = seal(id_number, place="person.id_number")
        person.id_number_hash = hashed
        person.mobile_sealed = seal(mobile, place="person.mobile")
        person.mobile_hash = search_hash(mobile, place="person.mobile")
        person.save()
    return person
