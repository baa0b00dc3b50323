"""The scenes of the packages whose interfaces are tried."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core import signals
from django.db import close_old_connections
from pytest_django import Settings

from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.opening.tests import cast as opening_cast
from chengshu.data.sharing.tests import cast as sharing_cast
from chengshu_gateway.tests.sample_city import MASTER


@pytest.fixture
def shared(db: None, settings: Settings, tmp_path: Path) -> sharing_cast.Scene:
    """A department with 40 residents; the interface, the application and the grant are made by the test."""
    settings.DATA_DIR, settings.LAKE_ROOT = tmp_path, str(tmp_path / "lake")
    settings.GATEWAY_DIR = tmp_path / "gateway"
    settings.GATEWAY_SECRET = MASTER
    city = catalog_cast.assemble()
    resource = catalog_cast.published(city, name="resident", content=sharing_cast.CONTENT)
    sharing_cast.collect_rows(resource, sharing_cast.rows(40))
    return sharing_cast.Scene(city, resource, tmp_path / "gateway")


@pytest.fixture
def opened(db: None, settings: Settings, tmp_path: Path) -> opening_cast.Scene:
    """60 facilities, published as a dataset."""
    settings.DATA_DIR, settings.LAKE_ROOT = tmp_path, str(tmp_path / "lake")
    city = catalog_cast.assemble()
    resource = opening_cast.catalogued(city)
    opening_cast.collect(resource, opening_cast.rows(60))
    scene = opening_cast.Scene(city, resource)
    scene.public()
    return scene


@pytest.fixture
def one_connection() -> Iterator[Callable[[], None]]:
    """A function: from now on requests through the WSGI door keep the test's database connection."""
    doors = (signals.request_started, signals.request_finished)

    def keep() -> None:
        # Each request of the test client connects it anew.
        for door in doors:
            door.disconnect(close_old_connections)

    yield keep
    for door in doors:
        door.connect(close_old_connections)
