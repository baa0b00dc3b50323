"""Registers the collection package."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "chengshu.data.ingest"
    label = "ingest"
    verbose_name = "数据归集"

    def ready(self) -> None:
        """Put the data of an entry beside its description."""
        from chengshu.data.catalog.facade import register_freshness, register_tab
        from chengshu.data.ingest import ticketing
        from chengshu.data.ingest.freshness import last_loads
        from chengshu.data.tickets.facade import register_kind

        register_tab(
            key="data", title="数据与批次", url_name="ingest:preview", permission="ingest.view",
            order=20, icon="table",
        )  # fmt: skip
        register_freshness("ingest", last_loads)
        register_kind(
            ticketing.KIND, ticketing.NAME, ticketing.recheck, ticketing.evidence_url,
            ticketing.evidence,
        )  # fmt: skip
