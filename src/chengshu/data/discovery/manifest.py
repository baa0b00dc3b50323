"""What discovery brings."""

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

_OFFICER = ("discovery.view", "discovery.propose", "discovery.drift.decide")

MANIFEST = Manifest(
    key="discovery",
    name="数据发现",
    description="从文件或数据库生成目录；盯住来源的变动；找出重复采集，一数一源",
    section="治理",
    menus=(
        Menu(
            portal="console", layer="data", title="生成目录", url_name="discovery:proposals",
            icon="wand", permission="discovery.propose", order=14, section="目录",
        ),
        Menu(
            portal="console", layer="data", title="来源变动", url_name="discovery:drift",
            icon="git-compare", permission="discovery.view", order=26, section="归集",
            badge="chengshu.data.discovery.selectors.open_findings",
        ),
        Menu(
            portal="console", layer="data", title="一数一源", url_name="discovery:clusters",
            icon="sitemap", permission="discovery.view", order=34,
        ),
    ),
    permissions=(
        Permission(key="discovery.view", name="查看来源变动和重复采集"),
        Permission(key="discovery.propose", name="从文件或数据库生成目录"),
        Permission(key="discovery.drift.decide", name="处理来源变动"),
        Permission(key="discovery.lead.decide", name="确认重复采集、指定数源"),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=_OFFICER),
        RoleTemplate(key="data_admin", permissions=(*_OFFICER, "discovery.lead.decide")),
        RoleTemplate(key="leader", permissions=("discovery.view",)),
    ),
    events=(
        EventType(key="city.discovery.drift.found", name="来源有变动"),
        EventType(key="city.discovery.lead.designated", name="数源已指定"),
    ),
    actions=(
        Action(key="discovery.proposal_requested", name="分析来源", fields=(("objects", "表"),)),
        Action(key="discovery.proposal_edited", name="修改目录建议", fields=(("items", "数据项"),)),
        Action(
            key="discovery.proposal_drafted", name="由建议生成目录草稿",
            fields=(("resource", "目录"), ("items", "数据项"), ("codes", "代码表")),
        ),
        Action(key="discovery.proposal_dismissed", name="不登记这张表"),
        Action(key="discovery.bound", name="绑定来源表", fields=(("object", "表"),)),
        Action(key="discovery.drift_found", name="发现来源变动", fields=(("changes", "变动"),)),
        Action(key="discovery.drift_applied", name="由来源变动生成目录变更"),
        Action(key="discovery.drift_ignored", name="忽略来源变动", fields=(("reason", "理由"),)),
        Action(key="discovery.cluster_confirmed", name="确认重复采集"),
        Action(key="discovery.cluster_rejected", name="否定重复采集", fields=(("note", "理由"),)),
        Action(
            key="discovery.lead_designated", name="指定数源",
            fields=(("resource", "目录"), ("column", "字段"), ("basis", "依据")),
        ),
        Action(key="discovery.conflicts_shown", name="查看不一致数据"),
        Action(key="discovery.ticket_opened", name="就不一致发出工单", fields=(("rows", "行数"),)),
    ),
    schedules=(
        Schedule(
            key="discovery.watch", name="检查来源结构", cron="15 * * * *", job="discovery.watch"
        ),
        Schedule(
            key="discovery.duplicates", name="查找重复采集", cron="30 3 * * 6",
            job="discovery.duplicates",
        ),
    ),
    indicators=(
        Indicator(
            key="discovery.lead_sources", name="已明确数源的数据项", unit="项", group="数据资源",
            order=60, compute="chengshu.data.discovery.selectors.count_leads",
            url_name="discovery:clusters",
        ),
    ),
    demo=DemoLoader(load="chengshu.data.discovery.demo.load", order=60),
)  # fmt: skip
