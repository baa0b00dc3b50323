"""Registers the pages of changes."""

from django.apps import AppConfig


class ChangingConfig(AppConfig):
    name = "chengshu.data.catalog.changing"
    label = "catalog_changing"
    verbose_name = "目录变更"

    def ready(self) -> None:
        from chengshu.data.catalog.changing import panels
        from chengshu.data.catalog.tabs import register_panel

        register_panel(
            key="catalog-impact", title="提交前请看：这次变更会影响谁", content=panels.impact,
            permission="catalog.resource.view", tab="items", order=1,
        )  # fmt: skip
        register_panel(
            key="catalog-consumers", title="谁在用", content=panels.consumers,
            permission="catalog.resource.view", tab="usage", order=90,
        )  # fmt: skip
