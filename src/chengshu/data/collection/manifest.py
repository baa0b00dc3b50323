"""What collection plans bring."""

from chengshu.kernel.registry.manifest import (
    Action,
    DemoLoader,
    EventType,
    Manifest,
    Menu,
    Permission,
    RoleTemplate,
    Schedule,
)

_OFFICER = ("collection.view", "collection.plan.manage", "collection.run.confirm")

MANIFEST = Manifest(
    key="collection",
    name="归集任务",
    description="按计划反复归集：增量、快照比对、补采、对账，看得见快慢和新旧",
    section="归集",
    menus=(
        Menu(
            portal="console", layer="data", title="归集任务", url_name="collection:plans",
            icon="calendar-event", permission="collection.view", order=21,
        ),
    ),
    permissions=(
        Permission(key="collection.view", name="查看归集任务"),
        Permission(key="collection.plan.manage", name="管理归集任务"),
        Permission(
            key="collection.run.confirm", name="确认大量删除",
            description="来源比湖里少得太多时，由人核对后确认删除",
        ),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=_OFFICER),
        RoleTemplate(key="data_admin", permissions=_OFFICER),
        RoleTemplate(key="leader", permissions=("collection.view",)),
    ),
    events=(
        EventType(key="city.collection.plan.created", name="归集任务已创建"),
        EventType(key="city.collection.run.succeeded", name="归集任务已完成一次"),
        EventType(key="city.collection.run.failed", name="归集任务失败"),
        EventType(key="city.collection.source.drifted", name="来源结构变了"),
        EventType(key="city.collection.reconciliation.differs", name="对账不一致"),
    ),
    actions=(
        Action(
            key="collection.plan_created", name="创建归集任务",
            fields=(("object_name", "来源对象"), ("mapping", "对应关系")),
        ),
        Action(
            key="collection.plan_changed", name="修改归集任务",
            fields=(("object_name", "来源对象"), ("mapping", "对应关系")),
        ),
        Action(
            key="collection.plan_followed", name="归集任务随目录变更更新对应关系",
            fields=(("object_name", "来源对象"), ("mapping", "对应关系")),
        ),
        Action(key="collection.plan_paused", name="暂停归集任务"),
        Action(key="collection.plan_resumed", name="恢复归集任务"),
        Action(key="collection.high_water_set", name="改动游标位置"),
        Action(key="collection.run_requested", name="手动运行归集任务"),
        Action(key="collection.run_repeated", name="重跑归集任务"),
        Action(key="collection.run_resumed", name="继续归集任务"),
        Action(key="collection.run_cancelled", name="取消归集任务运行"),
        Action(
            key="collection.backfill_started", name="开始补采",
            fields=(("first", "从"), ("last", "到"), ("step", "分段")),
        ),
        Action(key="collection.backfill_resumed", name="续做补采"),
        Action(key="collection.backfill_cancelled", name="取消补采"),
        Action(key="collection.check_requested", name="发起对账"),
    ),
    schedules=(
        Schedule(
            key="collection.tick", name="归集任务定时", cron="* * * * *", job="collection.tick"
        ),
    ),
    demo=DemoLoader(load="chengshu.data.collection.demo.load", order=36),
)  # fmt: skip
