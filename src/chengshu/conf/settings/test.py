"""Settings of the test suite: own data folder, cheap password hashing, both databases by environment."""

import os
import tempfile
from base64 import b64encode
from pathlib import Path

os.environ["CHENGSHU_DATA_DIR"] = os.environ.get(
    "CHENGSHU_TEST_DATA_DIR", tempfile.mkdtemp(prefix="chengshu-test-")
)
os.environ.setdefault("CHENGSHU_SECRET_KEY", "only-for-tests-" + "0" * 40)
os.environ.setdefault("CHENGSHU_SECRET_KEYS", "t1:" + b64encode(b"0123456789abcdef" * 2).decode())
os.environ.setdefault("CHENGSHU_GATEWAY_SECRET", "only-for-tests-" + "0" * 40)

from chengshu.conf import environment
from chengshu.conf.settings.base import *  # noqa: F403
from chengshu.conf.settings.base import DATA_DIR, STORAGES

(Path(DATA_DIR) / "static").mkdir(parents=True, exist_ok=True)
DATABASES = {
    "default": environment.database(
        os.environ.get("CHENGSHU_TEST_DATABASE_URL", ""), default_path=DATA_DIR / "test.sqlite3"
    )
}
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# All tests ask from one address; those of the limit set it themselves.
OPEN_API_PER_MINUTE = 0
