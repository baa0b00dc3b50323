"""Registers the opening package."""

from django.apps import AppConfig


class OpeningConfig(AppConfig):
    name = "chengshu.data.opening"
    label = "opening"
    verbose_name = "数据开放"
