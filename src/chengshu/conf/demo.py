"""Loads the demo city: each package's own loader, in the order the manifests give."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
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
    """Run every package's loader; loaders are safe to run again. Those of one order run side by side.

    Raises:
        CalledProcessError: a loader that ran beside others failed; what it said has been passed on.
    """
    loaders = sorted(
        (m.demo.order, m.name, m.key, m.demo.load) for m in registry.manifests() if m.demo
    )
    chosen = [loader for loader in loaders if not only or loader[2] == only]
    for _order, group in groupby(chosen, key=itemgetter(0)):
        alike = list(group)
        if len(alike) > 1 and (os.cpu_count() or 1) > 1:
            _load_beside([key for _, _, key, _ in alike], scale, say)
            continue
        for _, name, _, path in alike:
            _load_one(name, path, DemoContext(scale, platform("演示数据"), DEMO_PASSWORD, say))
    if not only:
        from chengshu.kernel.search.services import rebuild

        say(f"  检索索引 {sum(rebuild().values()):,} 条")
        stamp = {"scale": scale, "loaded_at": datetime.now(UTC).isoformat()}
        marker().write_text(json.dumps(stamp))


def _load_one(name: str, path: str, context: DemoContext) -> None:
    started = time.monotonic()
    import_string(path)(context)
    context.say(f"  {name} {time.monotonic() - started:.1f} 秒")


def _load_beside(keys: list[str], scale: str, say: Callable[[str], None]) -> None:
    """Each loader in a fresh process: a fork would break the lake's runtime, threads would share one interpreter."""
    command = [
        sys.executable,
        "-m",
        "chengshu.conf.cli",
        "demo",
        "load",
        "--scale",
        scale,
        "--only",
    ]
    running = [
        subprocess.Popen([*command, key], stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
        for key in keys
    ]
    # All are read to their end, whoever fails: none may be left behind half-way.
    said = [process.communicate()[0] for process in running]
    for text in said:
        for line in text.splitlines()[1:]:  # the first repeats the heading
            say(line)
    for process in running:
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, process.args)


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
