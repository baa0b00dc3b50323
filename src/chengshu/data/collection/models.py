"""Plans, their runs, back-fills, who holds a resource right now, and reconciliations."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from chengshu.data.collection.choices import (
    BackfillState,
    CatchUp,
    CheckState,
    CursorKind,
    Mode,
    PlanState,
    Reason,
    RunState,
    ScheduleKind,
    Step,
)
from chengshu.kernel.access.protocol import AccessRule
from chengshu.kernel.identity.models import Account
from chengshu.kernel.jobs.models import Job


class Plan(models.Model):
    """归集任务: one resource, one object of a source, how its columns map, in which mode and when."""

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    name = models.CharField("名称", max_length=120)
    resource = models.ForeignKey(
        "catalog.Resource", models.PROTECT, related_name="collection_plans", verbose_name="数据资源"
    )
    source = models.ForeignKey(
        "ingest.DataSource", models.PROTECT, related_name="plans", verbose_name="数据源"
    )
    object_name = models.CharField("来源对象", max_length=300)
    mapping = models.JSONField("对应关系", default=dict)
    structure = models.JSONField("来源结构", default=dict)
    mode = models.CharField("方式", max_length=12, choices=Mode)
    cursor_column = models.CharField("游标列", max_length=120, blank=True)
    cursor_kind = models.CharField("游标类型", max_length=10, choices=CursorKind, blank=True)
    lag = models.PositiveIntegerField(
        "回看窗口", default=0, help_text="日期时间按分钟，日期按天，数字按个数"
    )
    high_water = models.CharField("已归集到", max_length=80, blank=True)
    source_zone = models.CharField("来源时区", max_length=40, default="Asia/Shanghai")
    max_lost_percent = models.PositiveSmallIntegerField("最多删除", default=20)
    schedule = models.CharField(
        "定时", max_length=10, choices=ScheduleKind, default=ScheduleKind.MANUAL
    )
    at_time = models.TimeField("时刻", null=True, blank=True)
    cron = models.CharField("cron", max_length=80, blank=True)
    catch_up = models.CharField("错过之后", max_length=5, choices=CatchUp, default=CatchUp.ONCE)
    next_at = models.DateTimeField("下次", null=True, blank=True, db_index=True)
    depends_on = models.ManyToManyField("self", symmetrical=False, related_name="dependents")
    check_after = models.BooleanField("每次归集后对账", default=False)
    check_schedule = models.CharField(
        "对账定时", max_length=10, choices=ScheduleKind, default=ScheduleKind.MANUAL
    )
    check_at = models.TimeField("对账时刻", null=True, blank=True)
    check_cron = models.CharField("对账 cron", max_length=80, blank=True)
    next_check_at = models.DateTimeField("下次对账", null=True, blank=True, db_index=True)
    state = models.CharField("状态", max_length=8, choices=PlanState, default=PlanState.ACTIVE)
    state_reason = models.CharField("原因", max_length=200, blank=True)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField("创建时间", default=timezone.now)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "归集任务"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(mode="incremental") | (~Q(cursor_column="") & ~Q(cursor_kind="")),
                name="collection_increment_has_cursor",
            ),
            models.CheckConstraint(
                condition=Q(max_lost_percent__lte=100), name="collection_lost_percent"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Backfill(models.Model):
    """补采: a plan over a range of dates, period by period."""

    ACCESS: ClassVar = AccessRule(organization="plan__resource__provider__path")

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="backfills")
    first = models.DateField("从")
    last = models.DateField("到")
    step = models.CharField("分段", max_length=5, choices=Step, default=Step.DAY)
    periods = models.PositiveIntegerField("段数", default=0)
    done = models.PositiveIntegerField("已补", default=0)
    state = models.CharField(
        "状态", max_length=9, choices=BackfillState, default=BackfillState.RUNNING
    )
    message = models.TextField("说明", blank=True)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField("创建时间", default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = "补采"

    def __str__(self) -> str:
        return f"{self.plan} {self.first} 至 {self.last}"


class Run(models.Model):
    """One execution of a plan; its books are those of its batch."""

    ACCESS: ClassVar = AccessRule(organization="plan__resource__provider__path")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(Plan, models.CASCADE, related_name="runs")
    batch = models.OneToOneField(
        "ingest.Batch", models.PROTECT, null=True, blank=True, related_name="collection_run"
    )
    backfill = models.ForeignKey(
        Backfill, models.SET_NULL, null=True, blank=True, related_name="runs"
    )
    repeats = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+")
    reason = models.CharField("由来", max_length=10, choices=Reason)
    state = models.CharField(
        "状态", max_length=10, choices=RunState, default=RunState.QUEUED, db_index=True
    )
    message = models.TextField("说明", blank=True)
    slot = models.DateTimeField("计划时刻", null=True, blank=True)
    missed = models.PositiveIntegerField("错过次数", default=0)
    window_from = models.CharField("从", max_length=80, blank=True)
    window_to = models.CharField("到", max_length=80, blank=True)
    read_to = models.CharField("读到", max_length=80, blank=True)
    deleted = models.BigIntegerField("删除", default=0)
    late = models.BigIntegerField("迟到", default=0)
    future = models.BigIntegerField("时间在未来", default=0)
    skew_seconds = models.FloatField("时钟相差", null=True)
    allow_lost = models.BooleanField("已确认删除", default=False)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, blank=True, related_name="+")
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField("创建时间", default=timezone.now, db_index=True)
    started_at = models.DateTimeField("开始时间", null=True)
    finished_at = models.DateTimeField("完成时间", null=True, db_index=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = "归集运行"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "slot"], name="collection_slot_once")
        ]

    def __str__(self) -> str:
        return f"{self.plan} {timezone.localtime(self.created_at):%Y-%m-%d %H:%M}"

    @property
    def seconds(self) -> float | None:
        """Duration in seconds; None while it has not ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return max(0.0, (self.finished_at - self.started_at).total_seconds())


class Lease(models.Model):
    """Which run may write a resource now. Lives in the database, so it outlives a killed worker."""

    resource = models.OneToOneField(
        "catalog.Resource", models.CASCADE, related_name="collection_lease"
    )
    run = models.ForeignKey(Run, models.CASCADE, related_name="leases")
    taken_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.resource}: {self.run_id}"


class Reconciliation(models.Model):
    """对账: the source beside the lake, period by period."""

    ACCESS: ClassVar = AccessRule(organization="plan__resource__provider__path")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(Plan, models.CASCADE, related_name="reconciliations")
    state = models.CharField(
        "结果", max_length=10, choices=CheckState, default=CheckState.QUEUED, db_index=True
    )
    slot = models.DateTimeField("计划时刻", null=True, blank=True)
    method = models.CharField("做法", max_length=40, blank=True)
    source_rows = models.BigIntegerField("来源", default=0)
    lake_rows = models.BigIntegerField("湖中", default=0)
    quarantined = models.BigIntegerField("不合目录", default=0)
    missing = models.BigIntegerField("湖里缺", default=0)
    extra = models.BigIntegerField("湖里多", default=0)
    changed = models.BigIntegerField("值不同", default=0)
    message = models.TextField("说明", blank=True)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, blank=True, related_name="+")
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField("时间", default=timezone.now, db_index=True)
    finished_at = models.DateTimeField("完成时间", null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = "对账"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "slot"], name="collection_check_slot_once")
        ]

    def __str__(self) -> str:
        return f"{self.plan} {timezone.localtime(self.created_at):%Y-%m-%d %H:%M}"


class CheckedPeriod(models.Model):
    """One period of a reconciliation; ``samples`` names some of the keys that differ."""

    reconciliation = models.ForeignKey(Reconciliation, models.CASCADE, related_name="periods")
    label = models.CharField("时段", max_length=40)
    source_rows = models.BigIntegerField("来源", default=0)
    lake_rows = models.BigIntegerField("湖中", default=0)
    source_sum = models.CharField("来源校验和", max_length=48, blank=True)
    lake_sum = models.CharField("湖中校验和", max_length=48, blank=True)
    state = models.CharField("结果", max_length=10, choices=CheckState)
    quarantined = models.BigIntegerField("不合目录", default=0)
    missing = models.BigIntegerField("湖里缺", default=0)
    extra = models.BigIntegerField("湖里多", default=0)
    changed = models.BigIntegerField("值不同", default=0)
    samples = models.JSONField("抽样", default=list)

    class Meta:
        ordering: ClassVar = ["label"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["reconciliation", "label"], name="collection_period_once"
            )
        ]

    def __str__(self) -> str:
        return self.label
