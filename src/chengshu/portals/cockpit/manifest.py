"""What the cockpit brings."""

from chengshu.kernel.registry.manifest import Manifest, Menu, Permission, RoleTemplate

_VIEW = ("cockpit.view",)

MANIFEST = Manifest(
    key="cockpit",
    name="城市驾驶舱",
    description="城市的几个真实数字，点开就是背后的记录",
    permissions=(Permission(key="cockpit.view", name="查看驾驶舱"),),
    roles=tuple(
        RoleTemplate(key=role, permissions=_VIEW)
        for role in (
            "leader", "data_admin", "data_officer", "duty_officer", "operator", "security_admin",
        )
    ),
    menus=(
        Menu(
            portal="console", layer="home", title="城市驾驶舱", url_name="cockpit:home",
            icon="gauge", permission="cockpit.view", order=5,
        ),
    ),
)  # fmt: skip
