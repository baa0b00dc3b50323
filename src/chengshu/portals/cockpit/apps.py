"""Registers the cockpit portal."""

from django.apps import AppConfig


class CockpitConfig(AppConfig):
    name = "chengshu.portals.cockpit"
    label = "cockpit"
