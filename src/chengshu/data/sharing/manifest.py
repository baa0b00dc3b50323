"""What sharing brings."""

from chengshu.kernel.registry.manifest import (
    DemoLoader,
    EventType,
    Indicator,
    Manifest,
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
    permissions=(
        Permission(key="sharing.view", name="查看共享接口与调用"),
        Permission(key="sharing.application.manage", name="登记接入应用"),
        Permission(key="sharing.key.manage", name="签发与吊销密钥", sensitive=True),
        Permission(key="sharing.interface.manage", name="发布共享接口"),
        Permission(key="sharing.grant.manage", name="授予与收回共享权限", sensitive=True),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=_OWN),
        RoleTemplate(key="data_admin", permissions=_OWN),
        RoleTemplate(
            key="integrator",
            permissions=("sharing.view", "sharing.application.manage", "sharing.key.manage"),
        ),
        RoleTemplate(key="leader", permissions=("sharing.view",)),
        RoleTemplate(key="security_admin", permissions=("sharing.view",)),
    ),
    events=(
        EventType(key="city.sharing.application.registered", name="应用已登记"),
        EventType(key="city.sharing.application.state", name="应用状态已变"),
        EventType(key="city.sharing.key.issued", name="密钥已签发"),
        EventType(key="city.sharing.key.revoked", name="密钥已吊销"),
        EventType(key="city.sharing.interface.state", name="接口状态已变"),
        EventType(key="city.sharing.grant.created", name="已授权"),
        EventType(key="city.sharing.grant.changed", name="授权已变更"),
        EventType(key="city.sharing.grant.state", name="授权状态已变"),
    ),
    indicators=(
        Indicator(
            key="sharing.calls", name="共享调用", unit="次", group="sharing", order=50,
            compute="chengshu.data.sharing.selectors.count_calls", url_name="sharing:calls",
            description="网关留痕的全部调用，由调用明细汇总",
        ),
        Indicator(
            key="sharing.applications", name="接入应用", unit="个", group="sharing", order=60,
            compute="chengshu.data.sharing.selectors.count_applications",
            url_name="sharing:applications",
        ),
        Indicator(
            key="sharing.interfaces", name="上线接口", unit="个", group="sharing", order=61,
            compute="chengshu.data.sharing.selectors.count_interfaces",
            url_name="sharing:interfaces",
        ),
    ),
    schedules=(
        Schedule(
            key="sharing.collect_calls", name="汇总共享调用", cron="* * * * *",
            job="sharing.collect_calls",
        ),
    ),
    demo=DemoLoader(load="chengshu.data.sharing.demo.load", order=40),
)  # fmt: skip
