"""Registers the design system."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "chengshu.kernel.ui"
    label = "ui"
    verbose_name = "界面"
