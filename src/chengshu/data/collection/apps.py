"""Registers the collection plans."""

from django.apps import AppConfig


class CollectionConfig(AppConfig):
    name = "chengshu.data.collection"
    label = "collection"
    verbose_name = "归集任务"
