"""What the exchange with the public brings."""

from chengshu.kernel.registry.manifest import (
    Action,
    EventType,
    Indicator,
    Manifest,
    Permission,
    RoleTemplate,
    Schedule,
)

MANIFEST = Manifest(
    key="opening_voices",
    name="开放互动",
    description="公众对开放数据的需求、纠错、提问和利用成果，限时答复后公开；订阅新版本",
    permissions=(
        Permission(
            key="opening.answer", name="答复公众来信", description="需求、纠错、提问、成果审核"
        ),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=("opening.answer",)),
        RoleTemplate(key="data_admin", permissions=("opening.answer",)),
    ),
    events=(EventType(key="city.opening.voice.submitted", name="收到公众来信"),),
    actions=(
        Action(key="opening.voice_submitted", name="提交公众来信", fields=(("kind", "类别"),)),
        Action(key="opening.voice_taken", name="认领公众来信", fields=(("owner", "经办人"),)),
        Action(key="opening.voice_answered", name="答复公众来信", fields=(("state", "状态"),)),
        Action(key="opening.followed", name="订阅数据集", fields=(("wanted", "订阅"),)),
    ),
    schedules=(
        Schedule(
            key="opening_voices.remind", name="公众来信提醒", cron="45 8 * * *",
            job="opening_voices.remind",
        ),
    ),
    indicators=(
        Indicator(
            key="opening_voices.waiting", name="待答复来信", unit="件", group="数据资源", order=73,
            compute="chengshu.data.opening.voices.selectors.count_waiting",
            url_name="opening_voices:inbox", url_query="state=waiting",
        ),
        Indicator(
            key="opening_voices.overdue", name="超期来信", unit="件", group="数据资源", order=74,
            compute="chengshu.data.opening.voices.selectors.count_overdue",
            url_name="opening_voices:inbox", url_query="state=waiting",
        ),
    ),
)  # fmt: skip
