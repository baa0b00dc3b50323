"""Registers the access package."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "chengshu.kernel.access"
    label = "access"
    verbose_name = "权限"
