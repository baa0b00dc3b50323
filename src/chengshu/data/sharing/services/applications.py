"""Register applications and issue their keys."""

import re
import secrets
from datetime import datetime

from django.utils import timezone

from chengshu.data.sharing.choices import ApplicationState, KeyState
from chengshu.data.sharing.models import Application, ApplicationKey
from chengshu.data.sharing.publishing import KEY_PLACE
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.facade import seal
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work

CODE = re.compile(r"[a-z0-9][a-z0-9-]{1,38}[a-z0-9]")


def changed(action: str, subject: str) -> None:
    """Tell the gateway's publisher (and anybody else) that rules changed."""
    emit(type=f"city.sharing.{action}", source="sharing", subject=subject)


def new_key_id() -> str:
    """The number of a new key, good for all time."""
    return f"k{secrets.token_hex(6)}"


def required(reason: str) -> None:
    """Raise InvalidInput unless there is a reason."""
    if not reason.strip():
        raise InvalidInput("请说明原因。", kept="没有做任何改动。", fields={"reason": "请填写原因"})


def register_application(
    *,
    actor: Actor,
    code: str,
    name: str,
    owner: Organization,
    purpose: str,
    contact: str = "",
) -> Application:
    """Register an application of an organisation.

    Raises:
        InvalidInput: code malformed or taken, name or purpose missing.
    """
    check(actor, "sharing.application.manage", owner)
    code = code.strip()
    problems: dict[str, str] = {}
    if not CODE.fullmatch(code):
        problems["code"] = "用小写字母、数字和连字符，3–40 位，如 grid-worker-app"
    elif Application.objects.filter(code=code).exists():
        problems["code"] = "这个编号已被使用，请换一个"
    if not name.strip():
        problems["name"] = "请填写应用名称"
    if not purpose.strip():
        problems["purpose"] = "请说明用途：为哪项业务、给谁用"
    if problems:
        raise InvalidInput("应用没有登记。", advice="请按提示修改。", fields=problems)
    with unit_of_work():
        item = Application.objects.create(
            code=code, name=name.strip(), owner=owner, purpose=purpose.strip(),
            contact=contact.strip(), created_by=actor.account,
        )  # fmt: skip
        record(actor=actor, action="sharing.application_registered", obj=item)
        changed("application.registered", code)
    return item


def set_application_state(
    *, actor: Actor, application: Application, state: str, reason: str
) -> Application:
    """Suspend or resume an application; effective at the gateway within two seconds."""
    check(actor, "sharing.application.manage", application)
    required(reason)
    with unit_of_work():
        before = {"state": application.state}
        application.state = ApplicationState(state)
        suspended = application.state == ApplicationState.SUSPENDED
        application.state_reason = reason.strip() if suspended else ""
        application.save(update_fields=["state", "state_reason"])
        record(
            actor=actor, action="sharing.application_state", obj=application, before=before,
            after={"state": state}, reason=reason,
        )  # fmt: skip
        changed("application.state", application.code)
    return application


def issue_key(
    *, actor: Actor, application: Application, expires_at: datetime | None = None
) -> tuple[ApplicationKey, str]:
    """Issue a key; the secret is returned here once and never shown again.

    Raises:
        Conflict: the application is suspended. InvalidInput: the term is over already.
    """
    check(actor, "sharing.key.manage", application)
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidInput(
            "密钥没有签发。", fields={"expires_at": "有效期须晚于现在，或留空表示长期有效"}
        )
    if application.state != ApplicationState.ACTIVE:
        raise Conflict("应用已停用，不能签发密钥。", advice="请先恢复应用。")
    secret = secrets.token_urlsafe(32)
    with unit_of_work():
        key = ApplicationKey.objects.create(
            application=application,
            key_id=new_key_id(),
            secret_sealed=seal(secret, place=KEY_PLACE),
            expires_at=expires_at,
        )
        record(actor=actor, action="sharing.key_issued", obj=application, after={"key": key.key_id})
        changed("key.issued", application.code)
    return key, secret


def revoke_key(*, actor: Actor, key: ApplicationKey, reason: str) -> None:
    """Revoke a key for good; refused at the gateway within two seconds.

    Raises:
        InvalidInput: no reason given. Conflict: revoked already.
    """
    check(actor, "sharing.key.manage", key)
    required(reason)
    if key.state == KeyState.REVOKED:
        raise Conflict("这把密钥已经吊销。")
    with unit_of_work():
        key.state, key.revoked_at = KeyState.REVOKED, timezone.now()
        key.save(update_fields=["state", "revoked_at"])
        record(
            actor=actor, action="sharing.key_revoked", obj=key.application, reason=reason,
            before={"key": key.key_id},
        )  # fmt: skip
        changed("key.revoked", key.application.code)
