"""Fixtures of the tests of the exchange: the catalogue's cast and signed-in browsers."""

from collections.abc import Callable

import pytest
from django.test import Client

from chengshu.data.catalog.tests.cast import Cast, assemble
from chengshu.kernel.access.actor import Actor


@pytest.fixture
def cast(db: None) -> Cast:
    """The catalogue's fixed cast."""
    return assemble()


@pytest.fixture
def browse(client_for: Callable[..., Client]) -> Callable[[Actor], Client]:
    """A signed-in client of an actor."""
    return lambda actor: client_for(actor.account)
