"""Passwords: the rules, one's own change, the administrator's one-time password."""

import secrets

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.accounts.services.powers import require_power_over
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import InvalidInput, NotAllowed
from chengshu.kernel.identity.models import Account
from chengshu.kernel.unit_of_work import unit_of_work

# Without characters that look alike: the password is read out or copied by hand once.
_ALPHABETS = ("ABCDEFGHJKMNPQRSTUVWXYZ", "abcdefghjkmnpqrstuvwxyz", "23456789")
_GROUPS, _GROUP_LENGTH = 3, 4


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
    require_strong(new, account)
    with unit_of_work():
        account.password = make_password(new)
        account.must_change_password = False
        account.password_changed_at = timezone.now()
        account.save(update_fields=["password", "must_change_password", "password_changed_at"])
        record(actor=actor, action="identity.password_changed", obj=account)


def require_strong(password: str, account: Account) -> None:
    """Refuse a password that breaks a rule.

    Raises:
        InvalidInput: says every rule that is broken.
    """
    try:
        validate_password(password, account)
    except ValidationError as error:
        text = "".join(error.messages)
        raise InvalidInput(text, kept="密码没有改变。", fields={"new": text}) from error


def generate_password() -> str:
    """Make a one-time password that keeps the rules, e.g. ``K7mw-9Rhd-4xTn`` (about 60 bits)."""
    letters = [secrets.choice(alphabet) for alphabet in _ALPHABETS]
    everything = "".join(_ALPHABETS)
    letters += [secrets.choice(everything) for _ in range(_GROUPS * _GROUP_LENGTH - len(letters))]
    secrets.SystemRandom().shuffle(letters)
    text = "".join(letters)
    return "-".join(text[i : i + _GROUP_LENGTH] for i in range(0, len(text), _GROUP_LENGTH))


def reset_password(*, actor: Actor, account: Account, password: str, reason: str = "") -> None:
    """Give an account a one-time password that must be changed at the next sign-in; lifts a lock.

    Raises:
        NotAllowed: the account is outside the actor's scope, or holds more than the actor.
    """
    check(actor, "identity.account.manage", account)
    require_power_over(actor, account)
    require_strong(password, account)
    with unit_of_work():
        account.password = make_password(password)
        account.must_change_password = True
        account.locked_until, account.failed_sign_ins = None, 0
        account.save(
            update_fields=["password", "must_change_password", "locked_until", "failed_sign_ins"]
        )
        record(actor=actor, action="identity.password_reset", obj=account, reason=reason)
