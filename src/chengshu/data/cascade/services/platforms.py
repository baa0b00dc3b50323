"""Register a platform above or below us, test the connection, change its secret, pause and resume."""

import secrets as randomness
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from chengshu.data.cascade.adapters import Link, Upper, UpperError, open_upper
from chengshu.data.cascade.adapters.sftp import source_of
from chengshu.data.cascade.adapters.transport import written_problem
from chengshu.data.cascade.choices import PlatformState, Role, Scheme, Way
from chengshu.data.cascade.models import Platform
from chengshu.data.ingest.facade import exchange_sources
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.facade import open_sealed, seal
from chengshu.kernel.errors import Conflict, InvalidInput, Unavailable
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_sm2 import Sm2PrivateKey, Sm2PublicKey
from chengshu_sm2.errors import Sm2Error

VIEW, MANAGE = "cascade.view", "cascade.manage"
SECRET_PLACE = "cascade.platform.secret"  # noqa: S105 - the column's name, not a secret
_SECRET_BYTES = 32
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A platform as somebody fills it in; ``secret`` empty for a lower platform with HMAC: it is made here.

    ``address`` is a URL, a folder's name, or for SFTP the number of the data source.
    """

    name: str
    role: str = Role.UPPER
    rank: str
    way: str = Way.API
    address: str = ""
    scheme: str = Scheme.HMAC
    app: str = ""
    key_id: str = ""
    secret: str = ""
    public_key: str = ""
    organization: Organization | None = None
    contact: str = ""
    entries_auto: bool = False


def register(*, actor: Actor, content: Registration) -> tuple[Platform, str]:
    """Register a platform; returns it with the secret made for a lower one, which nobody can read again.

    Raises:
        InvalidInput: with messages by field. NotAllowed: the actor does not manage cascading for the whole city.
    """
    item = Platform(
        name=content.name.strip(), role=content.role, rank=content.rank, way=content.way,
        address=content.address.strip(), scheme=content.scheme, app=content.app.strip(),
        key_id=content.key_id.strip(), public_key=content.public_key.strip().lower(),
        organization=content.organization, contact=content.contact.strip(),
        entries_auto=content.entries_auto, created_by=actor.account,
    )  # fmt: skip
    check(actor, MANAGE, item)
    made, secret = "", content.secret
    if item.role == Role.LOWER:
        item.app = item.app or f"lower-{randomness.token_hex(4)}"
        item.key_id = item.key_id or f"k-{randomness.token_hex(4)}"
        if item.scheme == Scheme.HMAC:
            made = secret = randomness.token_urlsafe(_SECRET_BYTES)
    problems = _problems(item, secret) | _unusable_source(actor, item)
    if problems:
        raise InvalidInput("平台没有登记。", fields=problems)
    item.secret_sealed = seal(secret, place=SECRET_PLACE)
    with unit_of_work():
        item.save(force_insert=True)
        record(actor=actor, action="cascade.platform_registered", obj=item, after=_told(item))
        _tell("registered", item)
    return item, made


def _problems(item: Platform, secret: str) -> dict[str, str]:
    found = {} if item.name else {"name": "请填写"}
    if Platform.objects.filter(name=item.name).exists():
        found["name"] = "这个名称已被使用"
    if item.role == Role.UPPER and item.way == Way.API:
        if problem := written_problem(item.address):
            found["address"] = problem
        found |= {key: "请填写" for key in ("app", "key_id") if not getattr(item, key)}
        if not secret:
            found["secret"] = "请填写"  # noqa: S105 - a message
        elif item.scheme == Scheme.SM2 and not _is_private_key(secret):
            found["secret"] = "应为 PEM 格式的 SM2 私钥"  # noqa: S105 - a message
    if item.role == Role.UPPER and item.way == Way.FOLDER and not item.address:
        found["address"] = "请填写交换文件夹"
    if item.role == Role.LOWER and item.scheme == Scheme.SM2 and not _is_point(item.public_key):
        found["public_key"] = "应为 130 位十六进制的 SM2 公钥（04 开头）"
    return found


def _unusable_source(actor: Actor, item: Platform) -> dict[str, str]:
    """An SFTP server is named by the number of a source whose account the actor may use."""
    if item.role != Role.UPPER or item.way != Way.SFTP:
        return {}
    if not item.address:
        return {"source": "请选择 SFTP 数据源"}
    source = source_of(item.address)
    if source is None or not exchange_sources(actor).filter(pk=source.pk).exists():
        return {"source": "没有这个 SFTP 数据源，或您不能使用它"}
    return {}


def _is_private_key(text: str) -> bool:
    try:
        Sm2PrivateKey.from_pem(text.encode())
    except Sm2Error:
        return False
    return True


def _is_point(text: str) -> bool:
    try:
        Sm2PublicKey.from_point(bytes.fromhex(text))
    except (ValueError, Sm2Error):
        return False
    return True


def change_secret(*, actor: Actor, platform: Platform, secret: str = "") -> str:
    """Replace the secret at once; a lower platform's new one is made here and returned, nobody can read it again.

    Raises:
        InvalidInput: an upper platform's secret is missing or no key.
    """
    check(actor, MANAGE, platform)
    made = ""
    if platform.role == Role.LOWER:
        if platform.scheme == Scheme.SM2:
            raise Conflict("这个平台用 SM2 签名，我们没有它的私钥。", advice="请登记它的新公钥。")
        made = secret = randomness.token_urlsafe(_SECRET_BYTES)
    elif not secret or (platform.scheme == Scheme.SM2 and not _is_private_key(secret)):
        raise InvalidInput("密钥没有更换。", fields={"secret": "请填写有效的密钥"})
    with unit_of_work():
        platform.secret_sealed = seal(secret, place=SECRET_PLACE)
        platform.save(update_fields=["secret_sealed"])
        record(actor=actor, action="cascade.platform_secret", obj=platform)
    return made


def set_state(*, actor: Actor, platform: Platform, active: bool, reason: str) -> None:
    """Pause or resume a platform: while it is paused nothing is sent, fetched or taken from it.

    Raises:
        Conflict: it is in that state already. InvalidInput: no reason.
    """
    check(actor, MANAGE, platform)
    wanted = PlatformState.ACTIVE if active else PlatformState.PAUSED
    if not reason.strip():
        raise InvalidInput("没有改动。", fields={"reason": "请写明原因"})
    with unit_of_work():
        item = Platform.objects.select_for_update().get(pk=platform.pk)
        if item.state == wanted:
            raise Conflict(f"“{item}”已经是“{wanted.label}”。", kept="没有做任何改动。")
        before, item.state = item.state, wanted
        item.state_reason = reason.strip()[:_LONGEST_REASON]
        item.save(update_fields=["state", "state_reason"])
        record(
            actor=actor, action="cascade.platform_state", obj=item, before={"state": before},
            after={"state": wanted}, reason=reason,
        )  # fmt: skip
        _tell("state", item)
    platform.refresh_from_db()


def test_connection(*, actor: Actor, platform: Platform) -> str:
    """Ask the platform who it is, and keep how it went; returns the result in plain words.

    Raises:
        Unavailable: it does not answer as it should; says why and what to do.
    """
    check(actor, MANAGE, platform)
    try:
        told = f"已连通：{conversation(platform).check()}"
    except UpperError as error:
        _note_check(platform, error.detail, passed=False)
        raise Unavailable(error.message, kept="没有收发任何数据。", advice=error.advice) from error
    _note_check(platform, told, passed=True)
    return told


def _note_check(platform: Platform, message: str, *, passed: bool) -> None:
    platform.checked_at, platform.check_passed = timezone.now(), passed
    platform.check_message = message[:400]
    platform.save(update_fields=["checked_at", "check_passed", "check_message"])


def conversation(platform: Platform) -> Upper:
    """The opened conversation with an upper platform.

    Raises:
        UpperError: it is below us, or its folder cannot be used.
    """
    if platform.role != Role.UPPER:
        raise UpperError("下级平台由它来连我们，我们不主动连它。", final=True)
    link = Link(
        name=platform.name, address=platform.address, app=platform.app, key_id=platform.key_id,
        scheme=platform.scheme, secret=open_sealed(platform.secret_sealed, place=SECRET_PLACE),
    )  # fmt: skip
    return open_upper(platform.way, link)


def _told(item: Platform) -> dict[str, Any]:
    """A platform as audit keeps it: never its secret."""
    return {
        "name": item.name, "role": item.role, "rank": item.rank, "way": item.way,
        "address": item.address, "scheme": item.scheme, "app": item.app, "key_id": item.key_id,
    }  # fmt: skip


def _tell(what: str, item: Platform) -> None:
    emit(
        type=f"city.cascade.platform.{what}", source="cascade", subject=str(item.pk),
        data={"name": item.name, "role": item.role, "state": item.state},
    )  # fmt: skip
