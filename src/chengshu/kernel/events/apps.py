"""Registers the events package and imports every package's ``subscribers.py``."""

import importlib

from django.apps import AppConfig
from django.conf import settings


class EventsConfig(AppConfig):
    name = "chengshu.kernel.events"
    label = "events"
    verbose_name = "事件"

    def ready(self) -> None:
        from chengshu.kernel.registry.discovery import has_module

        for package in settings.CITY_PACKAGES:
            if has_module(package, "subscribers"):
                importlib.import_module(f"{package}.subscribers")
