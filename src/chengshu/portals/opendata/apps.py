"""Registers the opendata portal, and what API tokens are taken for here."""

from django.apps import AppConfig


class OpendataConfig(AppConfig):
    name = "chengshu.portals.opendata"
    label = "opendata"

    def ready(self) -> None:
        from chengshu.kernel.tokens.scopes import register_scope
        from chengshu.portals.opendata.ckan.keys import SCOPES

        for scope in SCOPES:
            register_scope(scope)
