"""Registers the jobs package and imports every package's ``jobs.py``, which registers its job kinds."""

import importlib

from django.apps import AppConfig
from django.conf import settings


class JobsConfig(AppConfig):
    name = "chengshu.kernel.jobs"
    label = "jobs"
    verbose_name = "后台任务"

    def ready(self) -> None:
        from chengshu.kernel.registry.discovery import has_module

        for package in settings.CITY_PACKAGES:
            if has_module(package, "jobs"):
                importlib.import_module(f"{package}.jobs")
