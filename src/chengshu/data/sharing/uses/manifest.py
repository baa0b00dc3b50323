"""What the index of look-ups brings."""

from chengshu.kernel.registry.manifest import (
    Action,
    DemoLoader,
    EventType,
    Manifest,
    Schedule,
)

MANIFEST = Manifest(
    key="sharing_uses",
    name="数据使用记录",
    description="谁查过哪条记录：按主键散列建索引，群众可查本人，疑问限期答复",
    events=(EventType(key="city.sharing_uses.asked", name="群众提出用数疑问"),),
    actions=(
        Action(
            key="sharing_uses.viewed", name="查看谁查过本人",
            fields=(("months", "月数"), ("application", "应用"), ("interface", "接口")),
        ),
        Action(
            key="sharing_uses.asked", name="提出用数疑问",
            fields=(("application", "应用"), ("interface", "接口"), ("ticket", "工单")),
        ),
    ),
    schedules=(
        Schedule(
            key="sharing_uses.index", name="更新数据使用记录", cron="* * * * *",
            job="sharing_uses.index",
        ),
    ),
    demo=DemoLoader(load="chengshu.data.sharing.uses.demo.load", order=42),
)  # fmt: skip
