"""What the working calendar brings: the administrator's pages and the names of what is done there."""

from chengshu.kernel.registry.manifest import Action, Manifest, Menu, Permission, RoleTemplate

MANIFEST = Manifest(
    key="calendar",
    name="工作日历",
    description="法定节假日、调休上班日和办理期限的计算",
    menus=(
        Menu(
            portal="console", layer="system", title="工作日历", url_name="calendar:year",
            icon="calendar", permission="calendar.view", order=860,
        ),
    ),
    permissions=(
        Permission(key="calendar.view", name="查看工作日历"),
        Permission(key="calendar.manage", name="维护工作日历"),
    ),
    roles=(
        RoleTemplate(key="operator", permissions=("calendar.view", "calendar.manage")),
        RoleTemplate(key="data_admin", permissions=("calendar.view",)),
    ),
    actions=(
        Action(key="calendar.day_added", name="录入特殊日"),
        Action(key="calendar.day_changed", name="修改特殊日"),
        Action(key="calendar.day_removed", name="移除特殊日"),
        Action(key="calendar.year_declared", name="声明全年节假日已录全"),
        Action(key="calendar.year_withdrawn", name="撤回全年已录全的声明"),
    ),
)  # fmt: skip
