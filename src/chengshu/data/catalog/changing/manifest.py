"""What the pages of changes bring."""

from chengshu.kernel.registry.manifest import Action, Manifest, Schedule

MANIFEST = Manifest(
    key="catalog_changing",
    name="目录变更",
    description="提交前看影响、答复审核意见、暂停与撤销",
    actions=(
        Action(
            key="catalog.resource.retirement_planned", name="安排撤销目录",
            fields=(("on", "撤销日期"),),
        ),
        Action(
            key="catalog.resource.retirement_cancelled", name="取消撤销安排",
            fields=(("on", "撤销日期"),),
        ),
    ),
    schedules=(
        Schedule(
            key="catalog.retire_due", name="按期撤销目录", cron="20 0 * * *", job="catalog.retire_due"
        ),
    ),
)  # fmt: skip
