"""Registers the discovery package."""

from django.apps import AppConfig


class DiscoveryConfig(AppConfig):
    name = "chengshu.data.discovery"
    label = "discovery"
    verbose_name = "数据发现"

    def ready(self) -> None:
        """Show on an entry's page which item comes from where, and whether its source has changed."""
        from chengshu.data.catalog.facade import register_panel, register_tab
        from chengshu.data.discovery import ticketing
        from chengshu.data.discovery.panels import drift_panel, lead_panel
        from chengshu.data.ingest.facade import register_source_action

        ticketing.register()
        register_source_action(
            key="discovery", title="从这里生成目录", url_name="discovery:tables",
            permission="discovery.propose", icon="wand", order=10,
        )  # fmt: skip
        register_panel(
            key="leads", title="一数一源", content=lead_panel, permission="discovery.view",
            tab="items", order=40,
        )  # fmt: skip
        register_panel(
            key="drift", title="来源变动", content=drift_panel, permission="discovery.view",
            tab="basics", order=30,
        )  # fmt: skip
        register_tab(
            key="drift", title="来源变动", url_name="discovery:resource-drift",
            permission="discovery.view", order=60, icon="git-compare",
        )  # fmt: skip
