"""Registers the console portal."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "chengshu.portals.console"
    label = "console"
