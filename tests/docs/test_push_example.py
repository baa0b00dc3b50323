"""The guide to pushing keeps its word: its example runs as printed against a live platform."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.services import pushing
from chengshu.data.ingest.tests import factories
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.identity.tests.cast import make_cast
from tests.docs.examples import examples_of

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "push.md"
ITEMS = [
    {"name": "code", "title": "代码", "is_key": True, "nullable": False, "length": 12},
    {"name": "name", "title": "名称", "length": 60},
]


@pytest.mark.service
@pytest.mark.django_db(transaction=True)
def test_the_example_of_the_guide_prints_what_it_promises_and_loads(
    live_server: Any, tmp_path: Path, settings: Any
) -> None:
    settings.DATA_DIR, settings.LAKE_ROOT = tmp_path, str(tmp_path / "lake")
    cast = make_cast()
    resource = factories.publish(cast.department_a, ITEMS)
    officer = Actor(account=cast.officer_a, name=cast.officer_a.display_name)
    _, text = pushing.issue_token(actor=officer, name="例子", owner=cast.department_a)
    [example] = examples_of(GUIDE)
    done = subprocess.run(
        [sys.executable, "-c", example.code], capture_output=True, text=True, timeout=60, check=False,
        env={
            **os.environ, "CHENGSHU_PLATFORM": live_server.url, "CHENGSHU_PUSH_TOKEN": text,
            "CHENGSHU_PUSH_RESOURCE": resource.code, "PYTHONIOENCODING": "utf-8",
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == example.output
    batch = Batch.objects.get()
    assert (batch.state, batch.options["rows"]) == (BatchState.QUEUED, 4)
