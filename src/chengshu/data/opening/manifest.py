"""What opening brings."""

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

_ALL = ("opening.view", "opening.manage", "opening.approve", "opening.publish")
_STATE = (("state", "状态"),)

MANIFEST = Manifest(
    key="opening",
    name="数据开放",
    description="开放数据集与开放接口：开放前把关、多格式发布、撤回",
    section="开放",
    menus=(
        Menu(
            portal="console", layer="data", title="数据开放", url_name="opening:datasets",
            icon="world-share", permission="opening.view", order=60,
            also=("opening_voices:inbox", "opening_agreements:accesses"),
        ),
        Menu(
            portal="console", layer="data", title="开放接口", url_name="opening:interfaces",
            icon="api", permission="opening.view", order=62,
        ),
    ),
    permissions=(
        Permission(key="opening.view", name="查看开放数据"),
        Permission(key="opening.manage", name="编写开放数据集"),
        Permission(
            key="opening.approve", name="审批脱敏和受限开放", description="不能审批自己编写或提交的",
            sensitive=True,
        ),
        Permission(
            key="opening.publish", name="发布开放数据", description="含撤回和开放接口", sensitive=True
        ),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=("opening.view", "opening.manage")),
        RoleTemplate(key="data_admin", permissions=_ALL),
        RoleTemplate(key="leader", permissions=("opening.view",)),
        RoleTemplate(key="security_admin", permissions=("opening.view",)),
    ),
    events=(
        EventType(key="city.opening.dataset.published", name="开放数据集已发布"),
        EventType(key="city.opening.dataset.withdrawn", name="开放数据集已撤回"),
        EventType(key="city.opening.interface.published", name="开放接口已更新"),
        EventType(key="city.opening.interface.state", name="开放接口状态已变"),
    ),
    actions=(
        Action(key="opening.dataset_created", name="新建开放数据集"),
        Action(key="opening.dataset_edited", name="修改开放数据集"),
        Action(key="opening.dataset_discarded", name="删除未发布的开放数据集草稿"),
        Action(
            key="opening.dataset_released", name="发布数据集新版本",
            fields=(
                ("release", "版本"), ("rows", "记录数"), ("files", "文件"), ("job", "任务"),
                ("masks", "脱敏"), ("basis", "开放依据"), ("approved_by", "审批人"),
            ),
        ),
        Action(key="opening.look", name="检查开放数据集", fields=(("job", "任务"),)),
        Action(
            key="opening.privacy_set", name="修改隐私评估要求", fields=(("privacy", "评估要求"),)
        ),
        Action(
            key="opening.proposal_applied", name="采用处理办法",
            fields=(("fields", "字段"), ("masks", "脱敏"), ("privacy", "评估要求")),
        ),
        Action(
            key="opening.approval_submitted", name="提交开放审批",
            fields=(("fields", "字段"), ("masks", "脱敏"), ("basis", "开放依据")),
        ),
        Action(
            key="opening.approval_approved", name="通过开放审批", fields=(*_STATE, ("masks", "脱敏"))
        ),
        Action(
            key="opening.approval_returned", name="退回开放审批", fields=(*_STATE, ("masks", "脱敏"))
        ),
        Action(key="opening.dataset_withdrawn", name="撤回开放数据集", fields=_STATE),
        Action(
            key="opening.interface_created", name="新建开放接口",
            fields=(("resource", "数据资源"), ("fields", "字段")),
        ),
        Action(key="opening.interface_released", name="更新开放接口数据", fields=(("rows", "记录数"),)),
        Action(key="opening.interface_state", name="开放接口上线或下线", fields=_STATE),
    ),
    indicators=(
        Indicator(
            key="opening.datasets", name="开放数据集", unit="个", group="数据资源", order=70,
            compute="chengshu.data.opening.selectors.count_datasets", url_name="opening:datasets",
            url_query="state=published", description="群众在开放门户上能用的数据集",
        ),
        Indicator(
            key="opening.rows", name="开放数据", unit="条", group="数据资源", order=71,
            compute="chengshu.data.opening.selectors.count_rows", url_name="opening:datasets",
            url_query="state=published", description="开放数据集当前版本的记录总数",
        ),
        Indicator(
            key="opening.interfaces", name="开放接口", unit="个", group="数据资源", order=72,
            compute="chengshu.data.opening.selectors.count_interfaces",
            url_name="opening:interfaces", description="不用申请就能调用的接口",
        ),
    ),
    schedules=(
        Schedule(
            key="opening.recheck", name="复核已开放的数据集", cron="10 6 * * *", job="opening.recheck"
        ),
    ),
    search="chengshu.data.opening.search.sources",
    demo=DemoLoader(load="chengshu.data.opening.demo.load", order=45),
)  # fmt: skip
