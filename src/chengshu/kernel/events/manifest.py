"""What events bring."""

from chengshu.kernel.registry.manifest import Action, Manifest, Menu, Permission, RoleTemplate

MANIFEST = Manifest(
    key="events",
    name="事件",
    description="事务性发件箱与投递",
    menus=(
        Menu(
            portal="console", layer="system", title="事件投递", url_name="events:deliveries",
            icon="send", permission="events.view", order=850,
        ),
    ),
    actions=(
        Action(
            key="events.delivery_retried", name="重新投递事件", fields=(("subscriber", "接收方"),)
        ),
        Action(
            key="events.hook_registered", name="登记外部回调",
            fields=(("name", "名称"), ("url", "接收地址"), ("types", "类型前缀")),
        ),
        Action(key="events.hook_enabled", name="启用外部回调", fields=(("active", "启用"),)),
        Action(key="events.hook_disabled", name="停用外部回调", fields=(("active", "启用"),)),
        Action(key="events.hook_secret_rotated", name="更换外部回调密钥"),
    ),
    permissions=(
        Permission(key="events.view", name="查看事件投递"),
        Permission(key="events.manage", name="重新投递事件、维护外部回调"),
    ),
    roles=(
        RoleTemplate(key="operator", permissions=("events.view", "events.manage")),
        RoleTemplate(key="data_admin", permissions=("events.view",)),
    ),
)  # fmt: skip
