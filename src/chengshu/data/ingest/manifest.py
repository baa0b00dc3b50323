"""What collection brings."""

from chengshu.kernel.registry.manifest import (
    DemoLoader,
    EventType,
    Indicator,
    Manifest,
    Permission,
    RoleTemplate,
)

_OFFICER = (
    "ingest.view", "ingest.batch.create", "ingest.source.manage", "ingest.quarantine.manage",
)  # fmt: skip

MANIFEST = Manifest(
    key="ingest",
    name="数据归集",
    description="上传或连库，按目录校验，合并入库；来源 = 入库 + 隔离 + 重复",
    permissions=(
        Permission(key="ingest.view", name="查看归集批次"),
        Permission(key="ingest.batch.create", name="归集数据"),
        Permission(key="ingest.source.manage", name="管理数据源"),
        Permission(key="ingest.quarantine.manage", name="处理隔离数据"),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=_OFFICER),
        RoleTemplate(key="data_admin", permissions=_OFFICER),
        RoleTemplate(key="leader", permissions=("ingest.view",)),
    ),
    events=(EventType(key="city.ingest.batch.loaded", name="数据已入库"),),
    indicators=(
        Indicator(
            key="ingest.records", name="归集数据量", unit="条", group="data", order=40,
            compute="chengshu.data.ingest.selectors.count_records", url_name="ingest:board",
            description="湖中各资源当前版本的记录数之和",
        ),
    ),
    demo=DemoLoader(load="chengshu.data.ingest.demo.load", order=30),
)  # fmt: skip
