"""Registers the search package."""

from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "chengshu.kernel.search"
    label = "search"
    verbose_name = "检索"
