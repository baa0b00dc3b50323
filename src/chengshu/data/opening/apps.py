"""Registers the opening package."""

from django.apps import AppConfig


class OpeningConfig(AppConfig):
    name = "chengshu.data.opening"
    label = "opening"
    verbose_name = "数据开放"

    def ready(self) -> None:
        from chengshu.data.catalog.facade import register_consumers, register_offers
        from chengshu.data.opening import consumers, offers

        register_consumers("opening", consumers.of_resource)
        register_offers("opening", offers.of_resources)
        self._tell_lineage()

    def _tell_lineage(self) -> None:
        """Say what flows through opening, and which masks are in force."""
        from chengshu.data.classification.facade import register_mask_uses
        from chengshu.data.lineage.facade import register_edges
        from chengshu.data.opening.lineage import masks_in_force, opened_edges

        register_edges("opening", opened_edges)
        register_mask_uses("开放数据集", masks_in_force)
