"""What restricted opening brings."""

from chengshu.kernel.registry.manifest import Action, Manifest, Permission, RoleTemplate, Schedule

_STATE = (("state", "状态"), ("until", "有效期至"))

MANIFEST = Manifest(
    key="opening_agreements",
    name="受限开放",
    description="实名申请、接受协议、经同意后用自己的密钥取数据；收回和到期即时生效",
    permissions=(
        Permission(
            key="opening.grant", name="答复受限开放申请", description="含收回和维护协议",
            sensitive=True,
        ),
    ),
    roles=(RoleTemplate(key="data_admin", permissions=("opening.grant",)),),
    schedules=(
        Schedule(
            key="opening_agreements.remind", name="受限开放申请提醒", cron="50 8 * * *",
            job="opening_agreements.remind",
        ),
    ),
    actions=(
        Action(
            key="opening.agreement_made", name="发布数据利用协议新版本",
            fields=(("number", "版本"), ("digest", "校验值")),
        ),
        Action(
            key="opening.access_applied", name="申请受限开放数据",
            fields=(("agreement", "协议版本"), ("digest", "协议校验值"), ("purpose", "用途")),
        ),
        Action(key="opening.access_granted", name="同意受限开放申请", fields=_STATE),
        Action(key="opening.access_refused", name="不同意受限开放申请", fields=_STATE),
        Action(key="opening.access_withdrawn", name="收回受限开放授权", fields=_STATE),
        Action(key="opening.access_key", name="领取受限开放密钥"),
        Action(key="opening.access_fetched", name="下载受限开放数据", fields=(("release", "版本"),)),
    ),
)  # fmt: skip
