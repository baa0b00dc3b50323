"""Reads the process environment: where data lives, which database, which secrets.

Secrets come from the environment only. For a single machine without an operator ``chengshu up`` creates them once in
``<data dir>/secrets.env`` (mode 0600) and every program started by hand on that machine reads the file.
"""

import os
import secrets
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SECRET_NAMES = ("CHENGSHU_SECRET_KEY", "CHENGSHU_SECRET_KEYS", "CHENGSHU_GATEWAY_SECRET")


def data_dir() -> Path:
    """Return the folder that holds everything the city must keep (database, lake, files, audit)."""
    return Path(os.environ.get("CHENGSHU_DATA_DIR", "var")).resolve()


def read_secrets_file(folder: Path) -> None:
    """Put the machine's own secrets into the environment where the operator gave none."""
    path = folder / "secrets.env"
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        if name in SECRET_NAMES:
            os.environ.setdefault(name, value)


def create_secrets_file(folder: Path) -> bool:
    """Create the machine's secrets once; tell whether the file was made now."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "secrets.env"
    if path.exists():
        return False
    values = {
        "CHENGSHU_SECRET_KEY": secrets.token_urlsafe(48),
        "CHENGSHU_SECRET_KEYS": "k1:" + b64encode(secrets.token_bytes(32)).decode(),
        "CHENGSHU_GATEWAY_SECRET": secrets.token_urlsafe(48),
    }
    text = "".join(f"{name}={value}\n" for name, value in values.items())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return True


def database(url: str, *, default_path: Path) -> dict[str, Any]:
    """Translate ``postgres://user:pass@host:port/name?options`` or ``sqlite:///path`` for Django.

    SQLite runs in WAL mode with IMMEDIATE transactions and a 20 s queue: measured, this removes the
    "database is locked" errors that the defaults give under concurrent writers.
    """
    if url.startswith(("postgres://", "postgresql://")):
        parts = urlsplit(url)
        options: dict[str, Any] = dict(parse_qsl(parts.query))
        # A socket folder may be given as ?host=/run/postgresql
        host = options.pop("host", parts.hostname or "")
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": host,
            "PORT": str(options.pop("port", parts.port or "")),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": options,
        }
    path = url.removeprefix("sqlite:///") if url else str(default_path)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
                " PRAGMA mmap_size=268435456; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY;"
            ),
        },
    }
