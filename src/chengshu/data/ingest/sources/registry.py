"""Finds the kinds of sources by walking this folder, so that no central list has to be edited."""

import importlib
import pkgutil
from functools import cache
from pathlib import Path

from chengshu.data.ingest.sources.base import Connector
from chengshu.data.ingest.sources.errors import Reason, SourceError


@cache
def connectors() -> dict[str, Connector]:
    """All kinds by key, in the order people see them."""
    found: list[Connector] = []
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.ispkg or module.name in ("registry", "base", "errors"):
            continue
        declared = getattr(importlib.import_module(f"{package}.{module.name}"), "CONNECTOR", None)
        if declared is not None:
            found.append(declared)
    found.sort(key=lambda c: (c.order, c.key))
    return {c.key: c for c in found}


def connector(kind: str) -> Connector:
    """The connector of a kind.

    Raises:
        SourceError: this installation has no such kind.
    """
    found = connectors().get(kind)
    if found is None:
        raise SourceError(
            Reason.OTHER, f"这里没有“{kind}”这一类数据源。", "请联系平台运维检查安装的版本。"
        )
    return found
