"""Creating, changing, disabling and unlocking accounts; people behind them."""

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.accounts.services.passwords import require_strong
from chengshu.kernel.accounts.services.powers import refuse_own, require_power_over
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.facade import seal, search_hash
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.choices import AccountKind
from chengshu.kernel.identity.models import Account, Organization, Person
from chengshu.kernel.unit_of_work import unit_of_work

USERNAME_LENGTH = 60


def _changed(account: Account) -> None:
    emit(
        type="city.identity.account.changed",
        source="identity",
        subject=account.username,
        data={"id": account.pk, "username": account.username},
    )


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
        _changed(account)
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
        NotAllowed: the organisation is outside the actor's scope, or none is given by somebody who is not the platform.
        InvalidInput: the name is taken or the password breaks a rule.
    """
    check(actor, "identity.account.manage", organization)
    if organization is None and not actor.system:
        raise InvalidInput("请选择所属机构。", fields={"organization": "请选择所属机构"})
    account = Account(
        username=username.strip(), display_name=display_name.strip(), kind=kind, post=post.strip(),
        organization=organization, person=person, must_change_password=must_change_password,
    )  # fmt: skip
    if not account.username or not account.display_name:
        raise InvalidInput("账号名和姓名都要填写。")
    if len(account.username) > USERNAME_LENGTH:
        raise InvalidInput(
            "账号名太长。", fields={"username": f"账号名最多 {USERNAME_LENGTH} 个字"}
        )
    if Account.objects.filter(username=account.username).exists():
        raise InvalidInput(
            "这个账号名已有人使用。", kept="没有创建账号。", fields={"username": "请换一个账号名"}
        )
    require_strong(password, account)
    account.set_password(password)
    with unit_of_work():
        account.save()
        record(
            actor=actor, action="identity.account_created", obj=account,
            after={"username": account.username, "organization": str(organization or "")},
        )  # fmt: skip
        _changed(account)
    return account


def change_account(
    *,
    actor: Actor,
    account: Account,
    display_name: str,
    post: str,
    organization: Organization,
    version: int,
) -> Account:
    """Change name, post and organisation of an account; a stale ``version`` is refused.

    Raises:
        NotAllowed: account or new organisation outside the actor's scope.
        Conflict: somebody else changed it meanwhile.
    """
    check(actor, "identity.account.manage", account)
    check(actor, "identity.account.manage", organization)
    if not display_name.strip():
        raise InvalidInput("姓名不能为空。", fields={"display_name": "请填写姓名"})
    with unit_of_work():
        item = Account.objects.select_for_update().get(pk=account.pk)
        if item.version != version:
            raise Conflict(
                f"“{item}”刚被他人修改。", kept="您的修改没有保存。", advice="请刷新后核对再改。"
            )
        before = _facts(item)
        item.display_name, item.post = display_name.strip(), post.strip()
        item.organization = organization
        item.version += 1
        item.save(update_fields=["display_name", "post", "organization", "version"])
        record(
            actor=actor, action="identity.account_changed", obj=item,
            before=before, after=_facts(item),
        )  # fmt: skip
        _changed(item)
    return item


def _facts(account: Account) -> dict[str, str]:
    return {
        "display_name": account.display_name,
        "post": account.post,
        "organization": str(account.organization or ""),
    }


def set_account_state(
    *, actor: Actor, account: Account, active: bool, reason: str, unlock: bool = False
) -> Account:
    """Enable, disable or unlock an account; nobody can disable their own, disabling needs a reason.

    Raises:
        NotAllowed: the account is outside the actor's scope, or holds more than the actor.
        Conflict: the actor's own account.
        InvalidInput: no reason given for disabling.
    """
    check(actor, "identity.account.manage", account)
    if not active:
        refuse_own(actor, account, "停用")
        require_power_over(actor, account)
        if not reason.strip():
            raise InvalidInput("停用账号须说明原因。", fields={"reason": "请写明停用原因"})
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
        _changed(account)
    return account


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
