"""Outside receivers: register, disable and enable, change the secret they check signatures with."""

import re
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check, scope
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.facade import seal
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound
from chengshu.kernel.events.models import Delivery, WebHook
from chengshu.kernel.registry import registry
from chengshu.kernel.unit_of_work import unit_of_work

MANAGE = "events.manage"
SECRET_PLACE = "events.webhook.secret"  # noqa: S105 - the column's name, not a secret
_SECRET_BYTES = 32
_PREFIX = re.compile(r"city(\.[a-z0-9_]+)*\.?")
_NAME_LENGTH, _URL_LENGTH = 80, 200


def register_hook(
    *, actor: Actor, name: str, url: str, types: Sequence[str]
) -> tuple[WebHook, str]:
    """Register a receiver; return it with its secret, which nobody can read again.

    Args:
        actor: who registers.
        name: what people call the receiver.
        url: an https address without user name or password.
        types: prefixes of event types, each of which must match a known event.

    Raises:
        NotAllowed: the actor does not manage the city's events.
        InvalidInput: a value is missing or malformed.
        Conflict: the name is taken.
    """
    hook = WebHook(name=name.strip(), url=url.strip(), types=sorted(set(types)))
    check(actor, MANAGE, hook)
    _require_valid(hook)
    secret = _new_secret(hook)
    with unit_of_work():
        if WebHook.objects.filter(name=hook.name).exists():
            raise Conflict(
                f"已有名为“{hook.name}”的外部回调。", kept="没有登记。", advice="请换一个名称。"
            )
        hook.save(force_insert=True)
        record(
            actor=actor, action="events.hook_registered", obj=hook,
            after={"name": hook.name, "url": hook.url, "types": "、".join(hook.types)},
        )  # fmt: skip
    return hook, secret


def set_hook_active(*, actor: Actor, hook: WebHook, active: bool) -> WebHook:
    """Disable or enable a receiver.

    While it is disabled nothing is sent: what waited before is kept and sent when it is enabled
    again, what happens meanwhile is not.

    Raises:
        NotAllowed: the actor does not manage the city's events.
        Conflict: it is in that state already.
    """
    check(actor, MANAGE, hook)
    with unit_of_work():
        item = WebHook.objects.select_for_update().get(pk=hook.pk)
        if item.active == active:
            raise Conflict(f"“{item}”已经{'启用' if active else '停用'}。", kept="没有做任何改动。")
        item.active = active
        item.save(update_fields=["active"])
        record(
            actor=actor, action="events.hook_enabled" if active else "events.hook_disabled", obj=item,
            before={"active": not active}, after={"active": active},
        )  # fmt: skip
    return item


def rotate_hook_secret(*, actor: Actor, hook: WebHook) -> str:
    """Replace the secret at once and return the new one, which nobody can read again.

    Raises:
        NotAllowed: the actor does not manage the city's events.
    """
    check(actor, MANAGE, hook)
    with unit_of_work():
        item = WebHook.objects.select_for_update().get(pk=hook.pk)
        secret = _new_secret(item)
        item.save(update_fields=["secret_sealed"])
        record(actor=actor, action="events.hook_secret_rotated", obj=item)
    return secret


def hook_of(actor: Actor, pk: int) -> WebHook:
    """Return one receiver.

    Raises:
        NotFound: there is none.
    """
    item = scope(actor, MANAGE, WebHook.objects.filter(pk=pk)).first()
    if item is None:
        raise NotFound("没有找到这个外部回调。", advice="请从外部回调列表中重新选择。")
    return item


def last_deliveries(actor: Actor, hook: WebHook, limit: int = 20) -> list[Delivery]:
    """The newest events for a receiver."""
    rows = Delivery.objects.select_related("event").filter(subscriber=f"webhook:{hook.pk}")
    return list(scope(actor, MANAGE, rows).order_by("-event__time")[:limit])


def offered_prefixes() -> list[tuple[str, str]]:
    """Prefixes to choose from: one per package that emits events, with the package's name."""
    found: dict[str, list[str]] = {}
    for manifest in registry.manifests():
        for event in manifest.events:
            prefix = ".".join(event.key.split(".")[:2]) + "."
            names = found.setdefault(prefix, [])
            if manifest.name not in names:
                names.append(manifest.name)
    return [(prefix, "、".join(names)) for prefix, names in sorted(found.items())]


def _new_secret(hook: WebHook) -> str:
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    hook.secret_sealed = seal(secret, place=SECRET_PLACE)
    return secret


def _require_valid(hook: WebHook) -> None:
    wrong: dict[str, str] = {}
    if not hook.name or len(hook.name) > _NAME_LENGTH:
        wrong["name"] = f"请填写名称，不超过 {_NAME_LENGTH} 字"
    if not _is_https(hook.url):
        wrong["url"] = "请填写 https:// 开头的地址，不含账号和密码"
    unknown = [prefix for prefix in hook.types if not _matches_known(prefix)]
    if not hook.types:
        wrong["types"] = "请至少选择一类事件"
    elif unknown:
        wrong["types"] = f"没有这类事件：{'、'.join(unknown)}"
    if wrong:
        raise InvalidInput("外部回调的内容有误，没有登记。", fields=wrong)


def _is_https(url: str) -> bool:
    if len(url) > _URL_LENGTH:
        return False
    try:
        URLValidator(schemes=["https"])(url)
        parts = urlsplit(url)
    except (ValidationError, ValueError):
        return False
    return parts.username is None and parts.password is None


def _matches_known(prefix: str) -> bool:
    known = registry.event_names()
    return bool(_PREFIX.fullmatch(prefix)) and any(key.startswith(prefix) for key in known)
