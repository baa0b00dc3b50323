"""Registers the package of cascading."""

from django.apps import AppConfig


class CascadeConfig(AppConfig):
    name = "chengshu.data.cascade"
    label = "cascade"
    verbose_name = "级联"

    def ready(self) -> None:
        """Show at the catalogue's entries what went up and what came down; refused rows are a kind of ticket."""
        from chengshu.data.cascade import panels, ticketing
        from chengshu.data.cascade.services.platforms import VIEW
        from chengshu.data.catalog.facade import register_mark, register_panel

        ticketing.register()
        register_mark(key="returned", title="回流", condition=panels.returned)
        register_panel(
            key="cascade", title="级联", content=panels.content, permission=VIEW, tab="usage",
            order=60,
        )  # fmt: skip
