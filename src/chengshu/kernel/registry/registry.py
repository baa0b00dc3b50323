"""Reads the manifests of all packages once per process and answers questions about them."""

import importlib
from dataclasses import replace
from functools import cache

from django.conf import settings

from chengshu.kernel.registry.manifest import (
    Action,
    Indicator,
    Manifest,
    Menu,
    Permission,
    Portal,
    ProcessService,
    RoleTemplate,
    Schedule,
)


@cache
def manifests() -> tuple[Manifest, ...]:
    """All manifests, lowest tier first.

    Raises:
        ImportError: a package has an ``apps.py`` but no importable ``manifest.py``.
    """
    found: list[Manifest] = []
    for package in settings.CITY_PACKAGES:
        module = importlib.import_module(f"{package}.manifest")
        found.append(replace(module.MANIFEST, package=package))
    return tuple(found)


@cache
def permissions() -> dict[str, Permission]:
    """Permissions by key."""
    return {p.key: p for m in manifests() for p in m.permissions}


@cache
def roles() -> dict[str, RoleTemplate]:
    """Roles by key, with the permissions that all packages give them merged."""
    merged: dict[str, RoleTemplate] = {}
    for manifest in manifests():
        for role in manifest.roles:
            known = merged.get(role.key)
            if known is None:
                merged[role.key] = role
                continue
            merged[role.key] = RoleTemplate(
                key=role.key,
                name=known.name or role.name,
                description=known.description or role.description,
                permissions=tuple(dict.fromkeys(known.permissions + role.permissions)),
            )
    return merged


@cache
def menus(portal: Portal) -> tuple[Menu, ...]:
    """The navigation entries of one portal in display order."""
    found = [
        replace(menu, section=menu.section or m.section)
        for m in manifests() for menu in m.menus if menu.portal == portal
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda menu: menu.order))


@cache
def indicators() -> tuple[Indicator, ...]:
    """All indicators in display order."""
    return tuple(sorted((i for m in manifests() for i in m.indicators), key=lambda i: i.order))


@cache
def schedules() -> tuple[Schedule, ...]:
    """All jobs that run by themselves."""
    return tuple(s for m in manifests() for s in m.schedules)


@cache
def actions() -> dict[str, Action]:
    """Acts of the trace by key: declared ones, and permissions that double as the name of their act."""
    named = {p.key: Action(key=p.key, name=p.name) for p in permissions().values()}
    return named | {a.key: a for m in manifests() for a in m.actions}


def action_name(key: str) -> str:
    """The name of an act; one that nobody declares shows its key, which a test refuses."""
    action = actions().get(key)
    return action.name if action else key


@cache
def event_names() -> dict[str, str]:
    """Names of event types by key."""
    return {e.key: e.name for m in manifests() for e in m.events}


@cache
def process_services() -> dict[str, ProcessService]:
    """What service tasks may call, by key."""
    return {s.key: s for m in manifests() for s in m.process_services}
