"""What processes bring: the to-do list, the right to see, press and manage cases, the names of their acts."""

from chengshu.kernel.registry.manifest import (
    Action,
    EventType,
    Manifest,
    Permission,
    RoleTemplate,
)

_ACTS = {
    "process.case.started": "发起办件",
    "process.task.completed": "办理任务",
    "process.task.answered": "回复意见",
    "process.task.claimed": "签收任务",
    "process.task.released": "放回任务",
    "process.task.delegated": "委托任务",
    "process.task.transferred": "转办任务",
    "process.task.signer_added": "加签",
    "process.task.returned": "退回办件",
    "process.task.withdrawn": "撤回任务",
    "process.case.jumped": "跳转办件",
    "process.case.cancelled": "撤销办件",
    "process.case.suspended": "暂停办件",
    "process.case.resumed": "恢复办件",
    "process.case.urged": "催办",
    "process.case.supervised": "督办",
    "process.case.relieved": "解除督办",
    "process.case.commented": "办件留言",
    "process.case.attached": "上传办件附件",
    "process.case.copied": "抄送办件",
    "process.case.timed": "办件到时",
}

MANIFEST = Manifest(
    key="process",
    name="流程与待办",
    description="流程办件、一张待办清单、期限与督办",
    # No entry in the menus yet: an empty list there would say that nothing waits, while tickets, requests and reviews
    # still keep lists of their own. It comes when they post their tasks.
    permissions=(
        Permission(key="process.view", name="查看本单位办件"),
        Permission(key="process.supervise", name="督办"),
        Permission(key="process.manage", name="管理流程办件", sensitive=True),
    ),
    roles=(
        RoleTemplate(key="data_admin", permissions=("process.view", "process.supervise")),
        RoleTemplate(key="leader", permissions=("process.view", "process.supervise")),
        RoleTemplate(
            key="operator", permissions=("process.view", "process.manage")
        ),
    ),
    actions=tuple(
        Action(
            key=key, name=name,
            fields=(
                ("state", "状态"), ("task", "任务"), ("step", "步骤"), ("outcome", "结果"),
                ("process", "流程"), ("version", "版本"), ("to", "交给"),
                ("kind", "类别"),
            ),
        )
        for key, name in _ACTS.items()
    ),
    events=tuple(EventType(key=f"city.{key}", name=name) for key, name in _ACTS.items()),
)  # fmt: skip
