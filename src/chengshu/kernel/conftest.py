"""Fixtures of the kernel's tests that need a city on disk: its own data folder and SQLite file, real processes."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PATIENCE_SECONDS = 60
# Written into the city's folder, because the kernel must not import settings: the kernel and a package with slow jobs.
SETTINGS = """
from chengshu.conf.settings.test import *

SLOW = "chengshu.kernel.jobs.tests.slow"
OTHERS = [p for p in CITY_PACKAGES if not p.startswith("chengshu.kernel.")]
CITY_PACKAGES = [p for p in CITY_PACKAGES if p not in OTHERS] + [SLOW]
INSTALLED_APPS = [a for a in INSTALLED_APPS if a not in OTHERS] + [SLOW]
"""


@dataclass(frozen=True, slots=True)
class FileCity:
    """A migrated city in a folder; programs run as real processes against its SQLite file."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CHENGSHU_")}
        return kept | {
            "DJANGO_SETTINGS_MODULE": "city_on_disk",
            "PYTHONPATH": str(self.folder),
            "CHENGSHU_TEST_DATA_DIR": str(self.folder),
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start ``chengshu <arguments>``."""
        command = [sys.executable, "-m", "chengshu.conf.cli", *arguments]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own program
                command, env=self.environment, stdout=log, stderr=log
            )

    def python(self, code: str) -> str:
        """Run a few lines inside the city; return what they print."""
        setup = "import django; django.setup()\n"
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", setup + code], env=self.environment, capture_output=True,
            text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read from the city's database."""
        connection = sqlite3.connect(self.folder / "test.sqlite3", timeout=20)
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def wait(self, ready: Callable[[], Any], what: str) -> Any:
        """Wait until ``ready()`` is true; give up after a minute with the log."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            found = ready()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{what} 没有发生。\n{(self.folder / 'log').read_text()[-3000:]}")


@pytest.fixture(scope="session")
def migrated_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A freshly migrated city to copy from."""
    folder = tmp_path_factory.mktemp("city")
    (folder / "city_on_disk.py").write_text(SETTINGS, encoding="utf-8")
    city = FileCity(folder)
    process = city.start("migrate", "-v", "0")
    assert process.wait(timeout=PATIENCE_SECONDS * 2) == 0, (folder / "log").read_text()
    return folder


@pytest.fixture
def file_city(migrated_city: Path, tmp_path: Path) -> FileCity:
    """An empty city on disk of one's own."""
    folder = tmp_path / "city"
    shutil.copytree(migrated_city, folder)
    return FileCity(folder)
