"""Fixtures of the collection tests: an own data folder and lake, a published entry, its officer."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from chengshu.data.catalog.models import Resource
from chengshu.data.ingest import loading
from chengshu.data.ingest.tests import factories
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast


@pytest.fixture
def lake_dir(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """An empty data folder with an empty lake."""
    settings.DATA_DIR = tmp_path
    settings.LAKE_ROOT = str(tmp_path / "lake")
    loading.lake.cache_clear()
    yield tmp_path
    loading.lake.cache_clear()


@pytest.fixture
def resource(cast: Cast, lake_dir: Path) -> Resource:
    """An entry of department A."""
    return factories.publish(cast.department_a)


@pytest.fixture
def officer(cast: Cast, actor_for: Callable[[Account], Actor]) -> Actor:
    """The data officer of department A."""
    return actor_for(cast.officer_a)
