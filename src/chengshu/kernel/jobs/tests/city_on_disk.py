"""Settings of the real processes in crash tests: the kernel, and a package with slow jobs."""

from chengshu.conf.settings.test import *  # noqa: F403
from chengshu.conf.settings.test import CITY_PACKAGES as EVERYTHING
from chengshu.conf.settings.test import INSTALLED_APPS as ALL_APPS

CITY_PACKAGES = [p for p in EVERYTHING if p.startswith("chengshu.kernel.")] + [
    "chengshu.kernel.jobs.tests.slow"
]
INSTALLED_APPS = [a for a in ALL_APPS if a not in EVERYTHING] + CITY_PACKAGES
