"""Closed lists of collection plans."""

from django.db.models import TextChoices


class Mode(TextChoices):
    """How a run reads its source and what becomes of the rows in the lake."""

    FULL = "full", "全量覆盖"
    INCREMENTAL = "incremental", "按游标增量"
    MERGE = "merge", "按主键合并"
    SNAPSHOT = "snapshot", "快照比对（含删除）"
    APPEND = "append", "只追加（流水）"


MODE_HELP = {
    Mode.FULL: "每次读整张表，替换湖里的全部记录。没有主键也能用；少得太多会先停下请您确认。",
    Mode.INCREMENTAL: "只读上次之后变过的行（按时间或序号列），按主键更新或新增。适合大表、经常更新。",
    Mode.MERGE: "每次读整张表，按主键更新或新增，不删除。",
    Mode.SNAPSHOT: "每次读整张表，与湖里比对：变的更新，新的新增，来源没有的删除。删得太多会先停下请您确认。",
    Mode.APPEND: "只新增，从不改动已有记录。适合日志、流水；重复读到的行按主键（没有主键时整行比对）不再写。",
}
# Modes that remove rows are guarded by the plan's limit.
REMOVING = (Mode.FULL, Mode.SNAPSHOT)
NEEDS_KEY = (Mode.INCREMENTAL, Mode.MERGE, Mode.SNAPSHOT)


class CursorKind(TextChoices):
    DATETIME = "datetime", "日期时间"
    DATE = "date", "日期"
    NUMBER = "number", "数字（序号）"
    TEXT = "text", "文本（按字典序）"


class ScheduleKind(TextChoices):
    MANUAL = "manual", "不定时，手动运行"
    WORKDAY = "workday", "每个工作日"
    DAILY = "daily", "每天"
    CRON = "cron", "自定义（cron）"


class CatchUp(TextChoices):
    ONCE = "once", "补跑一次"
    SKIP = "skip", "不补，等下一次"


class PlanState(TextChoices):
    ACTIVE = "active", "启用"
    PAUSED = "paused", "已暂停"


class Reason(TextChoices):
    SCHEDULE = "schedule", "定时"
    MANUAL = "manual", "手动"
    BACKFILL = "backfill", "补采"
    RERUN = "rerun", "重跑"


class RunState(TextChoices):
    WAITING = "waiting", "等待前一批"
    DEPENDING = "depending", "等待前置任务"
    QUEUED = "queued", "排队中"
    RUNNING = "running", "归集中"
    SUCCEEDED = "succeeded", "已入库"
    FAILED = "failed", "失败，未入库"
    DRIFTED = "drifted", "来源结构变了"
    HELD = "held", "待确认删除"
    CANCELLED = "cancelled", "已取消"
    SKIPPED = "skipped", "没有运行"


UNDER_WAY = (RunState.QUEUED, RunState.RUNNING)
PENDING = (RunState.WAITING, RunState.DEPENDING, *UNDER_WAY)
TROUBLED = (RunState.FAILED, RunState.DRIFTED, RunState.HELD)


class BackfillState(TextChoices):
    RUNNING = "running", "补采中"
    STOPPED = "stopped", "停下了"
    DONE = "done", "已补完"
    CANCELLED = "cancelled", "已取消"


class Step(TextChoices):
    DAY = "day", "按天"
    WEEK = "week", "按周"
    MONTH = "month", "按月"


class CheckState(TextChoices):
    QUEUED = "queued", "排队中"
    RUNNING = "running", "对账中"
    EQUAL = "equal", "一致"
    EXPLAINED = "explained", "相差的都在隔离区"
    DIFFERENT = "different", "不一致"
    FAILED = "failed", "没有对成"
