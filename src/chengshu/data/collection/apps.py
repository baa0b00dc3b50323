"""Registers the collection plans."""

from django.apps import AppConfig


class CollectionConfig(AppConfig):
    name = "chengshu.data.collection"
    label = "collection"
    verbose_name = "归集任务"

    def ready(self) -> None:
        """Put how an entry is collected and when it was last reconciled beside its description."""
        from chengshu.data.catalog.facade import register_panel
        from chengshu.data.collection import panels
        from chengshu.data.collection.selectors import readers_of
        from chengshu.data.ingest.facade import register_readers

        register_panel(
            key="collection-checks", title="怎样归集，对账结果", content=panels.checks,
            permission="collection.view", tab="basics", order=120,
        )  # fmt: skip
        register_readers("collection", readers_of)
