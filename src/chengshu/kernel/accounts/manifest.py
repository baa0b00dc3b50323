"""What accounts bring: the pages of organisations and accounts, and the names of what happens to them."""

from chengshu.kernel.registry.manifest import Action, DemoLoader, Manifest, Menu

MANIFEST = Manifest(
    key="accounts",
    name="账号与机构",
    description="登录、密码、个人信息、组织机构与账号管理",
    menus=(
        Menu(
            portal="console", layer="system", title="组织机构", url_name="identity:organizations",
            icon="building-community", permission="identity.organization.view", order=810,
        ),
        Menu(
            portal="console", layer="system", title="账号与角色", url_name="identity:accounts",
            icon="users", permission="identity.account.view", order=820,
        ),
    ),
    actions=(
        Action(key="identity.sign_in", name="登录"),
        Action(key="identity.sign_out", name="退出登录"),
        Action(key="identity.sign_in_failed", name="登录失败"),
        Action(key="identity.sign_in_locked", name="连续登录失败，账号锁定"),
        Action(key="identity.password_changed", name="修改密码"),
        Action(key="identity.password_reset", name="重置密码"),
        Action(key="identity.profile_changed", name="修改个人信息"),
        Action(key="identity.account_created", name="创建账号"),
        Action(key="identity.account_changed", name="修改账号"),
        Action(
            key="identity.account_state", name="启用、停用或解锁账号",
            fields=(("locked", "锁定"),),
        ),
        Action(
            key="identity.role_assigned", name="授予角色",
            fields=(("role", "角色"), ("organization", "机构范围")),
        ),
        Action(
            key="identity.role_revoked", name="收回角色",
            fields=(("role", "角色"), ("organization", "机构范围")),
        ),
        Action(key="identity.organization_created", name="新增机构"),
        Action(key="identity.organization_changed", name="修改机构"),
        Action(
            key="demo.identity_loaded", name="装载演示机构与账号",
            fields=(("organizations", "机构数"), ("accounts", "账号数")),
        ),
    ),
    demo=DemoLoader(load="chengshu.kernel.accounts.demo.load", order=10),
    search="chengshu.kernel.accounts.search.sources",
)  # fmt: skip
