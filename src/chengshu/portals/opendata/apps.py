"""Registers the opendata portal."""

from django.apps import AppConfig


class OpendataConfig(AppConfig):
    name = "chengshu.portals.opendata"
    label = "opendata"
