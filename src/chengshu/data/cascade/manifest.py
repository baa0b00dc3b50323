"""What cascading brings."""

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

_BALANCE = (
    ("rows", "行数"), ("accepted", "收下"), ("refused", "拒收"), ("duplicates", "重复"),
    ("delivered", "送出"), ("unexplained", "对不上"), ("differences", "差异"), ("state", "状态"),
)  # fmt: skip
_PLAN = (("platform", "平台"), ("digest", "校验值"))

MANIFEST = Manifest(
    key="cascade",
    name="级联",
    description="向上级平台上报目录和数据、接收回流，交接单和回执逐行对得上；也可作为上级平台接收下级上报",
    section="共享",
    menus=(
        Menu(
            portal="console", layer="data", title="级联", url_name="cascade:platforms",
            icon="transfer", permission="cascade.view", order=50,
        ),
    ),
    permissions=(
        Permission(key="cascade.view", name="查看级联"),
        Permission(key="cascade.manage", name="办理级联", description="登记平台、接收回流、上报"),
        Permission(
            key="cascade.approve", name="审批上报计划", description="不能审批自己编写的",
            sensitive=True,
        ),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=("cascade.view",)),
        RoleTemplate(
            key="data_admin", permissions=("cascade.view", "cascade.manage", "cascade.approve")
        ),
        RoleTemplate(key="leader", permissions=("cascade.view",)),
        RoleTemplate(key="security_admin", permissions=("cascade.view",)),
    ),
    events=(
        EventType(key="city.cascade.platform.registered", name="级联平台已登记"),
        EventType(key="city.cascade.platform.state", name="级联平台状态已变"),
        EventType(key="city.cascade.channel.opened", name="已开通接收"),
        EventType(key="city.cascade.incoming.noted", name="收到交接单"),
        EventType(key="city.cascade.incoming.settled", name="收到的批次已核对"),
        EventType(key="city.cascade.plan.decided", name="上报计划已审批"),
        EventType(key="city.cascade.delivery.sent", name="数据已上报"),
        EventType(key="city.cascade.delivery.answered", name="收到回执"),
        EventType(key="city.cascade.entry.queued", name="目录待上报"),
        EventType(key="city.cascade.entry.answered", name="目录上报有答复"),
        EventType(key="city.cascade.lower_entry.received", name="收到下级目录"),
    ),
    actions=(
        Action(key="cascade.platform_registered", name="登记级联平台"),
        Action(key="cascade.platform_secret", name="更换级联密钥"),
        Action(key="cascade.platform_state", name="暂停或恢复级联平台"),
        Action(key="cascade.channel_opened", name="开通接收"),
        Action(key="cascade.channel_state", name="停止或恢复接收"),
        Action(key="cascade.incoming_settled", name="核对收到的批次", fields=_BALANCE),
        Action(key="cascade.plan_created", name="编写上报计划", fields=_PLAN),
        Action(key="cascade.plan_changed", name="修改上报计划", fields=_PLAN),
        Action(key="cascade.plan_submitted", name="提交上报计划", fields=_PLAN),
        Action(key="cascade.plan_approved", name="通过上报计划", fields=_PLAN),
        Action(key="cascade.plan_returned", name="退回上报计划", fields=_PLAN),
        Action(key="cascade.plan_state", name="暂停或恢复上报计划"),
        Action(
            key="cascade.delivery_started", name="上报一批数据",
            fields=(("version", "数据版本"), ("approved_by", "审批人")),
        ),
        Action(key="cascade.delivery_retried", name="重试上报"),
        Action(key="cascade.receipt_taken", name="收到回执", fields=_BALANCE),
        Action(key="cascade.asked_again", name="下级要求重送"),
        Action(key="cascade.entry_queued", name="上报目录", fields=(("platform", "平台"),)),
        Action(key="cascade.entry_withdrawn", name="撤回上报的目录", fields=(("platform", "平台"),)),
        Action(key="cascade.entry_answered", name="收到目录答复"),
        Action(key="cascade.lower_entry_decided", name="审核下级目录"),
    ),
    schedules=(
        Schedule(key="cascade.round", name="级联往来", cron="*/5 * * * *", job="cascade.round"),
        Schedule(key="cascade.warn", name="级联回执提醒", cron="40 8 * * *", job="cascade.warn"),
    ),
    indicators=(
        Indicator(
            key="cascade.late", name="回执超期", unit="批", group="数据资源", order=58,
            compute="chengshu.data.cascade.selectors.count_late", url_name="cascade:outgoing",
            url_query="late=yes", description="上报后到期还没有回执的批次",
        ),
    ),
    demo=DemoLoader(load="chengshu.data.cascade.demo.load", order=62),
)  # fmt: skip
