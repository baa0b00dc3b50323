"""Registers the package of hints about unusual calls."""

from django.apps import AppConfig


class HintsConfig(AppConfig):
    name = "chengshu.data.sharing.hints"
    label = "sharing_hints"
    verbose_name = "异常线索"
