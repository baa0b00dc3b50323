"""Fixtures of the catalogue's tests."""

import pytest

from chengshu.data.catalog.tests.cast import Cast, assemble


@pytest.fixture
def cast(db) -> Cast:
    return assemble()
