"""Make, revoke and recognise tokens.

A token is 256 random bits, shown once; its plain SHA-256 cannot be guessed back. It acts as its owner narrowed to its
scopes, and only while the owner could sign in: a disabled account, or one that must change its password first, is
refused. No token makes tokens.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound, NotSignedIn
from chengshu.kernel.tokens.models import ApiToken
from chengshu.kernel.tokens.scopes import offered_to, permissions_of
from chengshu.kernel.unit_of_work import unit_of_work

START = "cstoken"
MOST_LIVE = 10
LONGEST_DAYS = 365
_NOTE_USE_AFTER = timedelta(minutes=5)


def issue(*, actor: Actor, name: str, scopes: Sequence[str], days: int) -> tuple[ApiToken, str]:
    """A new token of the actor and its text, which is shown this once. ``days``: how long it lives, 1 to 365.

    Raises:
        NotAllowed: a token asks. InvalidInput: no name, a purpose the actor has no right to, or too long a life.
        Conflict: the actor has ten living tokens already.
    """
    account = actor.account
    if account is None or actor.token:
        raise NotAllowed("令牌只能由本人登录后签发。", kept="没有签发。")
    offered = {scope.key for scope in offered_to(actor)}
    wrong = {}
    if not name.strip():
        wrong["name"] = "请填写用在哪里，以便日后认出它"
    if not scopes or not set(scopes) <= offered:
        wrong["scopes"] = "请选择用途；只能选您自己有权做的"
    if not 1 <= days <= LONGEST_DAYS:
        wrong["days"] = f"1 到 {LONGEST_DAYS} 天"
    if wrong:
        raise InvalidInput("没有签发令牌。", fields=wrong)
    if (
        account.api_tokens.filter(revoked_at=None, expires_at__gt=timezone.now()).count()
        >= MOST_LIVE
    ):
        raise Conflict(f"您已有 {MOST_LIVE} 个有效的令牌。", advice="请先吊销不用的。")
    prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    with unit_of_work():
        token = ApiToken.objects.create(
            account=account, name=name.strip()[:80], prefix=prefix, secret_hash=_hash(secret),
            scopes=sorted(set(scopes)), expires_at=timezone.now() + timedelta(days=days),
        )  # fmt: skip
        record(
            actor=actor, action="tokens.issued", obj=token,
            after={"scopes": token.scopes, "expires_at": token.expires_at.isoformat()},
        )  # fmt: skip
    return token, f"{START}-{prefix}-{secret}"


def own(actor: Actor, prefix: str) -> ApiToken:
    """One of the actor's tokens by its beginning.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    found = ApiToken.objects.filter(account=actor.account, prefix=prefix).first()
    if found is None or actor.account is None:
        raise NotFound("没有这个令牌。", advice="它可能不是您的。")
    return found


def revoke(*, actor: Actor, token: ApiToken) -> None:
    """From now on nobody gets in with it.

    Raises:
        NotAllowed: somebody else's.
    """
    if actor.account is None or token.account_id != actor.account.pk:
        raise NotAllowed("只能吊销自己的令牌。", kept="没有做任何改动。")
    with unit_of_work():
        held = ApiToken.objects.select_for_update().get(pk=token.pk)
        if held.revoked_at is None:
            held.revoked_at = timezone.now()
            held.save(update_fields=["revoked_at"])
            record(actor=actor, action="tokens.revoked", obj=held)


def authenticate(text: str, *, address: str = "", request_id: str = "") -> Actor:
    """Who acts by a token; its text may be preceded by ``Bearer``.

    Raises:
        NotSignedIn: unknown, wrong, revoked or expired, or its owner may not sign in; which of them is not said.
    """
    word = text.strip()
    if word[:7].lower() == "bearer ":
        word = word[7:].strip()
    start, _, rest = word.partition("-")
    prefix, _, secret = rest.partition("-")
    found = None
    if start == START:
        found = (
            ApiToken.objects.select_related("account__organization").filter(prefix=prefix).first()
        )
    if found is None or not hmac.compare_digest(found.secret_hash, _hash(secret)):
        raise _refusal()
    account = found.account
    actor = Actor(
        account=account, name=f"{account}（令牌“{found.name[:30]}”）", address=address,
        request_id=request_id, only=permissions_of(found.scopes), token=found.prefix,
    )  # fmt: skip
    if not found.usable or not account.is_active or account.must_change_password:
        # Only who has the whole text comes this far: somebody still uses what was taken back.
        with unit_of_work():
            record(actor=actor, action="tokens.refused", obj=found)
        raise _refusal()
    now = timezone.now()
    if found.last_used_at is None or now - found.last_used_at > _NOTE_USE_AFTER:
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
    return actor


def _refusal() -> NotSignedIn:
    return NotSignedIn("令牌无效、已吊销或已到期。", advice="请在“个人资料 → API 令牌”签发新的。")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
