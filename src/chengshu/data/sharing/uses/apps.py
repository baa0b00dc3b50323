"""Registers the package that knows who looked up which record."""

from django.apps import AppConfig


class UsesConfig(AppConfig):
    name = "chengshu.data.sharing.uses"
    label = "sharing_uses"
    verbose_name = "数据使用记录"

    def ready(self) -> None:
        """People's questions about a look-up are answered as tickets."""
        from chengshu.data.sharing.uses import ticketing

        ticketing.register()
