"""What jobs bring."""

from chengshu.kernel.registry.manifest import (
    Action,
    Manifest,
    Menu,
    Permission,
    RoleTemplate,
    Schedule,
)

MANIFEST = Manifest(
    key="jobs",
    name="后台任务",
    description="有进度、可取消、可重试的后台任务",
    menus=(
        Menu(
            portal="console", layer="system", title="后台任务", url_name="jobs:jobs",
            icon="progress", permission="jobs.view", order=830,
        ),
    ),
    actions=(
        Action(key="jobs.cancel", name="取消后台任务"),
        Action(key="jobs.retry", name="重试后台任务"),
    ),
    permissions=(
        Permission(key="jobs.view", name="查看后台任务"),
        Permission(key="jobs.manage", name="管理后台任务"),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=("jobs.view",)),
        RoleTemplate(key="data_admin", permissions=("jobs.view", "jobs.manage")),
        RoleTemplate(key="operator", permissions=("jobs.view", "jobs.manage")),
    ),
    schedules=(
        Schedule(key="jobs.purge", name="清理任务队列", cron="20 3 * * *", job="jobs.purge"),
    ),
)  # fmt: skip
