"""Registers the ticket package."""

from django.apps import AppConfig


class TicketsConfig(AppConfig):
    name = "chengshu.data.tickets"
    label = "tickets"
    verbose_name = "问题工单"

    def ready(self) -> None:
        """Show an entry's tickets beside the entry."""
        from chengshu.data.catalog.facade import register_panel
        from chengshu.data.tickets import resource_panel

        register_panel(
            key="tickets", title="问题工单", content=resource_panel.content,
            permission="tickets.view", tab="usage", order=60,
        )  # fmt: skip
