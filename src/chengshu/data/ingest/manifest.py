"""What collection brings."""

from chengshu.kernel.registry.manifest import (
    Action,
    DemoLoader,
    EventType,
    Indicator,
    Manifest,
    Menu,
    Permission,
    RoleTemplate,
    Schedule,
)

_OFFICER = (
    "ingest.view", "ingest.batch.create", "ingest.source.manage", "ingest.quarantine.manage",
    "ingest.personal.unmask",
)  # fmt: skip

MANIFEST = Manifest(
    key="ingest",
    name="数据归集",
    description="上传或连库，按目录校验，合并入库；来源 = 入库 + 隔离 + 重复",
    section="归集",
    menus=(
        Menu(
            portal="console", layer="data", title="数据归集", url_name="ingest:board",
            icon="database-import", permission="ingest.view", order=20,
        ),
        Menu(
            portal="console", layer="data", title="归集批次", url_name="ingest:batches",
            icon="stack-2", permission="ingest.view", order=22,
        ),
        Menu(
            portal="console", layer="data", title="隔离区", url_name="ingest:quarantine-groups",
            icon="filter", permission="ingest.view", order=23,
        ),
        Menu(
            portal="console", layer="data", title="数据源", url_name="ingest:sources",
            icon="plug-connected", permission="ingest.source.manage", order=24,
        ),
    ),
    permissions=(
        Permission(key="ingest.view", name="查看归集批次"),
        Permission(key="ingest.batch.create", name="归集数据"),
        Permission(key="ingest.source.manage", name="管理数据源"),
        Permission(key="ingest.quarantine.manage", name="处理隔离数据"),
        Permission(
            key="ingest.personal.unmask", name="查看个人信息原值", sensitive=True,
            description="在预览和隔离区显示未脱敏的值，每次须写明原因并留痕",
        ),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=_OFFICER),
        RoleTemplate(key="data_admin", permissions=_OFFICER),
        RoleTemplate(key="leader", permissions=("ingest.view",)),
    ),
    events=(
        EventType(key="city.ingest.batch.loaded", name="数据已入库"),
        EventType(key="city.ingest.rows.returned", name="数据已退回数源部门"),
        EventType(key="city.ingest.source.registered", name="数据源已登记"),
    ),
    actions=(
        Action(key="ingest.file_uploaded", name="上传待归集文件", fields=(("file", "文件"),)),
        Action(key="ingest.batch_confirmed", name="确认并开始归集"),
        Action(key="ingest.table_requested", name="从数据源归集"),
        Action(
            key="ingest.batch_loaded", name="数据入库",
            fields=(
                ("source", "来源"), ("accepted", "入库"), ("quarantined", "隔离"),
                ("duplicates", "重复"),
            ),
        ),
        Action(key="ingest.batch_cancelled", name="取消归集"),
        Action(key="ingest.batch_repeated", name="重新归集", fields=(("batch", "原批次"),)),
        Action(key="ingest.batch_resumed", name="继续完成归集"),
        Action(
            key="ingest.row_corrected", name="更正隔离行",
            fields=(("row", "行号"), ("columns", "字段")),
        ),
        Action(
            key="ingest.rows_returned", name="退回数源部门",
            fields=(("rows", "行号"), ("count", "行数")),
        ),
        Action(
            key="ingest.corrections_imported", name="上传更正表格", fields=(("rows", "行数"),)
        ),
        Action(
            key="ingest.value_corrected", name="按值批量更正隔离行",
            fields=(("rows", "行数"), ("columns", "字段"), ("rule", "规则")),
        ),
        Action(
            key="ingest.rows_given_up", name="放弃隔离行",
            fields=(("rows", "行号"), ("count", "行数")),
        ),
        Action(key="ingest.draft_expired", name="待确认的上传过期"),
        Action(key="ingest.replay_requested", name="回放更正行", fields=(("rows", "行数"),)),
        Action(key="ingest.quarantine_exported", name="导出隔离数据", fields=(("rows", "行数"),)),
        Action(
            key="ingest.source_registered", name="登记数据源",
            fields=(("host", "位置"), ("kind", "类型")),
        ),
        Action(key="ingest.source_changed", name="修改数据源设置"),
        Action(key="ingest.source_password_changed", name="更换数据源密码"),
        Action(key="ingest.push_token_issued", name="签发推送令牌"),
        Action(
            key="ingest.push_token_limited", name="修改推送限额",
            fields=(("requests", "每分钟请求"), ("rows", "每分钟行数")),
        ),
        Action(key="ingest.push_token_revoked", name="吊销推送令牌"),
        Action(
            key="ingest.push_committed", name="提交推送的数据",
            fields=(("rows", "行数"), ("parts", "部分")),
        ),
    ),
    schedules=(
        Schedule(key="ingest.settle", name="核对批次状态", cron="*/5 * * * *", job="ingest.settle"),
        Schedule(
            key="ingest.maintain_lake", name="整理湖表", cron="20 2 * * 0", job="ingest.maintain_lake"
        ),
        Schedule(
            key="ingest.expire_drafts", name="清理没有确认的上传", cron="50 7 * * *",
            job="ingest.expire_drafts",
        ),
        Schedule(
            key="ingest.sweep", name="清理未采用的上传文件", cron="40 3 * * *", job="ingest.sweep"
        ),
    ),
    indicators=(
        Indicator(
            key="ingest.records", name="归集数据量", unit="条", group="数据资源", order=40,
            compute="chengshu.data.ingest.selectors.count_records", url_name="ingest:board",
            description="湖中各资源当前版本的记录数之和",
        ),
    ),
    search="chengshu.data.ingest.search.sources",
    demo=DemoLoader(load="chengshu.data.ingest.demo.load", order=30),
)  # fmt: skip
