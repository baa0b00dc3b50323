"""Sources, batches and what was decided about quarantined rows."""

import uuid
from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from chengshu.data.ingest.choices import BatchState, DecisionKind, Origin, SourceKind
from chengshu.kernel.access.protocol import AccessRule
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.identity.models import Account, Organization, Region
from chengshu.kernel.jobs.models import Job


class DataSource(models.Model):
    """A department's database; the password is sealed at rest and never shown again."""

    ACCESS: ClassVar = AccessRule(organization="owner__path")

    name = models.CharField("名称", max_length=80, unique=True)
    owner = models.ForeignKey(Organization, models.PROTECT, related_name="data_sources")
    kind = models.CharField(
        "类型", max_length=12, choices=SourceKind, default=SourceKind.POSTGRESQL
    )
    host = models.CharField("主机", max_length=120)
    port = models.PositiveIntegerField("端口", default=5432)
    database = models.CharField("数据库", max_length=63)
    user = models.CharField("用户", max_length=63)
    password_sealed = models.TextField(blank=True)
    created_at = models.DateTimeField("登记时间", default=timezone.now)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "数据源"

    def __str__(self) -> str:
        return self.name


class Batch(models.Model):
    """One delivery of one resource: *source = accepted + quarantined + duplicates* holds, or it is not loaded."""

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    resource = models.ForeignKey(
        "catalog.Resource", models.PROTECT, related_name="batches", verbose_name="数据资源"
    )
    catalogue_version = models.PositiveIntegerField("目录版本", null=True)
    origin = models.CharField("来源", max_length=10, choices=Origin)
    file = models.ForeignKey(StoredFile, models.PROTECT, null=True, blank=True)
    data_source = models.ForeignKey(DataSource, models.PROTECT, null=True, blank=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="replays"
    )
    options = models.JSONField("读取方式", default=dict)
    state = models.CharField(
        "状态", max_length=10, choices=BatchState, default=BatchState.DRAFT, db_index=True
    )
    source_rows = models.BigIntegerField("来源行数", default=0)
    accepted = models.BigIntegerField("入库", default=0)
    quarantined = models.BigIntegerField("隔离", default=0)
    duplicates = models.BigIntegerField("重复", default=0)
    inserted = models.BigIntegerField("新增", default=0)
    updated = models.BigIntegerField("更新", default=0)
    unchanged = models.BigIntegerField("无变化", default=0)
    lake_version = models.BigIntegerField("入库版本", null=True)
    error = models.TextField("错误", blank=True)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, blank=True)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True)
    created_at = models.DateTimeField("创建时间", default=timezone.now, db_index=True)
    finished_at = models.DateTimeField("完成时间", null=True)
    seconds = models.FloatField("用时", default=0)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = "归集批次"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(state="loaded")
                | Q(source_rows=F("accepted") + F("quarantined") + F("duplicates")),
                name="ingest_batch_balances",
            ),
            models.CheckConstraint(
                condition=~Q(state="loaded")
                | Q(accepted=F("inserted") + F("updated") + F("unchanged")),
                name="ingest_batch_accepted_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource} {timezone.localtime(self.created_at):%Y-%m-%d %H:%M}"

    @property
    def folder(self) -> Path:
        """Where this batch's staged and quarantined rows lie."""
        return Path(settings.DATA_DIR) / "batches" / str(self.id)


class BatchProblem(models.Model):
    """How many rows one rule refused in one column of a batch."""

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="problems")
    rule = models.CharField("规则", max_length=40)
    rule_name = models.CharField("规则名称", max_length=60)
    column = models.CharField("字段", max_length=63, blank=True)
    column_title = models.CharField("数据项", max_length=120, blank=True)
    rows = models.BigIntegerField("行数")

    class Meta:
        ordering: ClassVar = ["-rows", "rule"]

    def __str__(self) -> str:
        return f"{self.rule_name} {self.column_title} {self.rows}"


class QuarantineDecision(models.Model):
    """What was decided about one quarantined row; the row itself stays in the batch's quarantine file."""

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="decisions")
    row_number = models.BigIntegerField("行号")
    kind = models.CharField("处理", max_length=10, choices=DecisionKind)
    values = models.JSONField("更正后的值", default=dict)
    note = models.CharField("说明", max_length=300, blank=True)
    decided_by = models.ForeignKey(Account, models.SET_NULL, null=True)
    decided_at = models.DateTimeField(default=timezone.now)
    replay = models.ForeignKey(Batch, models.SET_NULL, null=True, related_name="replayed_rows")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "row_number"], name="ingest_decision_once")
        ]

    def __str__(self) -> str:
        return f"第 {self.row_number} 行 {self.get_kind_display()}"


class Collected(models.Model):
    """What the lake holds of one resource; renewed in the same transaction as a batch's result."""

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    resource = models.OneToOneField("catalog.Resource", models.CASCADE, related_name="collected")
    rows = models.BigIntegerField("记录数", default=0)
    bytes = models.BigIntegerField("占用空间", default=0)
    lake_version = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField("更新时间", default=timezone.now)

    def __str__(self) -> str:
        return f"{self.resource}: {self.rows}"


class RegionCount(models.Model):
    """Records of one resource that lie in one community, for the map."""

    resource = models.ForeignKey("catalog.Resource", models.CASCADE, related_name="region_counts")
    region = models.ForeignKey(Region, models.CASCADE, related_name="record_counts")
    rows = models.BigIntegerField("记录数")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource", "region"], name="ingest_region_count_once")
        ]

    def __str__(self) -> str:
        return f"{self.region} {self.rows}"
