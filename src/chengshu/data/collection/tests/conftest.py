"""A source one can put rows into, change and break, beside the usual entry, officer and lake."""

from collections.abc import Callable, Iterator

import pytest

from chengshu.data.catalog.models import Resource
from chengshu.data.collection.tests.shop import SHOP, Shop, ShopConnector
from chengshu.data.ingest.facade import DataSource, connectors
from chengshu.data.ingest.tests.conftest import lake_dir, officer, resource
from chengshu.kernel.identity.tests.cast import Cast

__all__ = ["lake_dir", "officer", "resource"]


@pytest.fixture
def shop() -> Iterator[Shop]:
    """An empty table of the fake source."""
    connectors()["shop"] = ShopConnector()
    SHOP.clear()
    yield SHOP
    SHOP.clear()
    connectors().pop("shop", None)


@pytest.fixture
def source(cast: Cast, shop: Shop) -> DataSource:
    """The fake source, registered."""
    return DataSource.objects.create(name="测试库", owner=cast.department_a, kind="shop")


@pytest.fixture
def planned(resource: Resource, source: DataSource, officer: object) -> Callable[..., object]:
    """A function that makes a plan."""
    from chengshu.data.collection.tests.factories import make_plan

    def make(**changes: object) -> object:
        return make_plan(officer, changes.pop("resource", resource), source, **changes)

    return make
