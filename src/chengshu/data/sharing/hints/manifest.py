"""What the clues bring."""

from chengshu.data.sharing.hints.services import JUDGE
from chengshu.kernel.registry.manifest import (
    Action,
    DemoLoader,
    EventType,
    Indicator,
    Manifest,
    Permission,
    RoleTemplate,
    Schedule,
)

MANIFEST = Manifest(
    key="sharing_hints",
    name="异常线索",
    description="网关拒绝的，和应用自己的过去不一样的调用；一案一条，由人判断",
    permissions=(
        Permission(key=JUDGE, name="判断异常线索", description="看依据，判为正常或已处置"),
    ),
    roles=(
        RoleTemplate(key="data_admin", permissions=(JUDGE,)),
        RoleTemplate(key="security_admin", permissions=(JUDGE,)),
    ),
    events=(
        EventType(key="city.sharing_hints.found", name="发现调用异常"),
        EventType(key="city.sharing_hints.judged", name="调用异常已判断"),
    ),
    actions=(Action(key="sharing_hints.found", name="发现调用异常"),),
    schedules=(
        Schedule(
            key="sharing_hints.look", name="查看调用有无异常", cron="25 * * * *",
            job="sharing_hints.look",
        ),
        Schedule(
            key="sharing_hints.refusals", name="查看被网关拒绝的调用", cron="*/5 * * * *",
            job="sharing_hints.refusals",
        ),
    ),
    indicators=(
        Indicator(
            key="sharing_hints.open", name="待判断的异常线索", unit="条", group="数据共享", order=64,
            compute="chengshu.data.sharing.hints.selectors.count_open",
            url_name="sharing_hints:hints", url_query="state=open",
        ),
    ),
    demo=DemoLoader(load="chengshu.data.sharing.hints.demo.load", order=43),
)  # fmt: skip
