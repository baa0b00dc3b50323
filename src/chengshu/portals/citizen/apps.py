"""Registers the citizen portal."""

from django.apps import AppConfig


class CitizenConfig(AppConfig):
    name = "chengshu.portals.citizen"
    label = "citizen"
