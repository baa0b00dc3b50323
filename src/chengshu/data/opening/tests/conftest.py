"""Fixtures of opening's tests."""

from pathlib import Path

import pytest

from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.opening.tests.cast import (
    RESTRICTED,
    SENSITIVE,
    Scene,
    catalogued,
    collect,
    keepers,
    rows,
)


@pytest.fixture
def scene(db, settings, data_dir: Path) -> Scene:
    """The department with 60 facilities in a lake of their own."""
    settings.LAKE_ROOT = str(data_dir / "lake")
    city = catalog_cast.assemble()
    resource = catalogued(city)
    collect(resource, rows(60))
    return Scene(city, resource)


@pytest.fixture
def sensitive(db, settings, data_dir: Path) -> Scene:
    """The department with 60 facilities whose keepers, dates and costs are above L1: openable masked."""
    settings.LAKE_ROOT = str(data_dir / "lake")
    city = catalog_cast.assemble()
    resource = catalogued(city, content=SENSITIVE)
    collect(resource, keepers(60))
    return Scene(city, resource)


@pytest.fixture
def bound(db, settings, data_dir: Path) -> Scene:
    """The same department and data, catalogued as 受限开放."""
    settings.LAKE_ROOT = str(data_dir / "lake")
    city = catalog_cast.assemble()
    resource = catalogued(city, content=RESTRICTED)
    collect(resource, keepers(60))
    return Scene(city, resource)
