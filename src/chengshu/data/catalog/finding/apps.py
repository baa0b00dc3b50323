"""Registers the search page of the catalogue."""

from django.apps import AppConfig


class FindingConfig(AppConfig):
    name = "chengshu.data.catalog.finding"
    label = "catalog_finding"
    verbose_name = "目录检索"
