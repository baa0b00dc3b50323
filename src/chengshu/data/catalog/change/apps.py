"""Registers what belongs to changes of entries."""

from django.apps import AppConfig


class ChangeConfig(AppConfig):
    name = "chengshu.data.catalog.change"
    label = "catalog_change"
    verbose_name = "目录变更影响"
