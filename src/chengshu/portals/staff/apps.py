"""Registers the staff portal."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "chengshu.portals.staff"
    label = "staff"
