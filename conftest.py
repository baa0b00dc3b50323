"""What every test run shares: nothing is skipped silently in CI, and every rendered template is noted."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from tests import migrated, statements

# A busy machine is no fault of the code: how long an example takes is measured in benchmarks/, never in a test.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

ROOT = Path(__file__).parent
RENDERED = ROOT / "build" / "rendered"
_names: set[str] = set()


def _note(sender: Any, template: Any, **_kwargs: Any) -> None:
    del sender
    if template.name:
        _names.add(template.name)


@pytest.fixture(autouse=True, scope="session")
def _note_rendered_templates() -> Iterator[None]:
    """``tools/run_tests.py`` compares these with the templates on disk after the last run."""
    from django.test.signals import template_rendered

    template_rendered.connect(_note)
    yield
    template_rendered.disconnect(_note)
    RENDERED.mkdir(parents=True, exist_ok=True)
    (RENDERED / f"{os.getpid()}.json").write_text(json.dumps(sorted(_names)))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,  # noqa: ARG001 - comes after the worker's suffix
) -> Iterator[None]:
    """The test database starts as a copy of one that was migrated once."""
    from django.conf import settings as city

    keeper = migrated.prepare(city.DATABASES["default"])
    yield
    if keeper is not None:
        keeper.close()


@pytest.fixture(scope="session")
def migrated_sqlite() -> Path:
    """A migrated SQLite file to copy from, for cities on disk."""
    return migrated.sqlite_template()


DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup"}


@pytest.fixture(autouse=True)
def _note_statements(request: pytest.FixtureRequest) -> Iterator[None]:
    """A later run on another database takes its tests by these notes."""
    if os.environ.get("CHENGSHU_TEST_DATABASE_URL") or not _asks_database(request.node):
        yield
        return
    with statements.noted(request.node.nodeid):
        yield


@pytest.fixture(autouse=True, scope="session")
def _keep_statements() -> Iterator[None]:
    yield
    if not os.environ.get("CHENGSHU_TEST_DATABASE_URL"):
        statements.write()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A run on another database asks only what asks the database; the rest was asked once."""
    if not os.environ.get("CHENGSHU_TEST_DATABASE_URL"):
        return
    chosen = [item for item in items if _asks_database(item)]
    if os.environ.get("CHENGSHU_TEST_STATEMENTS") == "once":
        asked = statements.read()
        always = {
            item.nodeid for item in chosen if _keeps_transactions(item) or item.nodeid not in asked
        }
        taken = statements.fewest(asked, always)
        chosen = [item for item in chosen if item.nodeid in taken]
    kept = set(chosen)
    left = [item for item in items if item not in kept]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = chosen


def _keeps_transactions(item: pytest.Item) -> bool:
    """Whether a test has real transactions, not one around it that is rolled back."""
    from django.test import TestCase, TransactionTestCase

    mark = item.get_closest_marker("django_db")
    kind = getattr(item, "cls", None) or object
    return (
        bool(mark is not None and mark.kwargs.get("transaction"))
        or "transactional_db" in getattr(item, "fixturenames", ())
        or (issubclass(kind, TransactionTestCase) and not issubclass(kind, TestCase))
    )


def _asks_database(item: pytest.Item) -> bool:
    from django.test import TransactionTestCase

    return (
        item.get_closest_marker("django_db") is not None
        or bool(DATABASE_FIXTURES.intersection(getattr(item, "fixturenames", ())))
        or issubclass(getattr(item, "cls", None) or object, TransactionTestCase)
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Any:
    """With ``CHENGSHU_REQUIRE_ALL=1`` a skip is a failure: a missing server must not look like success."""
    report = yield
    if (
        os.environ.get("CHENGSHU_REQUIRE_ALL") == "1"
        and report.skipped
        and not hasattr(report, "wasxfail")
    ):
        report.outcome = "failed"
        report.longrepr = f"skipped although CHENGSHU_REQUIRE_ALL=1: {report.longrepr}"
    return report
