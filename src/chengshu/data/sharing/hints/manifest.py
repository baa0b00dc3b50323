"""What the hints bring."""

from chengshu.data.sharing.hints.services import JUDGE
from chengshu.kernel.registry.manifest import (
    Action,
    EventType,
    Indicator,
    Manifest,
    Permission,
    RoleTemplate,
    Schedule,
)

MANIFEST = Manifest(
    key="sharing_hints",
    name="调用异常提示",
    description="调用量、时段、试主键与试值，跟应用自己的过去比；一案一提示，由人判断",
    permissions=(
        Permission(key=JUDGE, name="判断调用异常提示", description="看依据，判为正常或已处置"),
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
    ),
    indicators=(
        Indicator(
            key="sharing_hints.open", name="待查看的调用异常", unit="条", group="数据共享", order=64,
            compute="chengshu.data.sharing.hints.selectors.count_open",
            url_name="sharing_hints:hints", url_query="state=open",
        ),
    ),
)  # fmt: skip
