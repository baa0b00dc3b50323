"""Fixtures every package's tests may use: the fixed cast, actors and signed-in clients."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast, make_cast


@pytest.fixture(scope="session", autouse=True)
def static_root() -> None:
    """The folder WhiteNoise warns about when nobody has collected static files, as in a test run."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


BACKEND = "chengshu.kernel.identity.backends.AccountBackend"


@pytest.fixture
def cast(db: None) -> Cast:  # noqa: ARG001 - asks for the database
    """The city's fixed cast; see ``kernel.identity.tests.cast``."""
    return make_cast()


@pytest.fixture
def actor_for() -> Callable[[Account], Actor]:
    """A function that makes the actor of an account, as a request would."""

    def make(account: Account) -> Actor:
        return Actor(account=account, name=account.display_name, address="127.0.0.1")

    return make


@pytest.fixture
def client_for() -> Callable[[Account], Client]:
    """A function that makes a signed-in test client for an account."""

    def make(account: Account) -> Client:
        client = Client()
        client.force_login(account, backend=BACKEND)
        return client

    return make


@pytest.fixture
def data_dir(tmp_path: Path, settings: Settings) -> Path:
    """An empty data folder of one's own, for tests that look at files."""
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def postgres_url() -> str:
    """Address of a real PostgreSQL server on which the user may create databases, schemas and roles."""
    url = os.environ.get("CHENGSHU_TEST_POSTGRES_URL", "")
    if not url:
        pytest.skip("no PostgreSQL server (CHENGSHU_TEST_POSTGRES_URL is not set)")
    return url


@pytest.fixture
def mariadb_url() -> str:
    """Address of a real MariaDB server (``mysql://user:password@host:port``) whose user may create databases."""
    url = os.environ.get("CHENGSHU_TEST_MARIADB_URL", "")
    if not url:
        pytest.skip("no MariaDB server (CHENGSHU_TEST_MARIADB_URL is not set)")
    return url
