"""``check`` and ``scope``: the two questions every service and selector asks.

A model says where it belongs with a class attribute ``ACCESS = AccessRule(organization="provider__path")``; the
lookup leads to the organisation's materialised path. A model without a rule is city-wide: a permission held anywhere
is not enough for it, it must be held at the root of the city.
"""

from functools import reduce
from operator import or_
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.protocol import AccessRule
from chengshu.kernel.errors import NotAllowed, NotSignedIn
from chengshu.kernel.registry import registry

M = TypeVar("M", bound=Model)


def holds(actor: Actor, permission: str) -> bool:
    """Tell whether ``actor`` holds ``permission`` at any organisation (for menus and route entry)."""
    return actor.system or bool(actor.scopes.get(permission))


def allows(actor: Actor, permission: str, obj: Model | None = None) -> bool:
    """Tell whether ``actor`` may use ``permission`` on ``obj`` (on anything, when ``obj`` is None)."""
    if permission not in registry.permissions():
        raise LookupError(f"permission {permission!r} is in no manifest")
    if actor.system:
        return True
    scopes = actor.scopes.get(permission, ())
    if obj is None or not scopes:
        return bool(scopes)
    rule = getattr(type(obj), "ACCESS", AccessRule())
    if rule.everywhere:
        return True
    path = _follow(obj, rule.organization) if rule.organization else "/"
    region = _follow(obj, rule.region) if rule.region else ""
    return any(
        str(path or "/").startswith(s.organization_path)
        and (not s.region or str(region or "").startswith(s.region))
        for s in scopes
    ) or (not rule.organization and any(s.organization_path.count("/") == 2 for s in scopes))  # noqa: PLR2004 - "/root/" has two slashes


def check(actor: Actor, permission: str, obj: Model | None = None) -> None:
    """Raise unless ``actor`` may use ``permission`` on ``obj``.

    Raises:
        NotSignedIn: nobody is signed in.
        NotAllowed: the permission is missing, or does not reach ``obj``.
    """
    if allows(actor, permission, obj):
        return
    if not actor.is_signed_in and not actor.system:
        raise NotSignedIn("这个页面需要登录后使用。")
    name = registry.permissions()[permission].name
    where = f"（对象：{obj}）" if obj is not None else ""
    raise NotAllowed(
        f"您没有“{name}”的权限{where}。",
        kept="没有做任何改动。",
        advice="如工作需要，请联系本单位的数据专员或智慧城市建设中心开通。",
    )


def scope(actor: Actor, permission: str, queryset: "QuerySet[M]") -> "QuerySet[M]":
    """Narrow ``queryset`` to what ``actor`` may use ``permission`` on."""
    if actor.system:
        return queryset
    scopes = actor.scopes.get(permission, ())
    if not scopes:
        return queryset.none()
    rule: AccessRule = getattr(queryset.model, "ACCESS", AccessRule())
    if rule.everywhere:
        return queryset
    if not rule.organization:
        at_root = any(s.organization_path.count("/") == 2 for s in scopes)  # noqa: PLR2004 - "/root/"
        return queryset if at_root else queryset.none()
    parts: list[Q] = []
    for item in scopes:
        part = Q(**{f"{rule.organization}__startswith": item.organization_path})
        if item.region and rule.region:
            part &= Q(**{f"{rule.region}__startswith": item.region})
        parts.append(part)
    return queryset.filter(reduce(or_, parts))


def _follow(obj: Any, lookup: str) -> Any:
    for name in lookup.split("__"):
        if obj is None:
            return None
        obj = getattr(obj, name)
    return obj


__all__ = ["AccessRule", "allows", "check", "holds", "scope"]
