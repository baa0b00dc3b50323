"""Publishes to the gateway: the bundle of all rules, whole and at once.

One broken rule never stops the rest: an application, interface or grant the gateway would refuse is left out
(closed, not open) and reported on its page and in :class:`BundlePublication`.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from chengshu.data.catalog.facade import published_queryset
from chengshu.data.sharing.choices import (
    ApplicationState,
    GrantState,
    InterfaceState,
    KeyScheme,
    KeyState,
)
from chengshu.data.sharing.client_certificates import read_certificate
from chengshu.data.sharing.declarations import wire_source
from chengshu.data.sharing.models import (
    Application,
    ApplicationKey,
    BundlePublication,
    Grant,
    ShareInterface,
)
from chengshu.data.sharing.privacy import wire_terms
from chengshu.kernel.crypto.errors import SealedValueError
from chengshu.kernel.crypto.facade import open_sealed
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway import bundle as wire
from chengshu_gateway import rowfilter
from chengshu_gateway.bundle_store import publish_bundle as write_bundle
from chengshu_gateway.keys import GatewayKeys
from chengshu_gateway.privacy_terms import PrivacyError

KEY_PLACE = "sharing.application_key.secret"
# How long the gateway still knows a revoked key, to say "revoked" instead of "wrong signature".
REVOKED_KEPT = timedelta(days=90)
PROBLEM_LENGTH = 500


def gateway_dir() -> Path:
    """The gateway's data folder, for its user only: it holds secrets."""
    folder = Path(settings.GATEWAY_DIR)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder


def keys() -> GatewayKeys:
    """The gateway's derived keys."""
    return GatewayKeys.from_secret(settings.GATEWAY_SECRET)


@contextmanager
def one_at_a_time(name: str, *, wait: bool = True) -> Iterator[bool]:
    """Queue publishers of the same thing on this machine; the lock ends with the process.

    Without `wait` nobody queues: what it yields tells whether this one may go on.
    """
    descriptor = os.open(gateway_dir() / f"{name}.publishing", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        alone = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            alone = False
        yield alone
    finally:
        os.close(descriptor)


def publish_rules() -> int:
    """Write the present rules as the gateway's new bundle; return its version.

    The rules are read inside the queue: the last bundle never says less than what was committed before it.
    """
    with unit_of_work(), one_at_a_time("bundle"):
        content, problems = build_bundle()
        folder = gateway_dir() / "bundles"
        folder.mkdir(exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        version = write_bundle(folder, content, keys().bundle)
        BundlePublication.objects.create(
            version=version,
            applications=len(content.applications),
            interfaces=len(content.interfaces),
            grants=len(content.grants),
            problems=problems,
        )
    return version


def build_bundle() -> tuple[wire.Bundle, list[str]]:
    """The rules as the gateway reads them, and one sentence per rule that could not be published.

    Suspended applications and revoked keys go along as such, so that their calls are refused with the reason.
    Offline interfaces, interfaces of suspended catalogue entries and closed grants are left out.
    """
    problems: list[str] = []
    everybody = Application.objects.prefetch_related("keys")
    applications = [a for item in everybody if (a := _application(item, problems)) is not None]
    online = ShareInterface.objects.filter(
        state=InterfaceState.ONLINE, resource__in=published_queryset()
    ).select_related("resource", "source")
    interfaces = {i.code: wired for i in online if (wired := _interface(i, problems)) is not None}
    known = {item.app_id for item in applications}
    found = Grant.objects.filter(state=GrantState.ACTIVE).select_related("application", "interface")
    grants = []
    for grant in found:
        interface = interfaces.get(grant.interface.code)
        if interface is None or grant.application.code not in known:
            continue
        made, problem = publishable(grant, interface)
        problem = problem[:PROBLEM_LENGTH]
        if problem != grant.problem:
            Grant.objects.filter(pk=grant.pk).update(problem=problem)
        if problem:
            problems.append(f"授权“{grant}”：{problem}")
        if made is not None:
            grants.append(made)
    bundle = wire.Bundle(tuple(applications), tuple(interfaces.values()), tuple(grants))
    return bundle, problems


def _application(item: Application, problems: list[str]) -> wire.Application | None:
    made = wire.Application(
        app_id=item.code,
        name=item.name,
        keys=tuple(_keys(item, problems)),
        enabled=item.state == ApplicationState.ACTIVE,
    )
    return made if _sound(wire.Bundle(applications=(made,)), problems) else None


def _keys(item: Application, problems: list[str]) -> Iterator[wire.AppKey]:
    since = timezone.now() - REVOKED_KEPT
    for key in item.keys.all():
        if key.state == KeyState.REVOKED and (key.revoked_at is None or key.revoked_at < since):
            continue
        made = _key(key, problems)
        if made is not None:
            yield made


def _key(key: ApplicationKey, problems: list[str]) -> wire.AppKey | None:
    secret = ""
    if key.scheme == KeyScheme.HMAC:
        try:
            secret = open_sealed(key.secret_sealed, place=KEY_PLACE)
        except SealedValueError:
            problems.append(f"密钥 {key.key_id} 解不开（封存它的主密钥已不在），请给应用重新签发。")
            return None
    return wire.AppKey(
        key_id=key.key_id,
        secret=secret,
        state="active" if key.state == KeyState.ACTIVE else "disabled",
        expires=key.expires_at.timestamp() if key.expires_at else None,
        scheme=key.scheme,
        public_key=(
            read_certificate(key.public_key).thumbprint
            if key.scheme == KeyScheme.TLS_SELF
            else key.public_key
        ),
    )


def _interface(item: ShareInterface, problems: list[str]) -> wire.Interface | None:
    try:
        made = wire_interface(item)
    except SealedValueError:
        problems.append(f"接口“{item.title}”的认证信息解不开（封存它的主密钥已不在），请重新填写。")
        return None
    return made if _sound(wire.Bundle(interfaces=(made,)), problems) else None


def wire_interface(item: ShareInterface) -> wire.Interface:
    """An interface as the gateway reads it; a column that is gone cannot be asked any more."""
    present = {c["name"] for c in item.columns}
    source = wire_source(item, keys().source)
    return wire.Interface(
        interface_id=item.code,
        resource=item.resource.code,
        title=item.title,
        snapshot=item.code if source is None else "",
        key_column=item.key_column,
        columns=tuple(_column(c) for c in item.columns),
        queryable=tuple(name for name in item.query_columns if name in present),
        source=source,
    )


def _column(column: dict[str, Any]) -> wire.Column:
    # What was published before the descriptions were kept lacks them.
    return wire.Column(
        column["name"], column["type"], column["title"], format=column.get("format", ""),
        length=column.get("length"), required=column.get("required", False), codes=column.get("codes", {}),
    )  # fmt: skip


def _sound(bundle: wire.Bundle, problems: list[str]) -> bool:
    try:
        wire.validate(bundle)
    except wire.BundleError as error:
        problems.append(str(error))
        return False
    return True


def publishable(item: Grant, interface: wire.Interface) -> tuple[wire.Grant | None, str]:
    """A grant as the gateway reads it, and what is wrong with it ("" = nothing).

    Fields that left the interface are left out and reported. A row filter over such a field would let rows
    through that must stay hidden, therefore the whole grant stays closed then.
    """
    present = {column.name for column in interface.columns}
    gone = [name for name in item.fields if name not in present]
    problem = f"字段 {'、'.join(gone)} 已不在接口中，不再返回。" if gone else ""
    try:
        filtered = rowfilter.fields_of(item.row_filter) if item.row_filter else []
    except (ValueError, TypeError, AttributeError, KeyError, IndexError):
        return None, "行范围不合规，授权已停用。请在授权页重新设置。"
    if lost := [name for name in filtered if name not in present]:
        return None, f"行范围用到的字段 {'、'.join(lost)} 已不在接口中，授权已停用。请变更授权。"
    if len(gone) == len(item.fields):
        return None, "授权的字段都已不在接口中，授权已停用。请变更或收回授权。"
    owner = wire.Application(item.application.code, item.application.name, ())
    try:
        made = _grant(item, present)
        wire.validate(wire.Bundle((owner,), (interface,), (made,)))
    except (wire.BundleError, PrivacyError) as error:
        return None, f"{error}授权已停用，请变更授权。"
    return made, problem


def _grant(item: Grant, present: set[str]) -> wire.Grant:
    masks: dict[str, Any] = item.masks
    return wire.Grant(
        app_id=item.application.code,
        interface_id=item.interface.code,
        fields=tuple(name for name in item.fields if name in present),
        masks={name: mask for name, mask in masks.items() if name in present},
        row_filter=item.row_filter,
        per_minute=item.per_minute,
        per_day=item.per_day,
        networks=tuple(item.networks),
        valid_from=item.valid_from.timestamp(),
        valid_until=item.valid_until.timestamp() if item.valid_until else None,
        kinds=tuple(item.kinds),
        minimum_group=item.minimum_group,
        misses_per_minute=item.misses_per_minute,
        tries_per_day=item.tries_per_day,
        privacy=wire_terms(item.privacy),
    )
