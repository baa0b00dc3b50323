"""Loads the demo city: each package's own loader, in the order the manifests give."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.utils.module_loading import import_string

from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.registry import registry

DEMO_PASSWORD = "Longgang-2026"  # noqa: S105 - printed on purpose; for generated demo accounts only


@dataclass(frozen=True, slots=True)
class DemoContext:
    """What a loader gets: how large, who acts, where to say what happens."""

    scale: str
    actor: Actor
    password: str
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """A demo account as ``make up`` prints it."""

    username: str
    password: str
    title: str


def marker() -> Path:
    """The file that says which demo city this data folder holds."""
    return Path(settings.DATA_DIR) / "demo.json"


def loaded_scale() -> str | None:
    """The scale loaded, None before the first load."""
    path = marker()
    return str(json.loads(path.read_text())["scale"]) if path.is_file() else None


def load(*, scale: str, say: Callable[[str], None], only: str = "") -> None:
    """Run every package's loader; loaders are safe to run again."""
    context = DemoContext(scale, platform("演示数据"), DEMO_PASSWORD, say)
    loaders = sorted(
        ((m.demo.order, m.name, m.key, m.demo.load) for m in registry.manifests() if m.demo),
    )
    for _order, name, key, path in loaders:
        if only and key != only:
            continue
        started = time.monotonic()
        import_string(path)(context)
        say(f"  {name} {time.monotonic() - started:.1f} 秒")
    if not only:
        from chengshu.kernel.search.services import rebuild

        say(f"  检索索引 {sum(rebuild().values()):,} 条")
        stamp = {"scale": scale, "loaded_at": datetime.now(UTC).isoformat()}
        marker().write_text(json.dumps(stamp))


def accounts() -> list[DemoAccount]:
    """The demo accounts of the loaded city, by persona."""
    if loaded_scale() is None:
        return []
    from chengshu_demo import city

    roles = registry.roles()
    return [
        DemoAccount(a.username, DEMO_PASSWORD, f"{a.name}（{roles[a.role].name}）")
        for a in city().accounts
    ]
