"""Registers the collection package."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "chengshu.data.ingest"
    label = "ingest"
    verbose_name = "数据归集"

    def ready(self) -> None:
        """Put the data of an entry beside its description."""
        from chengshu.data.catalog.facade import register_freshness, register_tab
        from chengshu.data.ingest.freshness import last_loads

        register_tab(
            key="data", title="数据与批次", url_name="ingest:preview", permission="ingest.view",
            order=20, icon="table",
        )  # fmt: skip
        register_freshness("ingest", last_loads)
