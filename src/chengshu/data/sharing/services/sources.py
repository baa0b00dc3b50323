"""Register a department's own HTTP interface as a shared interface, and change how it is called."""

import ipaddress
import json
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from chengshu.data.catalog.facade import PublishedResource, published
from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.declarations import (
    HEADERS_PLACE,
    Declaration,
    column_of,
    host_of,
    source_of,
)
from chengshu.data.sharing.models import ProxySource, ShareInterface
from chengshu.data.sharing.services.applications import changed
from chengshu.data.sharing.services.interfaces import draft_interface
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.facade import seal
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway import sources
from chengshu_gateway.relay.addresses import allowed

_KEPT = "没有保存，原来的设置没有变。"


def register_source(
    *,
    actor: Actor,
    resource_code: str,
    code: str,
    title: str,
    key_column: str = "",
    declaration: Declaration,
) -> ShareInterface:
    """Create a proxied interface for a catalogued resource; it can be granted at once.

    ``key_column`` names the field that says whom a record is about, for the trail; it may be empty.

    Raises:
        InvalidInput: code taken or malformed, the declaration cannot be called safely.
        Conflict: the resource is catalogued as 不予共享.
    """
    resource = published(resource_code)
    item, problems = draft_interface(
        actor=actor, resource=resource, code=code, title=title, key_column=key_column,
        act="登记代理接口",
    )  # fmt: skip
    _check(declaration, resource, key_column, problems)
    item.columns = _columns(resource, declaration)
    item.state, item.published_at = InterfaceState.ONLINE, timezone.now()
    with unit_of_work():
        item.save()
        source = _fill(ProxySource(interface=item), declaration)
        source.save()
        record(
            actor=actor, action="sharing.source_registered", obj=item,
            after={"resource": resource_code, **_told(source)},
        )  # fmt: skip
        changed("interface.created", item.code)
    return item


def change_source(
    *, actor: Actor, interface: ShareInterface, key_column: str = "", declaration: Declaration
) -> ShareInterface:
    """Change how the department is called, effective at the gateway within two seconds.

    Raises:
        InvalidInput: as for :func:`register_source`. Conflict: this interface is no proxied one.
    """
    check(actor, "sharing.interface.manage", interface)
    source = source_of(interface)
    if source is None:
        raise Conflict("这个接口不是代理接口。", advice="请为部门接口另行登记。")
    resource = published(interface.resource.code)
    _check(declaration, resource, key_column, {})
    before = _told(source)
    with unit_of_work():
        interface.columns = _columns(resource, declaration)
        interface.key_column = key_column
        interface.save(update_fields=["columns", "key_column"])
        _fill(source, declaration).save()
        record(
            actor=actor, action="sharing.source_changed", obj=interface, before=before,
            after=_told(source),
        )  # fmt: skip
        changed("interface.changed", interface.code)
    return interface


def _check(
    declaration: Declaration, resource: PublishedResource, key_column: str, problems: dict[str, str]
) -> None:
    names = {column.name for column in resource.columns}
    if key_column and key_column not in declaration.mapping:
        problems["key_column"] = "须是返回字段之一"
    try:
        sources.check(declaration.source(), names)
        sources.check_headers(declaration.headers or {})
    except sources.SourceError as error:
        problems.setdefault("url", str(error))
    else:
        if not _reachable(declaration.url):
            problems["url"] = (
                "这个地址不是公网地址，也不在管理员允许的网段内。请联系平台管理员登记网段"
            )
    if problems:
        raise InvalidInput("代理接口没有保存。", kept=_KEPT, fields=problems)


def _reachable(url: str) -> bool:
    """Whether an address written as such may be called; a name is judged at each call."""
    try:
        address = ipaddress.ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return True
    return allowed(address, [ipaddress.ip_network(each) for each in settings.PROXY_NETWORKS])


def _columns(resource: PublishedResource, declaration: Declaration) -> list[dict[str, Any]]:
    return [column_of(c) for c in resource.columns if c.name in declaration.mapping]


def _fill(source: ProxySource, declaration: Declaration) -> ProxySource:
    source.url, source.method = declaration.url, declaration.method
    source.parameters = [
        {
            "name": p.name, "title": p.title, "required": p.required, "place": p.place,
            "length": p.length,
        }
        for p in declaration.parameters
    ]  # fmt: skip
    source.mapping, source.rows_at = declaration.mapping, declaration.rows_at
    source.success_at, source.success_is = declaration.success_at, list(declaration.success_is)
    source.timeout_ms, source.attempts = declaration.timeout_ms, declaration.attempts
    source.idempotent, source.cache_seconds = declaration.idempotent, declaration.cache_seconds
    source.most, source.absent_404 = declaration.most, declaration.absent_404
    if declaration.headers is not None:
        text = json.dumps(declaration.headers) if declaration.headers else ""
        source.headers_sealed = seal(text, place=HEADERS_PLACE)
    return source


def _told(source: ProxySource) -> dict[str, Any]:
    """A source as audit keeps it: never its credentials, nor what an address may carry of them."""
    return {
        "host": host_of(source), "method": source.method, "mapping": source.mapping,
        "parameters": [p["name"] for p in source.parameters], "timeout_ms": source.timeout_ms,
        "attempts": source.attempts, "cache_seconds": source.cache_seconds, "most": source.most,
        "authenticated": bool(source.headers_sealed),
    }  # fmt: skip
