"""What lineage brings."""

from chengshu.kernel.registry.manifest import Action, Manifest, Menu, Permission, RoleTemplate

MANIFEST = Manifest(
    key="lineage",
    name="数据血缘",
    description="从来源字段到入库、接口、应用和开放字段的流向，由登记的记录现算",
    section="治理",
    menus=(
        Menu(portal="console", layer="data", title="数据血缘", url_name="lineage:graph",
             icon="topology-star-3", permission="lineage.view", order=36),
    ),
    permissions=(Permission(key="lineage.view", name="查看数据血缘"),),
    roles=tuple(
        RoleTemplate(key=key, permissions=("lineage.view",))
        for key in ("data_officer", "data_admin", "security_admin", "leader")
    ),
    actions=(Action(key="lineage.exported", name="导出血缘", fields=(("events", "条数"),)),),
)  # fmt: skip
