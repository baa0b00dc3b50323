"""Settings shared by all programs; see ``docs/operations.md`` for the environment variables."""

import os
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from chengshu.conf import environment
from chengshu.kernel.registry import discovery

SOURCE_ROOT = Path(__file__).resolve().parents[2]
DATA_DIR = environment.data_dir()
environment.read_secrets_file(DATA_DIR)

DEBUG = os.environ.get("CHENGSHU_DEBUG") == "1"
SECRET_KEY = os.environ.get("CHENGSHU_SECRET_KEY", "")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "没有找到密钥：请先运行 make up，或设置环境变量 CHENGSHU_SECRET_KEY、"
        "CHENGSHU_SECRET_KEYS 和 CHENGSHU_GATEWAY_SECRET。"
    )
# Keys for columns at rest ("id:base64,id2:base64", the first is active) and for the gateway.
SECRET_KEYS = os.environ.get("CHENGSHU_SECRET_KEYS", "")
GATEWAY_SECRET = os.environ.get("CHENGSHU_GATEWAY_SECRET", "")

ALLOWED_HOSTS = os.environ.get("CHENGSHU_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("CHENGSHU_ORIGINS", "").split(",") if o]

CITY_PACKAGES = discovery.packages()
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_tasks",
    "django_tasks_db",
    "ninja",
    *CITY_PACKAGES,
    "chengshu.conf",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "chengshu.kernel.access.middleware.SecurityHeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "chengshu.kernel.access.middleware.AccessMiddleware",
]

ROOT_URLCONF = "chengshu.conf.urls"
WSGI_APPLICATION = "chengshu.conf.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "chengshu.kernel.access.shell.shell",
            ],
        },
    }
]

DATABASES = {
    "default": environment.database(
        os.environ.get("CHENGSHU_DATABASE_URL", ""), default_path=DATA_DIR / "chengshu.sqlite3"
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    }
}

TASKS = {
    "default": {
        "BACKEND": "django_tasks_db.DatabaseBackend",
        "QUEUES": ["default"],
    }
}

AUTH_USER_MODEL = "identity.Account"
AUTHENTICATION_BACKENDS = ["chengshu.kernel.identity.backends.AccountBackend"]
LOGIN_URL = "identity:sign-in"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "chengshu.kernel.identity.passwords.LengthAndClasses"},
    {"NAME": "chengshu.kernel.identity.passwords.NotCommon"},
    {"NAME": "chengshu.kernel.identity.passwords.NotPersonal"},
]
# Lock-out: 5 failures lock an account for 15 minutes; 30 failures from one address within
# 15 minutes slow that address down. Defaults of the platform, not a quoted clause.
SIGN_IN_MAX_FAILURES = int(os.environ.get("CHENGSHU_SIGN_IN_MAX_FAILURES", "5"))
SIGN_IN_MAX_FAILURES_PER_ADDRESS = 30
SIGN_IN_LOCK_MINUTES = 15

SESSION_COOKIE_NAME = "chengshu_session"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "chengshu.portals.console.errors.csrf_failure"
SECURE = os.environ.get("CHENGSHU_HTTPS") == "1"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
TRUSTED_PROXIES = [p for p in os.environ.get("CHENGSHU_TRUSTED_PROXIES", "").split(",") if p]

LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "files"},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
FILE_UPLOAD_TEMP_DIR = None
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_MEMORY_SIZE = 5_242_880
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000

LAKE_ROOT = os.environ.get("CHENGSHU_LAKE_ROOT", str(DATA_DIR / "lake"))
# Folders that drop sources may watch (none named: <data>/drops), and whether web sources may lie on this machine.
DROP_ROOTS = tuple(
    Path(part) for part in os.environ.get("CHENGSHU_DROP_ROOTS", "").split(os.pathsep) if part
)
# Clocks that NTP sets differ by less than a second; half a minute apart, somebody has to set one. Less than a minute,
# the shortest schedule, so that nobody takes the difference for a run that came late.
SOURCE_CLOCK_TOLERATED_SECONDS = float(
    os.environ.get("CHENGSHU_SOURCE_CLOCK_TOLERATED_SECONDS", "30")
)
SOURCES_MAY_BE_LOCAL = os.environ.get("CHENGSHU_SOURCES_MAY_BE_LOCAL", "") == "1"
# Questions to the open interfaces per address: so many a minute, and at most so many at once. 0 a minute: no limit.
OPEN_API_PER_MINUTE = int(os.environ.get("CHENGSHU_OPEN_API_PER_MINUTE", "600"))
OPEN_API_BURST = max(1, int(os.environ.get("CHENGSHU_OPEN_API_BURST", "120")))
# Of an open release about people: the least size of a group, and the least number of sensitive values in it.
OPENING_LEAST_GROUP = max(1, int(os.environ.get("CHENGSHU_OPENING_LEAST_GROUP", "5")))
OPENING_LEAST_VALUES = max(1, int(os.environ.get("CHENGSHU_OPENING_LEAST_VALUES", "2")))
# Working days in which what the public says about open data is answered; a default of the platform.
OPENING_ANSWER_DAYS = max(1, int(os.environ.get("CHENGSHU_OPENING_ANSWER_DAYS", "10")))
GATEWAY_DIR = Path(os.environ.get("CHENGSHU_GATEWAY_DIR", str(DATA_DIR / "gateway")))
# Networks besides the public ones that proxied interfaces may lie in, e.g. the government intranet.
PROXY_NETWORKS = [n for n in os.environ.get("CHENGSHU_PROXY_NETWORKS", "").split(",") if n]
GATEWAY_URL = os.environ.get("CHENGSHU_GATEWAY_URL", "http://127.0.0.1:8001")
# The sign-in page offers the demo accounts only where the demo city is loaded.
DEMO_ACCOUNTS = "chengshu.conf.demo.accounts" if (DATA_DIR / "demo.json").is_file() else ""
UPLOAD_MAX_BYTES = int(os.environ.get("CHENGSHU_UPLOAD_MAX_BYTES", str(4 * 1024**3)))

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("CHENGSHU_LOG_LEVEL", "WARNING")},
}
