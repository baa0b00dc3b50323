"""What every test run shares: nothing is skipped silently in CI, and every rendered template is noted."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

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
