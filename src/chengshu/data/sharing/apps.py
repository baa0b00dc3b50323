"""Registers the sharing package."""

from django.apps import AppConfig


class SharingConfig(AppConfig):
    name = "chengshu.data.sharing"
    label = "sharing"
    verbose_name = "数据共享"
