"""Rules people made, what was evaluated when, and how it is scored."""

import uuid
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from chengshu.data.quality.choices import Dimension, Grade, RuleOrigin, Severity
from chengshu.kernel.access.protocol import AccessRule
from chengshu.kernel.identity.models import Account, Organization


class QualityPolicy(models.Model):
    """The one policy of the city: weights, shares, thresholds; empty content means the defaults."""

    content = models.JSONField(default=dict)
    updated_at = models.DateTimeField("修改时间", default=timezone.now)
    updated_by = models.ForeignKey(Account, models.SET_NULL, null=True)

    def __str__(self) -> str:
        return "质量评价办法"


class Rule(models.Model):
    """A rule of one resource that somebody built, wrote or accepted. Each change is a version."""

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    resource = models.ForeignKey(
        "catalog.Resource", models.CASCADE, related_name="quality_rules", verbose_name="数据资源"
    )
    title = models.CharField("名称", max_length=160)
    kind = models.CharField("类型", max_length=20)
    definition = models.JSONField("内容", default=dict)
    dimension = models.CharField("维度", max_length=16, choices=Dimension)
    severity = models.CharField("严重程度", max_length=8, choices=Severity, default=Severity.NORMAL)
    origin = models.CharField("来源", max_length=12, choices=RuleOrigin, default=RuleOrigin.OFFICER)
    enabled = models.BooleanField("启用", default=True)
    version = models.PositiveIntegerField("版本", default=1)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField("建立时间", default=timezone.now)
    updated_at = models.DateTimeField("修改时间", default=timezone.now)

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name = "质量规则"

    def __str__(self) -> str:
        return self.title

    @property
    def key(self) -> str:
        """The key of its results."""
        return f"rule:{self.pk}"


class RuleVersion(models.Model):
    """What a rule said at a time."""

    rule = models.ForeignKey(Rule, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField("版本")
    content = models.JSONField(default=dict)
    saved_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    saved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule", "number"], name="quality_rule_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.rule} v{self.number}"


class RuleSetting(models.Model):
    """What an officer changed of a rule that comes from the catalogue or from a template."""

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    resource = models.ForeignKey("catalog.Resource", models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    enabled = models.BooleanField("启用", default=True)
    severity = models.CharField("严重程度", max_length=8, choices=Severity, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource", "key"], name="quality_setting_once")
        ]

    def __str__(self) -> str:
        return self.key


class Evaluation(models.Model):
    """One evaluation of one resource; the newest is ``latest``, older ones keep the trend."""

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    resource = models.ForeignKey(
        "catalog.Resource", models.CASCADE, related_name="evaluations", verbose_name="数据资源"
    )
    at = models.DateTimeField("评价时间", default=timezone.now)
    latest = models.BooleanField(default=True)
    full = models.BooleanField("全量", default=False)
    batch = models.UUIDField("最近的批次", null=True)
    lake_version = models.BigIntegerField(default=0)
    catalogue_version = models.PositiveIntegerField("目录版本", default=0)
    rows = models.BigIntegerField("在库", default=0)
    quarantined = models.BigIntegerField("隔离未处理", default=0)
    failing = models.BigIntegerField("有问题的记录", default=0)
    score = models.FloatField("得分", default=0)
    grade = models.CharField("等级", max_length=10, choices=Grade)
    dimensions = models.JSONField("维度得分", default=dict)
    fixes = models.JSONField("先改什么", default=list)
    notes = models.JSONField("说明", default=list)
    kept = models.JSONField("通过的规则", default=list)
    rules = models.PositiveIntegerField("规则数", default=0)
    seconds = models.FloatField("用时", default=0)

    class Meta:
        ordering: ClassVar = ["-at"]
        verbose_name = "质量评价"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["resource"], condition=models.Q(latest=True), name="quality_one_latest"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["resource", "at"], name="quality_by_time")]

    def __str__(self) -> str:
        return f"{self.resource} {self.get_grade_display()}"

    @property
    def rows_file(self) -> Path:
        """The failing rows: key columns and mask words."""
        return rows_folder(self.resource_id) / f"{self.pk}.parquet"

    @property
    def dimension_pairs(self) -> list[tuple[str, str, Any]]:
        """(key, name, score or None) of all six dimensions."""
        return [(key, name, self.dimensions.get(key)) for key, name in Dimension.choices]


def rows_folder(resource_id: int) -> Path:
    """Where the failing rows of a resource lie."""
    return Path(settings.DATA_DIR) / "quality" / str(resource_id)


class RuleResult(models.Model):
    """A rule that found something, or could not run, in the latest evaluation of a resource.

    Rules that passed are in the evaluation's ``kept``. ``position`` is the bit in the failing rows, -1 for none.
    """

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="results")
    key = models.CharField(max_length=200)
    rule = models.ForeignKey(Rule, models.SET_NULL, null=True, related_name="results")
    title = models.CharField("规则", max_length=200)
    dimension = models.CharField("维度", max_length=16, choices=Dimension)
    severity = models.CharField("严重程度", max_length=8, choices=Severity)
    origin = models.CharField("来源", max_length=12, choices=RuleOrigin)
    columns = models.JSONField(default=list)
    position = models.IntegerField(default=-1)
    checked = models.BigIntegerField("检查", default=0)
    failed = models.BigIntegerField("在库不合格", default=0)
    quarantined = models.BigIntegerField("隔离", default=0)
    error = models.CharField("没有执行的原因", max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-failed", "-quarantined", "pk"]

    def __str__(self) -> str:
        return self.title

    @property
    def total(self) -> int:
        """Records that break the rule, stored or in quarantine."""
        return self.failed + self.quarantined


class ScoreDay(models.Model):
    """The score of a department, or of the city (no organisation), at the end of a day."""

    ACCESS: ClassVar = AccessRule(organization="organization__path")

    scope = models.CharField(max_length=40)
    organization = models.ForeignKey(Organization, models.CASCADE, null=True, related_name="+")
    day = models.DateField("日期")
    score = models.FloatField("得分")
    grade = models.CharField("等级", max_length=10, choices=Grade)
    dimensions = models.JSONField(default=dict)
    resources = models.PositiveIntegerField("资源数")
    grades = models.JSONField("等级分布", default=dict)

    class Meta:
        ordering: ClassVar = ["day"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["scope", "day"], name="quality_score_once_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.day}"
