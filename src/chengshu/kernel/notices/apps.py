"""Registers the notices package."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "chengshu.kernel.notices"
    label = "notices"
    verbose_name = "站内通知"
