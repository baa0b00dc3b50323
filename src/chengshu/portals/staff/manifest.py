"""What the staff portal brings."""

from chengshu.kernel.registry.manifest import Manifest, Menu

MANIFEST = Manifest(
    key="staff",
    name="工作人员手机端",
    description="门户外壳，内容来自各包清单",
    menus=(
        Menu(portal="staff", layer="home", title="待办", url_name="staff:home", icon="checklist", order=1),
        Menu(portal="staff", layer="home", title="应用", url_name="staff:applications", icon="apps", order=2),
        Menu(portal="staff", layer="home", title="我的", url_name="staff:me", icon="user", order=9),
    ),
)  # fmt: skip
