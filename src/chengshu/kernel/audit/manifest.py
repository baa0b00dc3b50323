"""What audit brings."""

from chengshu.kernel.registry.manifest import Manifest, Permission, RoleTemplate, Schedule

MANIFEST = Manifest(
    key="audit",
    name="审计",
    description="只增不改的操作留痕，可校验",
    permissions=(
        Permission(key="audit.view", name="查看审计记录", sensitive=True),
        Permission(key="audit.verify", name="校验审计链条"),
        Permission(key="audit.evidence", name="导出留痕交第三方", sensitive=True),
        Permission(key="audit.keys", name="更换锚点密钥", sensitive=True),
    ),
    roles=(
        RoleTemplate(
            key="security_admin",
            permissions=("audit.view", "audit.verify", "audit.evidence", "audit.keys"),
        ),
        RoleTemplate(key="data_admin", permissions=("audit.view", "audit.evidence")),
    ),
    schedules=(
        Schedule(key="audit.checkpoint", name="签署审计检查点", cron="* * * * *", job="audit.checkpoint"),
        Schedule(key="audit.clear_evidence", name="删除过期的留痕导出", cron="40 * * * *",
                 job="audit.clear_evidence"),
        Schedule(key="audit.anchor", name="签署留痕锚点", cron="*/10 * * * *", job="audit.anchor"),
    ),
)  # fmt: skip
