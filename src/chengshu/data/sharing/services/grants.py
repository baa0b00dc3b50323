"""Grant an application chosen fields, rows and masks of an interface; change, suspend, revoke."""

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing.choices import CallKind, GrantState, InterfaceState
from chengshu.data.sharing.declarations import kinds_for
from chengshu.data.sharing.masking import NONE, unmasked
from chengshu.data.sharing.models import Application, Grant, ShareInterface
from chengshu.data.sharing.privacy import wire_terms
from chengshu.data.sharing.publishing import wire_interface
from chengshu.data.sharing.services.applications import changed, required
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway import bundle as wire
from chengshu_gateway.bundle import DEFAULT_MINIMUM_GROUP, DEFAULT_MISSES, DEFAULT_TRIES
from chengshu_gateway.privacy_terms import PrivacyError


def grant(
    *,
    actor: Actor,
    application: Application,
    interface: ShareInterface,
    fields: list[str],
    masks: dict[str, str] | None = None,
    row_filter: dict[str, Any] | None = None,
    per_minute: int | None = None,
    per_day: int | None = None,
    networks: list[str] | None = None,
    kinds: list[str] | None = None,
    minimum_group: int | None = None,
    misses_per_minute: int | None = None,
    tries_per_day: int | None = None,
    privacy: dict[str, Any] | None = None,
    purpose: str,
    valid_until: datetime | None = None,
    unmasked_reason: str = "",
) -> Grant:
    """Give an application access; the gateway enforces it within two seconds.

    Raises:
        InvalidInput: unknown field or way of calling, bad mask, row filter or network; a field of level L3 or L4
            is neither masked nor explained; the term is over.
        Conflict: the interface is not online, or an open grant exists.
    """
    item = Grant(
        application=application, interface=interface, fields=fields, masks=masks or {},
        row_filter=row_filter, per_minute=per_minute, per_day=per_day, networks=networks or [],
        purpose=purpose.strip(), valid_until=valid_until, granted_by=actor.account,
        unmasked_reason=unmasked_reason.strip(), kinds=kinds_for(interface, kinds),
        minimum_group=minimum_group or DEFAULT_MINIMUM_GROUP,
        misses_per_minute=misses_per_minute or DEFAULT_MISSES, tries_per_day=tries_per_day or DEFAULT_TRIES,
        privacy=privacy or None,
    )  # fmt: skip
    check(actor, "sharing.grant.manage", item)
    if interface.state != InterfaceState.ONLINE:
        raise Conflict(f"接口“{interface}”没有上线，不能授权。", advice="请先发布接口。")
    validate(item)
    with unit_of_work():
        open_grant = Grant.objects.filter(application=application, interface=interface)
        if open_grant.exclude(state=GrantState.REVOKED).exists():
            raise Conflict("这个应用已有该接口的授权。", advice="请在原授权上变更。")
        item.save()
        record(actor=actor, action="sharing.granted", obj=item, after=describe(item))
        changed("grant.created", f"{application.code}/{interface.code}")
    return item


def change_grant(
    *,
    actor: Actor,
    item: Grant,
    fields: list[str],
    masks: dict[str, str],
    row_filter: dict[str, Any] | None,
    per_minute: int | None,
    per_day: int | None,
    networks: list[str],
    kinds: list[str] | None = None,
    minimum_group: int | None = None,
    misses_per_minute: int | None = None,
    tries_per_day: int | None = None,
    privacy: dict[str, Any] | None = None,
    valid_until: datetime | None,
    unmasked_reason: str = "",
    tell: bool = True,
) -> Grant:
    """Change what a grant allows, effective within two seconds; what is None by default stays when not given.

    An empty ``privacy`` ends differential privacy.
    The department that uses it is told, unless ``tell`` is off because somebody else does.

    Raises:
        InvalidInput: as for :func:`grant`. Conflict: the grant was revoked.
    """
    check(actor, "sharing.grant.manage", item)
    if item.state == GrantState.REVOKED:
        raise Conflict("这项授权已经收回，不能变更。", advice="如需恢复，请重新授权。")
    before = describe(item)
    item.fields, item.masks, item.row_filter = fields, masks, row_filter
    item.per_minute, item.per_day, item.networks = per_minute, per_day, networks
    item.valid_until, item.unmasked_reason = valid_until, unmasked_reason.strip()
    item.kinds = item.kinds if kinds is None else kinds_for(item.interface, kinds)
    item.minimum_group = minimum_group or item.minimum_group
    item.misses_per_minute = misses_per_minute or item.misses_per_minute
    item.tries_per_day = tries_per_day or item.tries_per_day
    item.privacy = item.privacy if privacy is None else privacy or None
    item.problem = ""
    validate(item)
    with unit_of_work():
        item.save()
        record(
            actor=actor,
            action="sharing.grant_changed",
            obj=item,
            before=before,
            after=describe(item),
        )
        changed("grant.changed", f"{item.application.code}/{item.interface.code}")
        if tell:
            _tell_user(
                item, f"“{item.interface}”的授权已变更", "字段、范围或限额有变，请看授权页。"
            )
    return item


def set_state(*, actor: Actor, item: Grant, state: str, reason: str) -> Grant:
    """Suspend, resume or revoke a grant; a revoked one stays as history.

    Raises:
        InvalidInput: no reason given. Conflict: already revoked.
    """
    check(actor, "sharing.grant.manage", item)
    required(reason)
    if item.state == GrantState.REVOKED:
        raise Conflict("这项授权已经收回。", advice="如需恢复，请重新授权。")
    with unit_of_work():
        before = {"state": item.state}
        item.state, item.closed_reason = GrantState(state), reason.strip()
        item.save(update_fields=["state", "closed_reason"])
        record(
            actor=actor, action="sharing.grant_state", obj=item, before=before,
            after={"state": state}, reason=reason,
        )  # fmt: skip
        changed("grant.state", f"{item.application.code}/{item.interface.code}")
        title = f"“{item.interface}”的授权已{_DONE[item.state]}"
        _tell_user(item, title, f"原因：{reason.strip()}")
        _tell_provider(
            actor, item, title, f"{actor.organization_name} {actor.name}：{reason.strip()}"
        )
    return item


_DONE = {
    GrantState.ACTIVE: "恢复", GrantState.SUSPENDED: "暂停", GrantState.REVOKED: "收回",
}  # fmt: skip


def _tell_user(item: Grant, title: str, body: str) -> None:
    notify(
        organization=item.application.owner, permission="sharing.application.manage",
        title=f"{item.application}：{title}", body=body, url=reverse("sharing:grant", args=[item.pk]),
    )  # fmt: skip


def _tell_provider(actor: Actor, item: Grant, title: str, body: str) -> None:
    """The provider hears of what somebody else, such as the data bureau, did with its data."""
    provider = item.interface.resource.provider
    if actor.account is None or actor.account.organization_id != provider.pk:
        notify(
            organization=provider, permission="sharing.grant.manage",
            title=f"{item.application}：{title}", body=body,
            url=reverse("sharing:grant", args=[item.pk]),
        )  # fmt: skip


def validate(item: Grant) -> None:
    """Check a grant by the gateway's own rules, so that what is saved can always be published."""
    problems: dict[str, str] = {}
    interface = wire_interface(item.interface)
    titles = {c.name: c.title for c in interface.columns}
    if not item.purpose:
        problems["purpose"] = "请填写用途"
    if not item.kinds:
        problems["kinds"] = "请至少选择一种调用方式"
    elif CallKind.QUERY in item.kinds and not _askable(item):
        problems["kinds"] = (
            "条件查询需要至少一个不脱敏授权的查询条件字段；请先在接口页设置“查询条件”"
        )
    if not item.fields:
        problems["fields"] = "请至少选择一个字段"
    elif bare := unmasked(item):
        named = "、".join(titles.get(name, name) for name in bare)
        problems["unmasked_reason"] = f"{named}是较敏感字段：请选择脱敏方式，或写明不脱敏的理由"
    if item.valid_until is not None and item.valid_until <= timezone.now():
        problems["valid_until"] = "有效期须晚于现在，或留空表示长期有效"
    if problems:
        raise InvalidInput("授权没有保存。", kept="原有授权没有改变。", fields=problems)
    owner = wire.Application(item.application.code, item.application.name, ())
    try:
        privacy = wire_terms(item.privacy)
    except PrivacyError as error:
        raise InvalidInput(
            "授权没有保存。", kept="原有授权没有改变。", fields={"private": str(error)}
        ) from error
    rule = wire.Grant(
        item.application.code, item.interface.code, tuple(item.fields), item.masks,
        item.row_filter, item.per_minute, item.per_day, tuple(item.networks), kinds=tuple(item.kinds),
        minimum_group=item.minimum_group, misses_per_minute=item.misses_per_minute,
        tries_per_day=item.tries_per_day, privacy=privacy,
    )  # fmt: skip
    try:
        wire.validate(wire.Bundle((owner,), (interface,), (rule,)))
    except wire.BundleError as error:
        text = str(error).removeprefix(f"授权 {item.application.code} → {item.interface.code}：")
        raise InvalidInput(text, kept="原有授权没有改变。") from error


def _askable(item: Grant) -> list[str]:
    """Columns the application could ask for: a masked one would be found out by asking for ranges of it."""
    return [
        name
        for name in item.interface.query_columns
        if name in item.fields and item.masks.get(name, NONE) == NONE
    ]


def describe(item: Grant) -> dict[str, Any]:
    """A grant as audit keeps it."""
    return {
        "kinds": item.kinds, "minimum_group": item.minimum_group, "fields": item.fields,
        "masks": item.masks, "row_filter": item.row_filter,
        "per_minute": item.per_minute, "per_day": item.per_day, "networks": item.networks,
        "misses_per_minute": item.misses_per_minute, "tries_per_day": item.tries_per_day,
        "privacy": item.privacy,
        "valid_until": item.valid_until, "unmasked_reason": item.unmasked_reason,
    }  # fmt: skip
