"""Registers the audit package."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "chengshu.kernel.audit"
    label = "audit"
    verbose_name = "审计"
