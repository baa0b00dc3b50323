"""``check`` and ``scope``: the two questions every service and selector asks.

A model says where it belongs with a class attribute ``ACCESS = AccessRule(organization="provider__path")``; the
lookup leads to the organisation's materialised path. A model without a rule is city-wide, and so is an object that
belongs to no organisation: a permission held anywhere is not enough for it, it must be held at the root of the city.
A permission narrowed to a region reaches only models that say which region they are in.
"""

from functools import reduce
from operator import or_
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from chengshu.kernel.access.actor import Actor, Scope
from chengshu.kernel.belonging import AccessRule
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
    path = _follow(obj, rule.organization) if rule.organization else None
    region = _follow(obj, rule.region) if rule.region else None
    return any(_reaches(item, path, region) for item in scopes)


def _reaches(item: Scope, path: Any, region: Any) -> bool:
    if item.region and not str(region or "").startswith(item.region):
        return False
    return str(path).startswith(item.organization_path) if path else _is_root(item)


def _is_root(item: Scope) -> bool:
    """Whether a scope covers the whole city: the root's path "/root/" has two slashes."""
    return item.organization_path.count("/") == 2  # noqa: PLR2004 - as said


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
    parts = [part for item in scopes if (part := _condition(rule, item)) is not None]
    return queryset.filter(reduce(or_, parts)) if parts else queryset.none()


def _condition(rule: AccessRule, item: Scope) -> Q | None:
    """The rows one scope reaches; None when it reaches none of this model."""
    if item.region and not rule.region:
        return None
    if not rule.organization:
        if not _is_root(item):
            return None
        part = ~Q(pk__in=[])  # everything; an empty Q() would vanish in an OR
    else:
        part = Q(**{f"{rule.organization}__startswith": item.organization_path})
        if _is_root(item):
            part |= Q(**{f"{rule.organization}__isnull": True})
    return part & Q(**{f"{rule.region}__startswith": item.region}) if item.region else part


def _follow(obj: Any, lookup: str) -> Any:
    for name in lookup.split("__"):
        if obj is None:
            return None
        obj = getattr(obj, name)
    return obj


__all__ = ["AccessRule", "allows", "check", "holds", "scope"]
