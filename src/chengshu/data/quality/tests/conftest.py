"""Fixtures of the quality tests: a loaded register with known faults, evaluated."""

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
    """A register of department A; its identity numbers are those of men, born 1980-01-01."""
    return factories.publish(cast.department_a)


@pytest.fixture
def officer(cast: Cast, actor_for: Callable[[Account], Actor]) -> Actor:
    """The data officer of department A."""
    return actor_for(cast.officer_a)


@pytest.fixture
def loaded(resource: Resource, officer: Actor) -> Resource:
    """Ten rows: two whose gender contradicts the number, one refused for its check digit."""
    rows = [factories.row(n, 身份证号=factories.id_number(2 * n + 1)) for n in range(1, 8)]
    rows += [factories.row(n, 身份证号=factories.id_number(2 * n)) for n in (8, 9)]
    wrong = factories.id_number(21)
    rows.append(factories.row(10, 身份证号=wrong[:-1] + ("1" if wrong[-1] != "1" else "2")))
    items = [
        dict(item, title="公民身份号码") if item["name"] == "id_number" else dict(item)
        for item in factories.ITEMS
    ]
    factories.publish(resource.provider, items, resource=resource)
    resource.refresh_from_db()
    headers = tuple("公民身份号码" if h == "身份证号" else h for h in factories.HEADERS)
    batch = factories.load(officer, resource, factories.table(rows, headers))
    assert (batch.accepted, batch.quarantined) == (9, 1)
    return resource
