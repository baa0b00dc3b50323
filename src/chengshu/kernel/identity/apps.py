"""Registers the identity package."""

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "chengshu.kernel.identity"
    label = "identity"
    verbose_name = "身份"
