"""Platforms above and below, what they hand to us, what we hand to them."""

from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from chengshu.data.cascade.choices import (
    Cycle,
    EntryState,
    FileFormat,
    IncomingState,
    Mode,
    OutgoingState,
    PlanState,
    PlatformState,
    Rank,
    Role,
    Scheme,
    Way,
)
from chengshu.data.cascade.notes import Note, Receipt
from chengshu.kernel.access.protocol import AccessRule
from chengshu.kernel.identity.models import Account, Organization

# Rows of one file, and working days until a receipt is late: defaults people change in the plan.
ROWS_PER_PART = 50_000
RECEIPT_DAYS = 5


def cascade_root() -> Path:
    """Where files of deliveries lie."""
    return Path(settings.DATA_DIR) / "cascade"


class Platform(models.Model):
    """Another public data platform: above us (we call it) or below us (it calls us).

    ``secret_sealed`` is the common secret, or our SM2 private key for an upper platform; ``public_key`` the SM2 point
    of a lower one. ``organization`` is the department that stands for it as the source of what it hands back.
    """

    name = models.CharField("名称", max_length=80, unique=True)
    role = models.CharField("上下级", max_length=8, choices=Role, default=Role.UPPER, db_index=True)
    rank = models.CharField("级别", max_length=10, choices=Rank)
    way = models.CharField("对接方式", max_length=10, choices=Way, default=Way.API)
    address = models.CharField("地址", max_length=300, blank=True)
    scheme = models.CharField("签名方式", max_length=8, choices=Scheme, default=Scheme.HMAC)
    app = models.CharField("平台编号", max_length=40, blank=True)
    key_id = models.CharField("密钥编号", max_length=40, blank=True)
    secret_sealed = models.TextField(blank=True)
    public_key = models.CharField("SM2 公钥", max_length=130, blank=True)
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name="作为数源的单位",
    )  # fmt: skip
    contact = models.CharField("联系人", max_length=80, blank=True)
    entries_auto = models.BooleanField("目录自动上报", default=False)
    entries_max_level = models.CharField("自动上报的最高级别", max_length=2, default="L2")
    state = models.CharField(
        "状态", max_length=10, choices=PlatformState, default=PlatformState.ACTIVE, db_index=True
    )
    state_reason = models.CharField("状态说明", max_length=300, blank=True)
    checked_at = models.DateTimeField("最近检查", null=True)
    check_passed = models.BooleanField("连接正常", null=True)
    check_message = models.CharField("检查结果", max_length=400, blank=True)
    created_at = models.DateTimeField("登记时间", default=timezone.now)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "级联平台"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["app", "key_id"], condition=Q(role="lower"), name="cascade_lower_key_once"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Where the platform's page is."""
        return reverse("cascade:platform", args=[self.pk])


class Nonce(models.Model):
    """A nonce of a signed call, so that the same call is not answered twice as two."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="nonces")
    value = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["platform", "value"], name="cascade_nonce_once")
        ]

    def __str__(self) -> str:
        return self.value


class Channel(models.Model):
    """One dataset that a platform hands to us, and the entry of ours it is loaded into.

    Files of the batches are put where ``source`` finds them; any other source is collected as it stands.
    """

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    platform = models.ForeignKey(
        Platform, models.PROTECT, related_name="channels", verbose_name="平台"
    )
    dataset = models.CharField("数据集", max_length=63)
    resource = models.ForeignKey(
        "catalog.Resource", models.PROTECT, related_name="cascade_channels", verbose_name="数据资源"
    )
    source = models.ForeignKey(
        "ingest.DataSource", models.PROTECT, related_name="+", verbose_name="数据源"
    )
    object_name = models.CharField("表、子地址或文件样式", max_length=300, blank=True)
    upper_department = models.CharField("对方的数源单位", max_length=120, blank=True)
    answers = models.CharField("对应我们上报的数据集", max_length=63, blank=True)
    last_number = models.PositiveIntegerField("最近批次", default=0)
    active = models.BooleanField("接收", default=True)
    created_at = models.DateTimeField("开通时间", default=timezone.now)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["platform", "dataset"]
        verbose_name = "接收通道"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["platform", "dataset"], name="cascade_channel_once")
        ]

    def __str__(self) -> str:
        return f"{self.platform} · {self.dataset}"


class Incoming(models.Model):
    """One batch handed to us; the number within its channel is its identity, whatever is sent again."""

    ACCESS: ClassVar = AccessRule(organization="channel__resource__provider__path")

    channel = models.ForeignKey(
        Channel, models.PROTECT, related_name="incoming", verbose_name="通道"
    )
    number = models.PositiveIntegerField("批次")
    note = models.JSONField("交接单", default=dict)
    digest = models.CharField("摘要", max_length=64, blank=True)
    state = models.CharField("状态", max_length=10, choices=IncomingState, db_index=True)
    batch = models.ForeignKey(
        "ingest.Batch", models.PROTECT, null=True, related_name="+", verbose_name="归集批次"
    )
    rows = models.BigIntegerField("行数", default=0)
    accepted = models.BigIntegerField("收下", default=0)
    refused = models.BigIntegerField("拒收", default=0)
    duplicates = models.BigIntegerField("重复", default=0)
    differences = models.JSONField("差异", default=list)
    receipt = models.JSONField("回执", default=dict)
    receipt_sent_at = models.DateTimeField("回执送出", null=True)
    repeats = models.PositiveIntegerField("重复送达", default=0)
    asked_at = models.DateTimeField("要求重送", null=True)
    attempts = models.PositiveIntegerField("尝试次数", default=0)
    next_at = models.DateTimeField("下次尝试", default=timezone.now)
    error = models.CharField("没有成功的原因", max_length=400, blank=True)
    noted_at = models.DateTimeField("收到时间", default=timezone.now)
    settled_at = models.DateTimeField("核对时间", null=True)

    class Meta:
        ordering: ClassVar = ["-noted_at", "-pk"]
        verbose_name = "收到的批次"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["channel", "number"], name="cascade_incoming_once"),
            models.CheckConstraint(
                condition=Q(settled_at=None)
                | Q(rows=F("accepted") + F("refused") + F("duplicates")),
                name="cascade_incoming_balances",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel.resource.title} 第 {self.number} 批"

    def get_absolute_url(self) -> str:
        """Where the batch's page is."""
        return reverse("cascade:incoming-batch", args=[self.pk])

    @property
    def parsed(self) -> Note:
        """The note; NoteError while there is none."""
        return Note.parse(self.note)

    @property
    def staging(self) -> Path:
        """Where parts pushed by a lower platform wait for their note."""
        return cascade_root() / "in" / str(self.channel_id) / str(self.number)


class Plan(models.Model):
    """What of one resource goes to a platform, how masked, how often. Approved by another than who planned it.

    ``approved_digest`` is that of what was approved: a plan that says something else delivers nothing.
    """

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    platform = models.ForeignKey(
        Platform, models.PROTECT, related_name="plans", verbose_name="平台"
    )
    resource = models.ForeignKey(
        "catalog.Resource", models.PROTECT, related_name="cascade_plans", verbose_name="数据资源"
    )
    dataset = models.CharField("数据集", max_length=63)
    fields = models.JSONField("字段", default=list)
    masks = models.JSONField("脱敏", default=dict)
    row_filter = models.JSONField("行范围", null=True, blank=True)
    mode = models.CharField("内容", max_length=10, choices=Mode, default=Mode.FULL)
    cycle = models.CharField("周期", max_length=10, choices=Cycle, default=Cycle.MANUAL)
    file_format = models.CharField(
        "格式", max_length=10, choices=FileFormat, default=FileFormat.CSV
    )
    part_rows = models.PositiveIntegerField("每个文件的行数", default=ROWS_PER_PART)
    receipt_days = models.PositiveSmallIntegerField("几个工作日内应有回执", default=RECEIPT_DAYS)
    basis = models.CharField("上报依据", max_length=300)
    state = models.CharField(
        "状态", max_length=10, choices=PlanState, default=PlanState.DRAFT, db_index=True
    )
    state_reason = models.CharField("状态说明", max_length=300, blank=True)
    planned_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    approved_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField("审批时间", null=True)
    approved_digest = models.CharField(max_length=64, blank=True)
    next_at = models.DateTimeField("下次送出", null=True)
    created_at = models.DateTimeField("建立时间", default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = "上报计划"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["platform", "dataset"], name="cascade_plan_once"),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("planned_by")),
                name="cascade_plan_two_people",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource.title} → {self.platform.name}"

    def get_absolute_url(self) -> str:
        """Where the plan's page is."""
        return reverse("cascade:plan", args=[self.pk])


class Outgoing(models.Model):
    """One delivery of a plan; ``lake_version`` is pinned before the first row is read: a rebuild is the same."""

    ACCESS: ClassVar = AccessRule(organization="plan__resource__provider__path")

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="outgoing", verbose_name="计划")
    number = models.PositiveIntegerField("批次")
    mode = models.CharField("内容", max_length=10, choices=Mode)
    state = models.CharField("状态", max_length=10, choices=OutgoingState, db_index=True)
    lake_version = models.BigIntegerField("数据版本")
    base_version = models.BigIntegerField("与哪个版本比", null=True)
    rows = models.BigIntegerField("行数", default=0)
    note = models.JSONField("交接单", default=dict)
    receipt = models.JSONField("回执", default=dict)
    accepted = models.BigIntegerField("收下", default=0)
    refused = models.BigIntegerField("拒收", default=0)
    duplicates = models.BigIntegerField("重复", default=0)
    unexplained = models.BigIntegerField("对不上", default=0)
    attempts = models.PositiveIntegerField("尝试次数", default=0)
    next_at = models.DateTimeField("下次尝试", default=timezone.now)
    error = models.CharField("没有成功的原因", max_length=400, blank=True)
    created_at = models.DateTimeField("建立时间", default=timezone.now)
    sent_at = models.DateTimeField("送出时间", null=True)
    receipt_due_at = models.DateTimeField("回执期限", null=True)
    answered_at = models.DateTimeField("回执时间", null=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        verbose_name = "上报批次"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "number"], name="cascade_outgoing_once"),
            models.CheckConstraint(
                condition=Q(answered_at=None)
                | Q(rows=F("accepted") + F("refused") + F("duplicates") + F("unexplained")),
                name="cascade_outgoing_balances",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan.resource.title} 第 {self.number} 批"

    def get_absolute_url(self) -> str:
        """Where the delivery's page is."""
        return reverse("cascade:delivery", args=[self.pk])

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return cascade_root() / "out" / str(self.plan_id) / str(self.number)

    @property
    def parsed(self) -> Note:
        """The note; NoteError while there is none."""
        return Note.parse(self.note)

    @property
    def parsed_receipt(self) -> Receipt | None:
        """The receipt, None while there is none."""
        return Receipt.parse(self.receipt) if self.receipt else None


class Part(models.Model):
    """One file of a delivery; ``sent_at`` once the other side has confirmed it."""

    outgoing = models.ForeignKey(Outgoing, models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField("序号")
    name = models.CharField("文件名", max_length=120)
    rows = models.BigIntegerField("行数")
    size = models.BigIntegerField("大小")
    sha256 = models.CharField("内容摘要", max_length=64)
    sent_at = models.DateTimeField("送达时间", null=True)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["outgoing", "number"], name="cascade_part_once")
        ]

    def __str__(self) -> str:
        return self.name


class Entry(models.Model):
    """One version of a catalogue entry of ours on its way up; ``withdrawn`` takes the entry back."""

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    platform = models.ForeignKey(
        Platform, models.PROTECT, related_name="entries", verbose_name="平台"
    )
    resource = models.ForeignKey(
        "catalog.Resource", models.PROTECT, related_name="cascade_entries", verbose_name="目录"
    )
    version = models.PositiveIntegerField("目录版本")
    withdrawn = models.BooleanField("撤回", default=False)
    document = models.JSONField("目录内容", default=dict)
    state = models.CharField(
        "状态", max_length=10, choices=EntryState, default=EntryState.WAITING, db_index=True
    )
    reason = models.CharField("对方的说明", max_length=300, blank=True)
    attempts = models.PositiveIntegerField("尝试次数", default=0)
    next_at = models.DateTimeField("下次尝试", default=timezone.now)
    error = models.CharField("没有成功的原因", max_length=400, blank=True)
    created_at = models.DateTimeField("建立时间", default=timezone.now)
    sent_at = models.DateTimeField("送出时间", null=True)
    answered_at = models.DateTimeField("答复时间", null=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        verbose_name = "上报的目录"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["platform", "resource", "version", "withdrawn"], name="cascade_entry_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.resource.title}（第 {self.version} 版）"


class LowerEntry(models.Model):
    """One version of a catalogue entry that a lower platform sent to us, for us to accept or return."""

    platform = models.ForeignKey(
        Platform, models.PROTECT, related_name="lower_entries", verbose_name="下级平台"
    )
    code = models.CharField("资源代码", max_length=60)
    version = models.PositiveIntegerField("版本")
    withdrawn = models.BooleanField("撤回", default=False)
    title = models.CharField("名称", max_length=120)
    document = models.JSONField("目录内容", default=dict)
    state = models.CharField(
        "状态", max_length=10, choices=EntryState, default=EntryState.SENT, db_index=True
    )
    reason = models.CharField("说明", max_length=300, blank=True)
    received_at = models.DateTimeField("收到时间", default=timezone.now)
    decided_at = models.DateTimeField("审核时间", null=True)
    decided_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-received_at", "-pk"]
        verbose_name = "下级上报的目录"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["platform", "code", "version", "withdrawn"], name="cascade_lower_entry_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.title}（第 {self.version} 版）"
