"""Validates manifests at start-up: a wrong manifest stops the program instead of hiding a menu or a permission."""

from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from chengshu.kernel.registry import registry
from chengshu.kernel.registry.manifest import LAYERS, Manifest


def check_manifests(
    app_configs: Sequence[AppConfig] | None = None, **_kwargs: Any
) -> list[CheckMessage]:
    """Django system check: unique keys, known permissions, resolvable URLs and dotted paths."""
    del app_configs
    return [Error(text, id="chengshu.E001") for text in problems(registry.manifests())]


def problems(manifests: Sequence[Manifest]) -> list[str]:
    """Return one sentence per mistake in ``manifests``."""
    known = {p.key for m in manifests for p in m.permissions}
    found: list[str] = []
    for title, keys in _key_groups(manifests):
        found += [f"{title} {key!r} is declared twice" for key, n in Counter(keys).items() if n > 1]
    named_roles = {r.key for m in manifests for r in m.roles if r.name}
    for manifest in manifests:
        where = f"manifest {manifest.key}"
        found += _check_menus(manifest, known, where)
        for role in manifest.roles:
            if role.key not in named_roles:
                found.append(f"{where}: role {role.key!r} has no owner that names it")
            found += [
                f"{where}: role {role.key!r} uses unknown permission {key!r}"
                for key in role.permissions
                if key not in known
            ]
        found += _check_paths(manifest, where)
    return found


def _key_groups(manifests: Sequence[Manifest]) -> Iterable[tuple[str, list[str]]]:
    yield "manifest", [m.key for m in manifests]
    yield "permission", [p.key for m in manifests for p in m.permissions]
    yield "indicator", [i.key for m in manifests for i in m.indicators]
    yield "schedule", [s.key for m in manifests for s in m.schedules]
    yield "event", [e.key for m in manifests for e in m.events]
    yield "action", [a.key for m in manifests for a in m.actions]
    yield "process service", [s.key for m in manifests for s in m.process_services]
    yield "role owner", [r.key for m in manifests for r in m.roles if r.name]


def _check_menus(manifest: Manifest, known: set[str], where: str) -> list[str]:
    found = []
    for menu in manifest.menus:
        if menu.permission and menu.permission not in known:
            found.append(
                f"{where}: menu {menu.title!r} uses unknown permission {menu.permission!r}"
            )
        if menu.portal == "console" and menu.layer not in LAYERS:
            found.append(f"{where}: menu {menu.title!r} is in unknown layer {menu.layer!r}")
        for name in (menu.url_name, *menu.also):
            try:
                reverse(name)
            except NoReverseMatch:
                found.append(f"{where}: menu {menu.title!r} points to unknown page {name!r}")
    return found


def _module_exists(path: str) -> bool:
    try:
        return find_spec(path.rpartition(".")[0]) is not None
    except ImportError:
        return False


def _check_paths(manifest: Manifest, where: str) -> list[str]:
    paths = [i.compute for i in manifest.indicators]
    paths += [m.badge for m in manifest.menus if m.badge]
    paths += [s.call for s in manifest.process_services]
    if manifest.search:
        paths.append(manifest.search)
    found = []
    if manifest.demo and not _module_exists(manifest.demo.load):
        # Found but not imported: the generator of a demo city is not for every process at its start.
        found.append(f"{where}: {manifest.demo.load!r} cannot be imported (no such module)")
    for path in paths:
        try:
            import_string(path)
        except ImportError as error:
            found.append(f"{where}: {path!r} cannot be imported ({error})")
    return found
