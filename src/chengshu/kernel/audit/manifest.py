"""What audit brings."""

from chengshu.kernel.registry.manifest import Manifest, Permission, RoleTemplate, Schedule

MANIFEST = Manifest(
    key="audit",
    name="审计",
    description="只增不改的操作留痕，可校验",
    permissions=(
        Permission(key="audit.view", name="查看审计记录", sensitive=True),
        Permission(key="audit.verify", name="校验审计链条"),
    ),
    roles=(
        RoleTemplate(key="security_admin", permissions=("audit.view", "audit.verify")),
        RoleTemplate(key="data_admin", permissions=("audit.view",)),
    ),
    schedules=(
        Schedule(key="audit.checkpoint", name="签署审计检查点", cron="* * * * *", job="audit.checkpoint"),
        Schedule(key="audit.anchor", name="签署留痕锚点", cron="*/10 * * * *", job="audit.anchor"),
    ),
)  # fmt: skip
