"""What the scan brings."""

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

_OWN = ("classification.view", "classification.scan", "classification.decide")

MANIFEST = Manifest(
    key="classification",
    name="分类分级扫描",
    description="在目录定为低级别的数据里找身份证号、姓名、手机号等个人信息，建议级别",
    section="治理",
    menus=(
        Menu(portal="console", layer="data", title="分级扫描", url_name="classification:overview",
             icon="scan", permission="classification.view", order=34),
        Menu(portal="console", layer="data", title="脱敏规则", url_name="classification:masks",
             icon="eye-off", permission="classification.view", order=48),
    ),
    permissions=(
        Permission(key="classification.view", name="查看分级扫描"),
        Permission(key="classification.scan", name="发起分级扫描"),
        Permission(key="classification.decide", name="处理分级扫描发现"),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=_OWN),
        RoleTemplate(key="data_admin", permissions=_OWN),
        RoleTemplate(key="security_admin", permissions=("classification.view",)),
        RoleTemplate(key="leader", permissions=("classification.view",)),
    ),
    events=(
        EventType(key="city.classification.found", name="分级扫描有新发现"),
        EventType(key="city.classification.accepted", name="分级扫描发现已采纳"),
    ),
    actions=(
        Action(key="classification.scan_requested", name="发起分级扫描",
               fields=(("resources", "资源数"),)),
        Action(key="classification.accepted", name="采纳分级建议",
               fields=(("level", "级别"), ("format", "格式"))),
        Action(key="classification.handed_over", name="发工单更正分级", fields=(("ticket", "工单号"),)),
        Action(key="classification.dismissed", name="标为误报"),
        Action(key="classification.reopened", name="撤回对扫描发现的处理"),
    ),
    indicators=(
        Indicator(
            key="classification.open", name="待确认的敏感数据", unit="项", group="数据治理", order=70,
            compute="chengshu.data.classification.selectors.count_open",
            url_name="classification:findings", url_query="state=open&gap=level",
            description="目录级别低于数据内容的数据项",
        ),
    ),
    schedules=(
        Schedule(key="classification.catch_up", name="扫描有变化的数据", cron="*/10 * * * *",
                 job="classification.catch_up"),
    ),
    demo=DemoLoader(load="chengshu.data.classification.demo.load", order=60),
)  # fmt: skip
