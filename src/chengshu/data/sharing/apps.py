"""Registers the sharing package."""

from django.apps import AppConfig


class SharingConfig(AppConfig):
    name = "chengshu.data.sharing"
    label = "sharing"
    verbose_name = "数据共享"

    def ready(self) -> None:
        from chengshu.data.catalog.facade import (
            register_consumers,
            register_offers,
            register_panel,
        )
        from chengshu.data.sharing import consumers, offers, resource_panel

        register_consumers("sharing", consumers.of_resource)
        register_offers("sharing", offers.of_resources)
        register_panel(
            key="sharing", title="共享接口", content=resource_panel.content,
            permission="sharing.view", order=20,
        )  # fmt: skip
        self._tell_others()

    def _tell_others(self) -> None:
        """Say what flows through sharing, which masks are in force, and how well its interfaces answer."""
        from chengshu.data.classification.facade import register_mask_uses
        from chengshu.data.lineage.facade import register_edges
        from chengshu.data.quality.facade import register_access_measure
        from chengshu.data.sharing import availability, evidence, lineage
        from chengshu.kernel.audit.trails import Trail, register_trail

        register_edges("sharing", lineage.shared_edges)
        register_mask_uses("共享授权", lineage.masks_in_force)
        register_access_measure("sharing", availability.TITLE, availability.of_resources)
        trail = Trail(
            heads=evidence.heads, sources=evidence.sources, applications=evidence.applications
        )
        register_trail("sharing", trail)
