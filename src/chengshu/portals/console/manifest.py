"""What the console brings."""

from chengshu.kernel.registry.manifest import Manifest, Menu

MANIFEST = Manifest(
    key="console",
    name="管理工作台",
    description="桌面端的管理入口",
    menus=(
        Menu(
            portal="console", layer="home", title="工作台", url_name="console:home",
            icon="layout-dashboard", permission="console.enter", order=1,
        ),
    ),
)  # fmt: skip
