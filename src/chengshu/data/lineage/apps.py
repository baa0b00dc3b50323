"""Registers the lineage package."""

from django.apps import AppConfig


class LineageConfig(AppConfig):
    name = "chengshu.data.lineage"
    label = "lineage"
    verbose_name = "数据血缘"

    def ready(self) -> None:
        """Add the tab to entries and the edges of catalogue and collection."""
        from chengshu.data.catalog.facade import register_tab
        from chengshu.data.lineage.collected import collected_edges
        from chengshu.data.lineage.registration import register_edges

        register_tab(
            key="lineage", title="血缘", url_name="lineage:resource", permission="lineage.view",
            order=70, icon="topology-star-3",
        )  # fmt: skip
        register_edges("collected", collected_edges)
