"""Fixtures of the tests of changes: the catalogue's cast, signed-in browsers, and consumers as packages would tell."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from chengshu.data.catalog.change import consumers
from chengshu.data.catalog.change.consumers import Consumer
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


@pytest.fixture
def uses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Consumer]]:
    """A list of consumers that every entry has; fill it."""
    found: list[Consumer] = []
    monkeypatch.setattr(consumers, "PROVIDERS", {"test": lambda _resource_id: found})
    return found  # type: ignore[return-value]
