"""What the citizen portal brings."""

from chengshu.kernel.registry.manifest import Manifest, Menu

MANIFEST = Manifest(
    key="citizen",
    name="群众企业门户",
    description="门户外壳，内容来自各包清单",
    menus=(
        Menu(portal="citizen", layer="home", title="首页", url_name="citizen:home", icon="home", order=1),
        Menu(
            portal="citizen", layer="home", title="部门", url_name="citizen:departments",
            icon="building-community", order=5,
        ),
        Menu(portal="citizen", layer="home", title="我的", url_name="citizen:me", icon="user", order=9),
    ),
)  # fmt: skip
