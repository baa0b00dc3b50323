"""Registers the oversight package."""

from django.apps import AppConfig


class OversightConfig(AppConfig):
    name = "chengshu.kernel.oversight"
    label = "oversight"
    verbose_name = "审计查阅"
