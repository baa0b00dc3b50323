"""Registers the quality package."""

from django.apps import AppConfig


class QualityConfig(AppConfig):
    name = "chengshu.data.quality"
    label = "quality"
    verbose_name = "数据质量"

    def ready(self) -> None:
        """Put the grade on the page of an entry, and let tickets look again."""
        from chengshu.data.catalog.facade import register_panel, register_tab
        from chengshu.data.ingest.facade import register_batch_panel
        from chengshu.data.quality import batch_panel, resource_panel, ticketing

        register_tab(
            key="quality", title="数据质量", url_name="quality:resource",
            permission="quality.view", order=30, icon="shield-check",
        )  # fmt: skip
        register_panel(
            key="quality", title="数据质量", content=resource_panel.content,
            permission="quality.view", tab="items", order=10,
        )  # fmt: skip
        register_batch_panel(
            key="quality", title="质量等级", content=batch_panel.content, permission="quality.view",
            order=10,
        )  # fmt: skip
        ticketing.register()
