"""What quality brings."""

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
    "quality.view", "quality.rule.manage", "quality.evaluate", "quality.rows.unmask",
    "quality.rows.export", "quality.ticket.open",
)  # fmt: skip

MANIFEST = Manifest(
    key="quality",
    name="数据质量",
    description="规则、评价、六个维度、五个等级，先改什么最划算",
    section="治理",
    menus=(
        Menu(
            portal="console", layer="data", title="数据质量", url_name="quality:overview",
            icon="shield-check", permission="quality.view", order=30,
        ),
        Menu(
            portal="console", layer="data", title="资源质量", url_name="quality:resources",
            icon="list-check", permission="quality.view", order=31,
        ),
    ),
    permissions=(
        Permission(key="quality.view", name="查看数据质量"),
        Permission(key="quality.rule.manage", name="维护质量规则"),
        Permission(key="quality.rule.expert", name="编写 SQL 质量规则"),
        Permission(key="quality.evaluate", name="发起质量评价"),
        Permission(key="quality.rows.export", name="导出有问题的记录"),
        Permission(
            key="quality.rows.unmask", name="查看有问题记录的原值", sensitive=True,
            description="显示未脱敏的值，每次须写明原因并留痕",
        ),
        Permission(key="quality.ticket.open", name="按质量规则生成问题工单"),
        Permission(key="quality.policy.manage", name="维护质量评价办法"),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=_OFFICER),
        RoleTemplate(
            key="data_admin",
            permissions=(*_OFFICER, "quality.rule.expert", "quality.policy.manage"),
        ),
        RoleTemplate(key="leader", permissions=("quality.view",)),
    ),
    events=(EventType(key="city.quality.evaluated", name="质量已评价"),),
    actions=(
        Action(
            key="quality.rule_saved", name="保存质量规则",
            fields=(("version", "版本"), ("sentence", "规则")),
        ),
        Action(
            key="quality.rules_accepted", name="采纳从数据发现的规则", fields=(("rules", "规则"),)
        ),
        Action(
            key="quality.rule_switched", name="启停质量规则",
            fields=(("rule", "规则"), ("enabled", "启用"), ("severity", "严重程度")),
        ),
        Action(
            key="quality.policy_changed", name="修改质量评价办法",
            fields=(
                ("weights", "权重"), ("loss", "记录扣减"), ("penalty", "整表扣减"),
                ("thresholds", "等级线"), ("floor", "短板线"),
            ),
        ),
        Action(
            key="quality.rows_exported", name="导出有问题的记录",
            fields=(("rule", "规则"), ("rows", "行数"), ("masked", "脱敏")),
        ),
    ),
    schedules=(
        Schedule(
            key="quality.nightly", name="夜间全量质量评价", cron="30 1 * * *", job="quality.nightly"
        ),
    ),
    indicators=(
        Indicator(
            key="quality.score", name="数据质量得分", unit="分", group="数据资源", order=60,
            compute="chengshu.data.quality.selectors.city_score", url_name="quality:overview",
            description="全市已评价资源的平均得分（六个维度加权）",
        ),
    ),
    demo=DemoLoader(load="chengshu.data.quality.demo.load", order=45),
)  # fmt: skip
