"""Two cities, each in processes and a database of its own, cascade over a socket; the lower one is killed twice."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.service
SOURCE = Path(__file__).resolve().parents[4]
PATIENCE_SECONDS = 120
ABOVE = """
from chengshu.data.cascade.tests import cast
from chengshu.data.cascade.choices import Role
from chengshu.data.cascade.services import channels, platforms
from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.kernel.access.actor import platform
city = catalog_cast.assemble()
above = catalog_cast.published(city, name="upper_resident", content=cast.content("全市人口", cast.UPPER_ITEMS))
lower, secret = platforms.register(
    actor=city.admin, content=platforms.Registration(name="龙港市", role=Role.LOWER, rank="county"))
channels.open_channel(actor=platform(), platform=lower, dataset="resident", resource_code=above.code)
print(json.dumps([lower.app, lower.key_id, secret]))
"""
BELOW = """
from chengshu.data.cascade.tests import cast
from chengshu.data.cascade.services import delivering, planning, platforms
from chengshu.data.catalog.tests import cast as catalog_cast
city = catalog_cast.assemble()
resource = catalog_cast.published(city, name="resident", content=cast.content("常住人口", cast.ITEMS))
cast.put(resource, cast.rows(50))
upper, _ = platforms.register(actor=city.admin, content=platforms.Registration(
    name="温州市", rank="city", address=URL, app=APP, key_id=KEY, secret=SECRET))
print(platforms.test_connection(actor=city.admin, platform=upper))
plan = planning.create(actor=city.admin, platform=upper, resource_code=resource.code, dataset="resident",
    content=planning.PlanContent(fields=cast.FIELDS, basis="文号", part_rows=10))
planning.submit(actor=city.admin, plan=plan)
planning.decide(actor=city.second_admin, plan=plan, agree=True)
delivering.start(actor=city.admin, plan=plan)
"""
# Killed when the other side has the third file, or the note, and we have not yet written that it has.
DELIVER = """
import os, signal
from chengshu.data.cascade import rounds
from chengshu.data.cascade.adapters.api import ApiUpper
from chengshu.data.cascade.models import Platform
whole = getattr(ApiUpper, WHERE, None)
calls = []
def dying(self, note, *more):
    whole(self, note, *more)
    calls.append(1)
    if len(calls) == AFTER:
        os.kill(os.getpid(), signal.SIGKILL)
if whole:
    setattr(ApiUpper, WHERE, dying)
rounds.run(Platform.objects.get())
"""
RESULT = """
from chengshu.data.cascade.models import Outgoing
item = Outgoing.objects.get()
print(json.dumps([item.state, item.rows, item.accepted, item.refused, item.duplicates, item.error]))
"""
LOADED = """
from django.conf import settings
from chengshu.data.cascade.models import Incoming
from chengshu.data.cascade.tests.cast import run_jobs
from chengshu.data.ingest.models import Batch
from chengshu_lake import Lake
run_jobs()
lake = Lake(settings.LAKE_ROOT)
rows = lake.count("std/upper_resident") if lake.exists("std/upper_resident") else 0
print(json.dumps([Incoming.objects.count(), Batch.objects.count(), rows]))
"""


@dataclass(frozen=True, slots=True)
class City:
    """A migrated city in a folder of its own."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CHENGSHU_", "PYTEST_"))}
        return kept | {
            "DJANGO_SETTINGS_MODULE": "chengshu.conf.settings.test", "PYTHONPATH": str(SOURCE),
            "CHENGSHU_TEST_DATA_DIR": str(self.folder), "CHENGSHU_PROXY_NETWORKS": "127.0.0.0/8",
            "CHENGSHU_SOURCES_MAY_BE_LOCAL": "1",
        }  # fmt: skip

    def python(self, code: str, *, dies: bool = False) -> str:
        """Run code inside the city; returns the last line it prints."""
        setup = "import json, django; django.setup()\n"
        done = subprocess.run(
            [sys.executable, "-c", setup + code], env=self.environment, capture_output=True,
            text=True, timeout=PATIENCE_SECONDS, check=False, cwd=self.folder,
        )  # fmt: skip
        assert done.returncode == (-signal.SIGKILL if dies else 0), done.stderr[-3000:]
        return (done.stdout.strip().splitlines() or [""])[-1]


@pytest.fixture
def cities(migrated_sqlite: Path, tmp_path: Path) -> Iterator[tuple[City, City, str]]:
    """The lower and the upper city, and the address at which the upper one answers."""
    made = []
    for name in ("below", "above"):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copyfile(migrated_sqlite, folder / "test.sqlite3")
        made.append(City(folder))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    below, above = made
    with (above.folder / "web.log").open("wb") as log:
        web = subprocess.Popen(
            [sys.executable, "-m", "chengshu.conf.cli", "web", "--port", str(port)],
            env=above.environment, stdout=log, stderr=log, cwd=above.folder,
        )  # fmt: skip
    try:
        _wait(port, above.folder / "web.log")
        yield below, above, f"http://127.0.0.1:{port}"
    finally:
        web.terminate()
        web.wait(timeout=30)


def _wait(port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        time.sleep(0.3)
    raise AssertionError(log.read_text()[-3000:])


def test_a_city_killed_between_sending_and_remembering_delivers_once(
    cities: tuple[City, City, str],
):
    below, above, url = cities
    app, key, secret = json.loads(above.python(ABOVE))
    head = f"URL, APP, KEY, SECRET = {url!r}, {app!r}, {key!r}, {secret!r}\n"
    below.python(head + BELOW)
    below.python(f"WHERE, AFTER = 'send_part', 3\n{DELIVER}", dies=True)
    below.python(f"WHERE, AFTER = 'commit', 1\n{DELIVER}", dies=True)
    below.python(f"WHERE, AFTER = '', 0\n{DELIVER}")
    assert json.loads(above.python(LOADED)) == [1, 1, 50]
    found = json.loads(below.python(f"WHERE, AFTER = '', 0\n{DELIVER}{RESULT}"))
    assert found == ["accepted", 50, 50, 0, 0, ""]
