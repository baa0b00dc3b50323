"""What corrections bring."""

from chengshu.data.sharing.corrections.services import REPORT
from chengshu.kernel.registry.manifest import (
    Action,
    EventType,
    Manifest,
    Permission,
    RoleTemplate,
)

MANIFEST = Manifest(
    key="sharing_corrections",
    name="校核纠错",
    description="用数单位报告错值，数源单位限期更正或说明，更正后通知每个用过错值的应用",
    permissions=(
        Permission(key=REPORT, name="报告数据有误", description="替本单位的应用报告查到的错值"),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=(REPORT,)),
        RoleTemplate(key="data_admin", permissions=(REPORT,)),
        RoleTemplate(key="integrator", permissions=(REPORT,)),
    ),
    events=(
        EventType(key="city.sharing_corrections.reported", name="已报告数据有误"),
        EventType(key="city.sharing_corrections.corrected", name="错值已更正"),
        EventType(key="city.sharing_corrections.rejected", name="校核后不予更正"),
        EventType(key="city.sharing_corrections.informed", name="已通知用过错值的应用"),
    ),
    actions=(
        Action(key="sharing_corrections.revealed", name="查看校核单原值"),
        Action(key="sharing_corrections.corrected", name="校核单：已更正"),
        Action(key="sharing_corrections.rejected", name="校核单：不予更正"),
        Action(
            key="sharing_corrections.informed", name="通知用过错值的应用",
            fields=(("applications", "应用"),),
        ),
    ),
)  # fmt: skip
