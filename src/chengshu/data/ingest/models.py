"""Sources, pushed deliveries, batches and what was decided about quarantined rows."""

import uuid
from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from chengshu.data.ingest.choices import BatchState, DecisionKind, Origin, PushState
from chengshu.data.ingest.sources import Connector, connector
from chengshu.kernel.access.protocol import AccessRule
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.identity.models import Account, Organization, Region
from chengshu.kernel.jobs.models import Job

# A department's program that sends its largest parts one after the other reaches neither: 20 parts of 10,000 rows.
REQUESTS_PER_MINUTE = 120
ROWS_PER_MINUTE = 200_000


class DataSource(models.Model):
    """Where a department's data comes from; ``kind`` is a key of the connector registry.

    ``options`` are the plain settings of the kind, ``secrets_sealed`` one sealed JSON of its secrets, never shown.
    """

    ACCESS: ClassVar = AccessRule(organization="owner__path")

    name = models.CharField("名称", max_length=80, unique=True)
    owner = models.ForeignKey(
        Organization, models.PROTECT, related_name="data_sources", verbose_name="所属单位"
    )
    warehouse = models.ForeignKey(
        "catalog.Warehouse", models.SET_NULL, null=True, blank=True, related_name="data_sources",
        verbose_name="数据仓",
    )  # fmt: skip
    kind = models.CharField("类型", max_length=20, default="postgresql", db_index=True)
    options = models.JSONField("连接设置", default=dict)
    secrets_sealed = models.TextField(blank=True)
    checked_at = models.DateTimeField("最近检查", null=True)
    check_passed = models.BooleanField("连接正常", null=True)
    check_message = models.CharField("检查结果", max_length=400, blank=True)
    # Seconds its clock is ahead of ours; negative: behind. None where the kind has no clock to ask.
    clock_skew = models.FloatField("时钟相差", null=True)
    clock_read_at = models.DateTimeField("对时时间", null=True)
    created_at = models.DateTimeField("登记时间", default=timezone.now)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "数据源"

    def __str__(self) -> str:
        return self.name

    @property
    def connector(self) -> Connector:
        """How sources of this kind are read."""
        return connector(self.kind)

    @property
    def kind_name(self) -> str:
        """The kind in Chinese."""
        return self.connector.name

    @property
    def place(self) -> str:
        """Where it is, in one line without secrets."""
        return self.connector.summary(self.options)


class TakenFile(models.Model):
    """A dropped file some batch took. It counts as delivered while that batch is queued, running or loaded."""

    source = models.ForeignKey(DataSource, models.CASCADE, related_name="taken_files")
    batch = models.ForeignKey("Batch", models.CASCADE, related_name="taken_files")
    resource = models.ForeignKey("catalog.Resource", models.CASCADE, related_name="+")
    name = models.CharField("文件名", max_length=255)
    size = models.BigIntegerField("大小")
    modified = models.BigIntegerField("修改时间")
    sha256 = models.CharField("内容摘要", max_length=64, blank=True)
    # Set when the content of this name had been delivered before: only its time had changed.
    repeated = models.BooleanField("内容没有变化", default=False)
    taken_at = models.DateTimeField("取件时间", default=timezone.now)
    # What became of it on the other side, once its batch was in the lake; empty while nothing has been settled.
    cleared_at = models.DateTimeField("取走时间", null=True)
    cleared_to = models.CharField("移到", max_length=600, blank=True)
    clearing_note = models.CharField("没有移走的原因", max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["batch", "pk"]
        verbose_name = "取过的文件"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["batch", "name", "size", "modified"], name="ingest_taken_once_per_batch"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["source", "resource", "name"], name="ingest_taken_by_name")
        ]

    def __str__(self) -> str:
        return self.name


class PushToken(models.Model):
    """Lets a department's program push rows into some of its resources; only a hash of the token is kept."""

    ACCESS: ClassVar = AccessRule(organization="owner__path")

    name = models.CharField("名称", max_length=80)
    owner = models.ForeignKey(
        Organization, models.PROTECT, related_name="push_tokens", verbose_name="所属单位"
    )
    prefix = models.CharField("令牌开头", max_length=12, unique=True)
    secret_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField("签发时间", default=timezone.now)
    created_by = models.ForeignKey(Account, models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField("吊销时间", null=True)
    requests_per_minute = models.PositiveIntegerField("每分钟请求", default=REQUESTS_PER_MINUTE)
    rows_per_minute = models.PositiveIntegerField("每分钟行数", default=ROWS_PER_MINUTE)
    last_used_at = models.DateTimeField("最近使用", null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = "推送令牌"

    def __str__(self) -> str:
        return self.name


class PushMinute(models.Model):
    """What was done by one token in one minute; counted here so that several web processes share the count."""

    token = models.ForeignKey(PushToken, models.CASCADE, related_name="minutes")
    minute = models.DateTimeField("分钟", db_index=True)
    requests = models.PositiveIntegerField("请求", default=0)
    rows = models.PositiveIntegerField("行数", default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["token", "minute"], name="ingest_push_minute_once")
        ]

    def __str__(self) -> str:
        return f"{self.token_id} {self.minute:%H:%M}"


class PushSession(models.Model):
    """One pushed delivery: numbered parts, then a commit that says how many rows there should be."""

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    token = models.ForeignKey(PushToken, models.PROTECT, related_name="sessions")
    resource = models.ForeignKey("catalog.Resource", models.PROTECT, related_name="push_sessions")
    state = models.CharField(
        "状态", max_length=10, choices=PushState, default=PushState.OPEN, db_index=True
    )
    columns = models.JSONField("数据项", default=list)
    batch = models.OneToOneField("Batch", models.PROTECT, null=True, related_name="push_session")
    begun_at = models.DateTimeField("开始时间", default=timezone.now)
    ended_at = models.DateTimeField("结束时间", null=True)

    class Meta:
        ordering: ClassVar = ["-begun_at"]
        verbose_name = "推送会话"

    def __str__(self) -> str:
        return f"{self.resource} {timezone.localtime(self.begun_at):%Y-%m-%d %H:%M}"

    @property
    def folder(self) -> Path:
        """Where the parts lie."""
        return Path(settings.DATA_DIR) / "pushed" / str(self.id)


class PushPart(models.Model):
    """One part of a session, durable before it was answered."""

    session = models.ForeignKey(PushSession, models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField("序号")
    rows = models.PositiveIntegerField("行数")
    sha256 = models.CharField("内容摘要", max_length=64)
    received_at = models.DateTimeField("收到时间", default=timezone.now)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["session", "number"], name="ingest_push_part_once")
        ]

    def __str__(self) -> str:
        return f"第 {self.number} 部分 {self.rows} 行"


class PushAnswer(models.Model):
    """What was answered to a request with an idempotency key; the same key gets the same answer."""

    token = models.ForeignKey(PushToken, models.CASCADE, related_name="answers")
    key = models.CharField("幂等键", max_length=100)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["token", "key"], name="ingest_push_answer_once")
        ]

    def __str__(self) -> str:
        return self.key


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
