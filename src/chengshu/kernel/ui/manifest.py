"""What the design system brings."""

from chengshu.kernel.registry.manifest import Manifest, Menu, Permission, RoleTemplate

GALLERY = "ui.gallery.view"

MANIFEST = Manifest(
    key="ui",
    name="界面",
    description="全平台一套设计系统",
    menus=(
        Menu(
            portal="console",
            layer="system",
            title="组件样例",
            url_name="ui:gallery",
            icon="palette",
            permission=GALLERY,
            order=900,
        ),
    ),
    permissions=(Permission(key=GALLERY, name="查看组件样例"),),
    roles=(RoleTemplate(key="operator", permissions=(GALLERY,)),),
)
