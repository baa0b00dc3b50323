"""Registers the DCAT-AP form of the catalogue."""

from django.apps import AppConfig


class DcatConfig(AppConfig):
    name = "chengshu.data.catalog.dcat"
    label = "catalog_dcat"
    verbose_name = "目录交换（DCAT-AP）"
