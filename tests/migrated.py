"""One migrated database, made once and copied.

Migrating takes some ten seconds for every process that tests, copying a tenth of one. A template is named after the
text of all migrations and the versions of what else migrates, so that an old one is never used.
"""

import fcntl
import hashlib
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "migrated"
# A postgres template is named apart from the databases that are made from it.
PREFIX = "chengshu_migrated_"
PATIENCE_SECONDS = 240


def digest() -> str:
    """What the template depends on."""
    found = hashlib.sha256()
    for package in ("Django", "django-tasks", "django-tasks-db"):
        found.update(f"{package} {version(package)}\n".encode())
    for path in sorted((ROOT / "src").rglob("migrations/*.py")):
        found.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    # Permissions of the models' own Meta come with the migrations; everything else is not in the database.
    return found.hexdigest()[:16]


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """One process at a time: the others find what it made."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _migrate(database_url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("CHENGSHU_", "PYTEST_"))
        } | {
            "CHENGSHU_TEST_DATA_DIR": folder,
            "CHENGSHU_TEST_DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "chengshu.conf.settings.test",
            "PYTHONPATH": str(ROOT / "src"),
        }
        done = subprocess.run(
            [sys.executable, "-m", "django", "migrate", "-v", "0"], env=environment, check=False,
            capture_output=True, text=True, timeout=PATIENCE_SECONDS,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"the test database could not be migrated:\n{done.stderr[-3000:]}")


def sqlite_template() -> Path:
    """A migrated SQLite file; made when there is none for these migrations."""
    path = FOLDER / f"{digest()}.sqlite3"
    with _alone("sqlite"):
        if not path.is_file():
            for old in FOLDER.glob("*.sqlite3*"):
                old.unlink()
            # Migrated under another name and put in place whole: a run that was stopped leaves no half template.
            growing = FOLDER / "growing"
            growing.unlink(missing_ok=True)
            _migrate(f"sqlite:///{growing}")
            with sqlite3.connect(growing) as connection:
                connection.execute("PRAGMA journal_mode=DELETE")
            connection.close()
            growing.rename(path)
    return path


def postgres_template(settings: dict[str, Any]) -> str:
    """The name of a migrated database on the server of ``settings``; made when there is none."""
    import psycopg
    from psycopg import sql

    name = PREFIX + digest()
    login = {
        "host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"],
        "password": settings["PASSWORD"], **settings["OPTIONS"],
    }  # fmt: skip
    login = {key: value for key, value in login.items() if value}
    with (
        _alone("postgres"),
        psycopg.connect(dbname="postgres", autocommit=True, **login) as connection,
    ):
        ready = "SELECT 1 FROM pg_database WHERE datname = %s AND datistemplate"
        if connection.execute(ready, [name]).fetchone() is None:
            here = sql.Identifier(name)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(here))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(here))
            _migrate(_url(settings, name))
            connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true").format(here))
    return name


def _url(settings: dict[str, Any], name: str) -> str:
    from urllib.parse import quote, urlencode

    user = quote(settings["USER"], safe="")
    word = f":{quote(settings['PASSWORD'], safe='')}" if settings["PASSWORD"] else ""
    asked = {"host": settings["HOST"], "port": settings["PORT"], **settings["OPTIONS"]}
    asked = {key: value for key, value in asked.items() if value}
    return f"postgresql://{user}{word}@/{name}?{urlencode(asked)}"


def prepare(settings: dict[str, Any]) -> sqlite3.Connection | None:
    """Let the test database of ``settings`` start from the template.

    For SQLite the database is filled in memory; it lives as long as the connection that is returned.
    """
    test = settings.setdefault("TEST", {})
    if settings["ENGINE"].endswith("postgresql"):
        test["TEMPLATE"] = postgres_template(settings)
        return None
    name = test.get("NAME") or ":memory:"
    if name == ":memory:":
        name = "file:memorydb_default?mode=memory&cache=shared"
    if "mode=memory" not in name:
        return None
    keeper = sqlite3.connect(name, uri=True, check_same_thread=False)
    source = sqlite3.connect(sqlite_template())
    try:
        source.backup(keeper)
    finally:
        source.close()
    return keeper
