"""The definitions the manifests declare, their versions, and the plans that run them.

A file becomes a version when a case first starts on it: publishing is deploying, nothing is written at start-up, and
two processes that start at once agree because a version is known by the digest of its text.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error
from django.db import IntegrityError, transaction
from django.db.models import Max

from chengshu.kernel.errors import NotFound
from chengshu.kernel.process import engine
from chengshu.kernel.process.definition.elements import Process
from chengshu.kernel.process.definition.reading import BadDefinition, Problem, read
from chengshu.kernel.process.models import ProcessVersion
from chengshu.kernel.registry import registry

PLANS_IN_MEMORY = 256


@dataclass(frozen=True, slots=True)
class Declared:
    """A definition as its package brings it."""

    package: str
    file: str
    source: bytes
    process: Process

    @property
    def digest(self) -> str:
        """What the version is known by."""
        return hashlib.sha256(self.source).hexdigest()


@cache
def declared() -> dict[str, Declared]:
    """Every definition of the manifests by key.

    Raises:
        BadDefinition: a file has mistakes, is missing, or two files bring the same process.
    """
    found: dict[str, Declared] = {}
    known = frozenset(registry.process_services())
    for manifest in registry.manifests():
        for name in manifest.processes:
            item = _load(manifest.package, name, known)
            if item.process.key in found:
                where = found[item.process.key]
                problem = Problem(1, item.process.key, f"{where.package} 已有同名的流程")
                raise BadDefinition([problem], file=name)
            found[item.process.key] = item
    return found


def _load(package: str, name: str, services: frozenset[str]) -> Declared:
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    path = Path(folders[0], name) if folders else Path(name)
    if not path.is_file():
        raise BadDefinition([Problem(0, package, "清单里写的文件不存在")], file=name)
    source = path.read_bytes()
    return Declared(package, name, source, read(source, services=services, file=name))


def check_definitions(
    app_configs: Sequence[AppConfig] | None = None, **_kwargs: Any
) -> list[CheckMessage]:
    """Django system check: a process with a mistake stops the program, not a citizen's case."""
    del app_configs
    try:
        declared()
    except BadDefinition as error:
        return [Error(error.message, id="chengshu.E002")]
    return []


def current(key: str) -> ProcessVersion:
    """The version new cases start on.

    Raises:
        NotFound: no manifest declares such a process.
    """
    item = declared().get(key)
    if item is None:
        raise NotFound(f"没有名为 {key} 的流程。", advice="请检查应用的清单是否已声明。")
    found = ProcessVersion.objects.filter(key=key, digest=item.digest).defer("source").first()
    return found or _publish(item)


def _publish(item: Declared) -> ProcessVersion:
    key = item.process.key
    last = ProcessVersion.objects.filter(key=key).aggregate(last=Max("number"))["last"] or 0
    try:
        with transaction.atomic():
            return ProcessVersion.objects.create(
                key=key, number=last + 1, name=item.process.name, package=item.package,
                digest=item.digest, source=item.source.decode("utf-8"),
            )  # fmt: skip
    except IntegrityError:  # another process was first
        return ProcessVersion.objects.get(key=key, digest=item.digest)


def plan_of(version: ProcessVersion) -> engine.Plan:
    """The version ready to run; read and compiled once per process."""
    return _plan(version.digest, version.pk)


@lru_cache(maxsize=PLANS_IN_MEMORY)
def _plan(digest: str, version: int) -> engine.Plan:
    # The digest keeps a database that was put back from an old copy from running another text under the same key.
    text = ProcessVersion.objects.values_list("source", flat=True).get(pk=version, digest=digest)
    source = text.encode("utf-8")
    return engine.compile_plan(read(source), source)
