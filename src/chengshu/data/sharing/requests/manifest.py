"""What access requests bring."""

from chengshu.data.sharing.requests.flow import (
    ANSWER,
    APPLY,
    MOVES,
    NOTES,
    REVIEW,
    TERMS,
    VIEW,
)
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

_FIELDS = (("state", "状态"), ("due", "到期"), ("grant", "授权"), ("fields", "字段"))

MANIFEST = Manifest(
    key="sharing_requests",
    name="共享申请",
    description="像购物一样申请数据：申请车、一张申请单、合规审核、提供单位答复、当即开通",
    section="共享",
    menus=(
        Menu(portal="console", layer="data", title="申请车", url_name="sharing_requests:cart",
             icon="shopping-cart", permission=APPLY, order=36),
        Menu(portal="console", layer="data", title="我的申请", url_name="sharing_requests:requests",
             icon="file-text", permission=APPLY, order=37),
        Menu(portal="console", layer="data", title="申请办理", url_name="sharing_requests:inbox",
             icon="inbox", permission=ANSWER, order=38,
             badge="chengshu.data.sharing.requests.selectors.waiting_for",
             also=("sharing_requests:policy",)),
        Menu(portal="console", layer="data", title="申请超期看板", url_name="sharing_requests:board",
             icon="gauge", permission=REVIEW, order=39),
    ),
    permissions=(
        Permission(key=VIEW, name="查看共享申请"),
        Permission(key=APPLY, name="申请共享数据"),
        Permission(key=ANSWER, name="答复共享申请", description="提供单位：同意、不同意、开通"),
        Permission(key=REVIEW, name="审核与裁决共享申请",
                   description="数据主管部门：合规审核、裁决争议、看全市超期"),
        Permission(key=TERMS, name="维护共享申请时限"),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=(VIEW, APPLY, ANSWER)),
        RoleTemplate(key="data_admin", permissions=(VIEW, APPLY, ANSWER, REVIEW, TERMS)),
        RoleTemplate(key="integrator", permissions=(VIEW, APPLY)),
        RoleTemplate(key="leader", permissions=(VIEW,)),
    ),
    events=(
        EventType(key="city.access_request.submitted", name="共享申请已提交"),
        EventType(key="city.access_request.moved", name="共享申请有进展"),
        EventType(key="city.access_request.closed", name="共享申请已办结"),
    ),
    actions=(
        *(Action(key=f"access_request.{m.key}", name=f"共享申请：{m.past}", fields=_FIELDS)
          for m in MOVES.values()),
        *(Action(key=f"access_request.{key}", name=f"共享申请：{name}", fields=_FIELDS)
          for key, name in NOTES.items()),
        Action(key="access_request.policy_changed", name="修改共享申请时限"),
    ),
    schedules=(
        Schedule(key="sharing_requests.remind", name="共享申请提醒", cron="35 8 * * *",
                 job="sharing_requests.remind"),
    ),
    demo=DemoLoader(load="chengshu.data.sharing.requests.demo.load", order=41),
    indicators=(
        Indicator(
            key="sharing_requests.open", name="在办共享申请", unit="件", group="数据共享", order=62,
            compute="chengshu.data.sharing.requests.selectors.count_open",
            url_name="sharing_requests:inbox",
        ),
        Indicator(
            key="sharing_requests.overdue", name="超期共享申请", unit="件", group="数据共享",
            order=63, compute="chengshu.data.sharing.requests.selectors.count_overdue",
            url_name="sharing_requests:inbox", url_query="standing=overdue",
        ),
    ),
)  # fmt: skip
