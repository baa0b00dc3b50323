"""What sharing brings."""

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

_OWN = (
    "sharing.view", "sharing.application.manage", "sharing.key.manage",
    "sharing.interface.manage", "sharing.grant.manage",
)  # fmt: skip

MANIFEST = Manifest(
    key="sharing",
    name="数据共享",
    description="接口、应用、密钥与授权；网关签名调用，先留痕后应答",
    section="共享",
    menus=(
        Menu(portal="console", layer="data", title="共享接口", url_name="sharing:interfaces",
             icon="api", permission="sharing.view", order=35),
        Menu(portal="console", layer="data", title="接入应用", url_name="sharing:applications",
             icon="apps", permission="sharing.view", order=42),
        Menu(portal="console", layer="data", title="共享授权", url_name="sharing:grants",
             icon="key", permission="sharing.view", order=44),
        Menu(portal="console", layer="data", title="调用统计", url_name="sharing:calls",
             icon="chart-bar", permission="sharing.view", order=46,
             also=("sharing_hints:hints", "sharing_corrections:corrections")),
    ),
    permissions=(
        Permission(key="sharing.view", name="查看共享接口与调用"),
        Permission(key="sharing.application.manage", name="登记接入应用"),
        Permission(key="sharing.key.manage", name="签发与吊销密钥", sensitive=True),
        Permission(key="sharing.interface.manage", name="发布共享接口"),
        Permission(key="sharing.grant.manage", name="授予与收回共享权限", sensitive=True),
        Permission(key="sharing.verify", name="核验共享调用留痕"),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=_OWN),
        RoleTemplate(key="data_admin", permissions=(*_OWN, "sharing.verify")),
        RoleTemplate(
            key="integrator",
            permissions=("sharing.view", "sharing.application.manage", "sharing.key.manage"),
        ),
        RoleTemplate(key="leader", permissions=("sharing.view",)),
        RoleTemplate(key="security_admin", permissions=("sharing.view", "sharing.verify")),
    ),
    events=(
        EventType(key="city.sharing.application.registered", name="应用已登记"),
        EventType(key="city.sharing.application.state", name="应用状态已变"),
        EventType(key="city.sharing.key.issued", name="密钥已签发"),
        EventType(key="city.sharing.key.revoked", name="密钥已吊销"),
        EventType(key="city.sharing.interface.created", name="接口已创建"),
        EventType(key="city.sharing.interface.published", name="接口数据已更新"),
        EventType(key="city.sharing.interface.state", name="接口状态已变"),
        EventType(key="city.sharing.interface.changed", name="接口的查询条件已变"),
        EventType(key="city.sharing.grant.created", name="已授权"),
        EventType(key="city.sharing.grant.changed", name="授权已变更"),
        EventType(key="city.sharing.grant.state", name="授权状态已变"),
    ),
    actions=(
        Action(key="sharing.application_registered", name="登记接入应用"),
        Action(key="sharing.application_state", name="停用或恢复接入应用"),
        Action(key="sharing.key_issued", name="签发应用密钥", fields=(("key", "密钥编号"),)),
        Action(
            key="sharing.key_registered", name="登记应用公钥或证书",
            fields=(("key", "密钥编号"), ("scheme", "签名方式"), ("public_key", "公钥")),
        ),
        Action(key="sharing.key_revoked", name="吊销应用密钥", fields=(("key", "密钥编号"),)),
        Action(key="sharing.interface_created", name="新建共享接口"),
        Action(key="sharing.interface_wanted", name="申请还没有接口的资源"),
        Action(key="sharing.interface_state", name="接口上线或下线"),
        Action(key="sharing.query_columns_changed", name="设置接口的查询条件"),
        Action(
            key="sharing.sample_viewed", name="查看接口样例数据",
            fields=(("rows", "行数"), ("version", "快照版本"), ("masked", "脱敏的字段")),
        ),
        Action(key="sharing.source_registered", name="登记代理接口",
               fields=(("host", "来源主机"), ("timeout_ms", "时限（毫秒）"))),
        Action(key="sharing.source_changed", name="变更代理接口",
               fields=(("host", "来源主机"), ("timeout_ms", "时限（毫秒）"))),
        Action(key="sharing.snapshot_requested", name="要求更新快照"),
        Action(
            key="sharing.snapshot_published", name="更新接口快照",
            fields=(("rows", "记录数"), ("version", "快照版本")),
        ),
        Action(key="sharing.granted", name="授予共享权限"),
        Action(key="sharing.grant_changed", name="变更共享授权"),
        Action(key="sharing.grant_state", name="暂停、恢复或收回授权"),
        Action(
            key="sharing.report_exported", name="导出调用统计报表",
            fields=(("days", "天数"), ("group", "分组"), ("rows", "行数")),
        ),
        Action(
            key="sharing.export_made", name="生成批量导出",
            fields=(("rows", "记录数"), ("sha256", "文件摘要"), ("version", "快照版本"), ("format", "格式")),
        ),
        Action(key="sharing.export_refused", name="没有生成批量导出"),
        Action(key="sharing.export_removed", name="删除批量导出的文件"),
        Action(key="sharing.verification_requested", name="要求核验共享调用留痕"),
        Action(
            key="sharing.trail_verified", name="核验共享调用留痕",
            fields=(("ok", "通过"), ("records", "调用记录"), ("problems", "问题")),
        ),
    ),
    indicators=(
        Indicator(
            key="sharing.calls", name="共享调用", unit="次", group="数据共享", order=50,
            compute="chengshu.data.sharing.selectors.count_calls", url_name="sharing:calls",
            description="网关留痕的全部调用，由调用明细汇总",
        ),
        Indicator(
            key="sharing.applications", name="接入应用", unit="个", group="数据共享", order=60,
            compute="chengshu.data.sharing.selectors.count_applications",
            url_name="sharing:applications",
        ),
        Indicator(
            key="sharing.interfaces", name="上线接口", unit="个", group="数据共享", order=61,
            compute="chengshu.data.sharing.selectors.count_interfaces",
            url_name="sharing:interfaces",
        ),
    ),
    schedules=(
        Schedule(
            key="sharing.collect_calls", name="汇总共享调用", cron="* * * * *",
            job="sharing.collect_calls",
        ),
        Schedule(
            key="sharing.compact_calls", name="整理调用明细", cron="50 2,8,14,20 * * *",
            job="sharing.compact_calls",
        ),
        Schedule(
            key="sharing.answer_exports", name="生成批量导出", cron="* * * * *",
            job="sharing.answer_exports",
        ),
        Schedule(
            key="sharing.remind_keys", name="提醒到期的密钥和证书", cron="10 8 * * *",
            job="sharing.remind_keys",
        ),
        Schedule(
            key="sharing.verify_calls", name="核验共享调用留痕", cron="20 3 * * *",
            job="sharing.verify_calls",
        ),
    ),
    search="chengshu.data.sharing.search.sources",
    demo=DemoLoader(load="chengshu.data.sharing.demo.load", order=40),
)  # fmt: skip
