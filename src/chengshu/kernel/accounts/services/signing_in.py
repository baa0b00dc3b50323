"""Sign-in with lock-out: an account after five failures, an address after thirty."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db.models import F
from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import NotAllowed, TooMany
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Account, SignInFailure
from chengshu.kernel.unit_of_work import unit_of_work

# Verified when an account does not exist, so that the answer takes as long as for a real one.
_DUMMY_HASH = make_password("time-of-a-real-check")
NAME_LENGTH = 60


def sign_in(*, actor: Actor, username: str, password: str) -> Account:
    """Check a password; count failures and lock account or address when there are too many.

    A name nobody has is locked like a real one, so that the answers never tell which accounts exist.

    Raises:
        TooMany: account or address is locked; says for how long.
        NotAllowed: wrong account or password (never which of the two).
    """
    username = username.strip()
    _refuse_busy_address(actor)
    account = Account.objects.filter(username=username).first()
    locked_until = account.locked_until if account else _unknown_locked_until(username)
    if locked_until is not None and locked_until > timezone.now():
        raise _locked(locked_until)
    right = check_password(password, account.password if account else _DUMMY_HASH)
    if account is None or not right or not account.is_active:
        _note_failure(actor, account, username)
        raise NotAllowed("账号或密码不对。", advice="请检查大小写后重试；连续输错会暂时锁定账号。")
    with unit_of_work():
        now = timezone.now()
        Account.objects.filter(pk=account.pk).update(
            failed_sign_ins=0, locked_until=None, last_login=now
        )
        account.failed_sign_ins, account.locked_until, account.last_login = 0, None, now
        record(actor=_as(account, actor), action="identity.sign_in", obj=account)
    return account


def sign_out(*, actor: Actor) -> None:
    """Leave a trace of the end of a session."""
    if actor.account is None:
        return
    with unit_of_work():
        record(actor=actor, action="identity.sign_out", obj=actor.account)


def _as(account: Account, caller: Actor) -> Actor:
    return Actor(
        account=account,
        name=account.display_name,
        address=caller.address,
        request_id=caller.request_id,
    )


def _window() -> timedelta:
    return timedelta(minutes=settings.SIGN_IN_LOCK_MINUTES)


def _refuse_busy_address(actor: Actor) -> None:
    recent = SignInFailure.objects.filter(
        address=actor.address or None, at__gt=timezone.now() - _window()
    ).count()
    if recent >= settings.SIGN_IN_MAX_FAILURES_PER_ADDRESS:
        raise TooMany(
            "这个网络地址的登录失败次数过多，已暂停登录。",
            advice=f"请 {settings.SIGN_IN_LOCK_MINUTES} 分钟后再试。",
        )


def _unknown_locked_until(username: str) -> datetime | None:
    """When a name nobody has would be free again, by the same rule as a real account."""
    failures = SignInFailure.objects.filter(
        username=username[:NAME_LENGTH], at__gt=timezone.now() - _window()
    )
    moments = list(failures.order_by("at").values_list("at", flat=True))
    limit = settings.SIGN_IN_MAX_FAILURES
    return moments[-1] + _window() if len(moments) >= limit else None


def _locked(until: datetime) -> TooMany:
    minutes = max(1, round((until - timezone.now()).total_seconds() / 60))
    return TooMany(
        f"连续输错密码，账号已锁定，约 {minutes} 分钟后自动解除。",
        advice="如急需使用，请联系本单位账号管理员解锁。",
    )


def _note_failure(actor: Actor, account: Account | None, username: str) -> None:
    with unit_of_work():
        SignInFailure.objects.create(username=username[:NAME_LENGTH], address=actor.address or None)
        if account is None:
            return
        Account.objects.filter(pk=account.pk).update(failed_sign_ins=F("failed_sign_ins") + 1)
        account.refresh_from_db(fields=["failed_sign_ins"])
        locked = account.failed_sign_ins >= settings.SIGN_IN_MAX_FAILURES
        if locked:
            Account.objects.filter(pk=account.pk).update(
                locked_until=timezone.now() + _window(), failed_sign_ins=0
            )
        action = "identity.sign_in_locked" if locked else "identity.sign_in_failed"
        record(actor=actor, action=action, obj=account)
        if locked:
            emit(
                type="city.identity.account.locked",
                source="identity",
                subject=account.username,
                data={"id": account.pk, "username": account.username, "address": actor.address},
            )
