"""Registers the collection package."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "chengshu.data.ingest"
    label = "ingest"
    verbose_name = "数据归集"
