"""Registers the package of restricted opening."""

from django.apps import AppConfig


class AgreementsConfig(AppConfig):
    name = "chengshu.data.opening.agreements"
    label = "opening_agreements"
    verbose_name = "受限开放"
