"""Registers the catalogue package."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "chengshu.data.catalog"
    label = "catalog"
    verbose_name = "数据目录"
