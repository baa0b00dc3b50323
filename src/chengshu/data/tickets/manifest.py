"""What tickets bring."""

from chengshu.data.tickets.flow import MOVES, NOTES
from chengshu.kernel.registry.manifest import (
    Action,
    EventType,
    Indicator,
    Manifest,
    Menu,
    Permission,
    RoleTemplate,
    Schedule,
)

_OFFICER = ("tickets.view", "tickets.ticket.handle", "tickets.ticket.open")
_FIELDS = (("state", "状态"), ("rows", "行数"), ("due", "到期"), ("number", "编号"))

MANIFEST = Manifest(
    key="tickets",
    name="问题工单",
    description="规则发现问题，数源部门限期更正，自动复检后关闭；异议、督办、延期全程留痕",
    section="治理",
    menus=(
        Menu(
            portal="console", layer="data", title="问题工单", url_name="tickets:tickets",
            icon="clipboard-list", permission="tickets.view", order=30,
            badge="chengshu.data.tickets.selectors.waiting_for",
        ),
        Menu(
            portal="console", layer="data", title="工单督办看板", url_name="tickets:board",
            icon="gauge", permission="tickets.view", order=31,
        ),
        Menu(
            portal="console", layer="data", title="工单时限", url_name="tickets:policy",
            icon="calendar-time", permission="tickets.policy.manage", order=33,
        ),
        Menu(
            portal="staff", layer="home", title="工单", url_name="tickets:phone",
            icon="clipboard-list", permission="tickets.ticket.handle", order=3,
            badge="chengshu.data.tickets.selectors.waiting_for",
        ),
    ),
    permissions=(
        Permission(key="tickets.view", name="查看问题工单"),
        Permission(key="tickets.ticket.open", name="开出问题工单"),
        Permission(key="tickets.ticket.handle", name="处理问题工单"),
        Permission(
            key="tickets.ticket.dispatch", name="分派、裁定与督办工单",
            description="转办、裁定异议、审批延期、督办、人工关闭",
        ),
        Permission(key="tickets.policy.manage", name="维护工单时限"),
        Permission(
            key="tickets.escalation.department", name="接收本单位超期工单",
            description="部门负责人：本单位工单超期时收到提醒",
        ),
        Permission(key="tickets.escalation.city", name="接收全市超期工单清单"),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=_OFFICER),
        RoleTemplate(
            key="data_admin",
            permissions=(
                *_OFFICER, "tickets.ticket.dispatch", "tickets.policy.manage",
                "tickets.escalation.department",
            ),
        ),
        RoleTemplate(
            key="department_head", name="部门负责人", description="本单位的数据工单超期时收到提醒",
            permissions=("console.enter", "tickets.view", "tickets.escalation.department"),
        ),
        RoleTemplate(key="leader", permissions=("tickets.view", "tickets.escalation.city")),
    ),
    events=(
        EventType(key="city.tickets.ticket.opened", name="问题工单已开出"),
        EventType(key="city.tickets.ticket.moved", name="问题工单有进展"),
        EventType(key="city.tickets.ticket.closed", name="问题工单已关闭"),
        EventType(key="city.tickets.rule.disputed", name="异议成立，规则需要调整"),
    ),
    actions=(
        *(Action(key=f"tickets.{m.key}", name=f"工单：{m.past}", fields=_FIELDS)
          for m in MOVES.values()),
        *(Action(key=f"tickets.{key}", name=f"工单：{name}", fields=_FIELDS)
          for key, name in NOTES.items()),
        Action(key="tickets.policy_changed", name="修改工单时限"),
        Action(key="tickets.exported", name="导出问题工单", fields=(("rows", "行数"),)),
    ),
    schedules=(
        Schedule(
            key="tickets.remind", name="工单提醒与升级", cron="30 8 * * *", job="tickets.remind"
        ),
    ),
    indicators=(
        Indicator(
            key="tickets.open", name="未关闭问题工单", unit="件", group="数据治理", order=70,
            compute="chengshu.data.tickets.selectors.count_open", url_name="tickets:tickets",
            url_query="standing=open",
        ),
        Indicator(
            key="tickets.overdue", name="超期问题工单", unit="件", group="数据治理", order=71,
            compute="chengshu.data.tickets.selectors.count_overdue", url_name="tickets:tickets",
            url_query="standing=overdue",
        ),
    ),
    search="chengshu.data.tickets.search.sources",
)  # fmt: skip
