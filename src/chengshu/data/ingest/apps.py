"""Registers the collection package."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "chengshu.data.ingest"
    label = "ingest"
    verbose_name = "数据归集"

    def ready(self) -> None:
        """Put the data of an entry beside its description."""
        from chengshu.data.catalog.facade import (
            register_freshness,
            register_tab,
            register_warehouse_panel,
        )
        from chengshu.data.ingest import ticketing, warehouse_panel
        from chengshu.data.ingest.freshness import last_loads
        from chengshu.data.tickets.facade import register_kind

        register_tab(
            key="data", title="数据与批次", url_name="ingest:preview", permission="ingest.view",
            order=20, icon="table",
        )  # fmt: skip
        register_freshness("ingest", last_loads)
        register_warehouse_panel(
            key="sources", title="数据源", content=warehouse_panel.content,
            permission="ingest.source.manage", order=10,
        )  # fmt: skip
        register_kind(
            ticketing.KIND, ticketing.NAME, ticketing.recheck, ticketing.evidence_url,
            ticketing.evidence,
        )  # fmt: skip
