"""Fixtures of cascading's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from chengshu.data.cascade.adapters import api
from chengshu.data.cascade.tests.cast import NETWORK, Scene, Wire, assemble
from chengshu.data.ingest import loading


@pytest.fixture
def faults() -> list[str]:
    """What goes wrong with the next calls, in their order."""
    return []


@pytest.fixture
def scene(
    db: None,
    data_dir: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    faults: list[str],
) -> Iterator[Scene]:
    """Both sides, with a wire between them that needs no socket."""
    settings.LAKE_ROOT = str(data_dir / "lake")
    settings.PROXY_NETWORKS = [NETWORK]
    settings.ALLOWED_HOSTS = ["*"]
    settings.SOURCES_MAY_BE_LOCAL = True
    monkeypatch.setattr(api, "JudgedTransport", lambda: Wire(faults))
    loading.lake.cache_clear()
    yield assemble()
    loading.lake.cache_clear()
