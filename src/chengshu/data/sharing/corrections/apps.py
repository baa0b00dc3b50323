"""Registers the package of corrections."""

from django.apps import AppConfig


class CorrectionsConfig(AppConfig):
    name = "chengshu.data.sharing.corrections"
    label = "sharing_corrections"
    verbose_name = "校核纠错"

    def ready(self) -> None:
        """A reported value is mended as a ticket of its source."""
        from chengshu.data.sharing.corrections import ticketing

        ticketing.register()
