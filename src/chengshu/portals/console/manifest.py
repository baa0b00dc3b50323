"""What the console brings."""

from chengshu.kernel.registry.manifest import DemoLoader, Manifest, Menu

MANIFEST = Manifest(
    key="console",
    name="管理工作台",
    description="桌面端的管理入口",
    demo=DemoLoader(load="chengshu.portals.console.mainline.load", order=60),
    menus=(
        Menu(
            portal="console", layer="home", title="工作台", url_name="console:home",
            icon="layout-dashboard", permission="console.enter", order=1,
        ),
    ),
)  # fmt: skip
