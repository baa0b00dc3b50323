"""What notices bring: everybody's own list, and its count in the navigation."""

from chengshu.kernel.registry.manifest import Manifest, Menu

MANIFEST = Manifest(
    key="notices",
    name="站内通知",
    description="告诉有关的人发生了什么、要做什么",
    menus=(
        Menu(
            portal="console", layer="home", title="通知", url_name="notices:inbox", icon="bell",
            permission="console.enter", order=5, badge="chengshu.kernel.notices.selectors.unread",
        ),
    ),
)  # fmt: skip
