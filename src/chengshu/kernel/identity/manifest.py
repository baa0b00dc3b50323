"""What identity brings: the roles of the people in the city, and who may manage accounts."""

from chengshu.kernel.registry.manifest import (
    EventType,
    Manifest,
    Permission,
    RoleTemplate,
)

MANIFEST = Manifest(
    key="identity",
    name="身份",
    description="组织机构、行政区域、账号与角色",
    permissions=(
        Permission(key="console.enter", name="进入工作台"),
        Permission(key="identity.organization.view", name="查看组织机构"),
        Permission(key="identity.organization.manage", name="维护组织机构"),
        Permission(key="identity.account.view", name="查看账号"),
        Permission(key="identity.account.manage", name="管理账号"),
        Permission(key="identity.role.assign", name="授予角色", sensitive=True),
        Permission(
            key="identity.role.assign_any", name="授予任何角色", sensitive=True,
            description="可授予含自己没有的权限的角色；不能授予自己",
        ),
    ),
    roles=(
        RoleTemplate(
            key="data_officer", name="数据专员", description="部门的数据专员：登记、编目、归集、申请",
            permissions=("console.enter", "identity.organization.view"),
        ),
        RoleTemplate(
            key="data_admin", name="数据管理员", description="智慧城市建设中心：审核、发布、监督",
            permissions=(
                "console.enter", "identity.organization.view", "identity.account.view",
            ),
        ),
        RoleTemplate(
            key="integrator", name="应用开发者", description="找数据、申请、调用",
            permissions=("console.enter",),
        ),
        RoleTemplate(
            key="approver", name="窗口/审批人员", description="一张待办清单",
            permissions=("console.enter",),
        ),
        RoleTemplate(key="grid_worker", name="网格员", description="巡查与上报", permissions=()),
        RoleTemplate(
            key="duty_officer", name="指挥中心值班员", description="一张图、告警、派单",
            permissions=("console.enter",),
        ),
        RoleTemplate(key="leader", name="领导", description="看驾驶舱与指标", permissions=("console.enter",)),
        RoleTemplate(
            key="operator", name="运维管理员", description="账号、任务、系统运行",
            permissions=(
                "console.enter", "identity.organization.view", "identity.organization.manage",
                "identity.account.view", "identity.account.manage", "identity.role.assign",
                "identity.role.assign_any",
            ),
        ),
        RoleTemplate(
            key="security_admin", name="安全管理员", description="查审计、验链条",
            permissions=("console.enter", "identity.account.view", "identity.organization.view"),
        ),
        RoleTemplate(key="citizen", name="群众", permissions=()),
        RoleTemplate(key="enterprise", name="企业", permissions=()),
    ),
    events=(
        EventType(key="city.identity.account.locked", name="账号被锁定"),
        EventType(key="city.identity.account.changed", name="账号有变更"),
        EventType(key="city.identity.organization.changed", name="组织机构有变更"),
    ),
)  # fmt: skip
