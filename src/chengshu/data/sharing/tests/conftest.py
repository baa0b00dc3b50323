"""Fixtures of sharing's tests."""

from pathlib import Path

import pytest

from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.sharing.tests.cast import CONTENT, Scene, collect_rows, rows
from chengshu_gateway.tests.sample_city import MASTER


@pytest.fixture
def scene(db, settings, data_dir: Path) -> Scene:
    """The department with 40 residents in a lake of their own."""
    settings.LAKE_ROOT = str(data_dir / "lake")
    settings.GATEWAY_DIR = data_dir / "gateway"
    settings.GATEWAY_SECRET = MASTER
    city = catalog_cast.assemble()
    resource = catalog_cast.published(city, name="resident", content=CONTENT)
    collect_rows(resource, rows(40))
    return Scene(city, resource, data_dir / "gateway")
