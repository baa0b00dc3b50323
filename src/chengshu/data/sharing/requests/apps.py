"""Registers the package of access requests."""

from django.apps import AppConfig


class RequestsConfig(AppConfig):
    name = "chengshu.data.sharing.requests"
    label = "sharing_requests"
    verbose_name = "共享申请"
