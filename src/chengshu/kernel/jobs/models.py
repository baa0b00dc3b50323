"""Jobs as people see them, and the slots that make schedules run exactly once."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from chengshu.kernel.access.rules import AccessRule
from chengshu.kernel.identity.models import Account, Organization


class JobState(models.TextChoices):
    QUEUED = "queued", "排队中"
    RUNNING = "running", "进行中"
    SUCCEEDED = "succeeded", "已完成"
    FAILED = "failed", "失败"
    DEAD = "dead", "多次失败，等待处理"
    CANCELLED = "cancelled", "已取消"


FINISHED = (JobState.SUCCEEDED, JobState.FAILED, JobState.DEAD, JobState.CANCELLED)


class Job(models.Model):
    """One piece of background work; ``key`` makes enqueueing idempotent."""

    ACCESS: ClassVar = AccessRule(organization="organization__path")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField("类别", max_length=80, db_index=True)
    title = models.CharField("名称", max_length=200)
    arguments = models.JSONField("参数", default=dict)
    key = models.CharField(max_length=120, null=True, blank=True, unique=True)
    state = models.CharField(
        "状态", max_length=12, choices=JobState, default=JobState.QUEUED, db_index=True
    )
    done = models.BigIntegerField("已处理", default=0)
    total = models.BigIntegerField("总量", null=True)
    unit = models.CharField("单位", max_length=12, default="行")
    stage = models.CharField("阶段", max_length=80, blank=True)
    counts = models.JSONField("计数", default=dict)
    result = models.JSONField("结果", null=True)
    error = models.TextField("错误", blank=True)
    attempts = models.PositiveSmallIntegerField("已尝试次数", default=0)
    max_attempts = models.PositiveSmallIntegerField("最多尝试次数", default=3)
    cancel_requested = models.BooleanField(default=False)
    worker = models.CharField("执行者", max_length=64, blank=True)
    heartbeat_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField("创建时间", default=timezone.now, db_index=True)
    started_at = models.DateTimeField("开始时间", null=True)
    finished_at = models.DateTimeField("结束时间", null=True)
    run_after = models.DateTimeField("不早于", null=True)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True)
    organization = models.ForeignKey(Organization, models.SET_NULL, null=True)
    object_url = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = "后台任务"

    def __str__(self) -> str:
        return self.title

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    @property
    def percent(self) -> int | None:
        """0–100, None while the total is unknown."""
        if self.state == JobState.SUCCEEDED:
            return 100
        if not self.total:
            return None
        return min(99, int(self.done * 100 / self.total))

    @property
    def rate(self) -> float:
        """Units per second since the start."""
        seconds = self.seconds
        return self.done / seconds if seconds > 0 else 0.0

    @property
    def seconds(self) -> float:
        """Run time so far."""
        if self.started_at is None:
            return 0.0
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()

    @property
    def remaining_seconds(self) -> float | None:
        """Estimate from the rate so far, None when it cannot be told."""
        if self.finished or not self.total or self.rate <= 0:
            return None
        return (self.total - self.done) / self.rate


class ScheduleRun(models.Model):
    """A slot of a schedule; the unique constraint lets only one worker enqueue it."""

    name = models.CharField(max_length=80)
    slot = models.DateTimeField()
    job = models.ForeignKey(Job, models.SET_NULL, null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "slot"], name="jobs_schedule_slot_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.slot:%F %R}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Slots are whole minutes."""
        self.slot = self.slot.replace(second=0, microsecond=0)
        super().save(*args, **kwargs)
