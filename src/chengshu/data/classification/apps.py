"""Registers the classification package."""

from django.apps import AppConfig


class ClassificationConfig(AppConfig):
    name = "chengshu.data.classification"
    label = "classification"
    verbose_name = "分类分级扫描"

    def ready(self) -> None:
        """Add the tab to entries, and the kind of ticket."""
        from chengshu.data.catalog.facade import register_tab
        from chengshu.data.classification import correction, services
        from chengshu.data.tickets.facade import register_kind

        register_tab(
            key="classification", title="分级扫描", url_name="classification:resource",
            permission="classification.view", order=60, icon="scan",
        )  # fmt: skip
        register_kind(
            correction.TICKET_KIND, "分级与数据不符", services.recheck, correction.evidence_url,
            correction.evidence,
        )  # fmt: skip
