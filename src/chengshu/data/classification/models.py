"""What was scanned, and what was found."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from chengshu.data.classification.choices import KINDS, FindingState, Gap
from chengshu.kernel.access.rules import AccessRule
from chengshu.kernel.identity.models import Account


class ResourceScan(models.Model):
    """The last scan of an entry. ``stale`` asks for another one.

    ``blind_share``: a kind carried by at least this share of the rows would have been seen with 95 % probability
    (rule of three, 3/n); 0 when every row was looked at.
    """

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    resource = models.OneToOneField(
        "catalog.Resource", models.CASCADE, related_name="classification_scan"
    )
    lake_version = models.BigIntegerField("入库版本", null=True)
    catalogue_version = models.PositiveIntegerField("目录版本", null=True)
    rows = models.BigIntegerField("记录数", default=0)
    looked_at = models.BigIntegerField("查看的记录", default=0)
    columns = models.PositiveIntegerField("查看的数据项", default=0)
    blind_share = models.FloatField("可能漏看的比例", default=0)
    seconds = models.FloatField("耗时（秒）", default=0)
    error = models.CharField("没有扫描的原因", max_length=300, blank=True)
    stale = models.BooleanField("需要重新扫描", default=True, db_index=True)
    scanned_at = models.DateTimeField("扫描时间", null=True)

    class Meta:
        verbose_name = "资源扫描"

    def __str__(self) -> str:
        return f"{self.resource} 的扫描"


class Finding(models.Model):
    """One kind of personal data in one column whose catalogue entry says too little.

    Examples are masked; raw values are never stored. A dismissed finding stays, so that the same false alarm is not
    raised again.
    """

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    resource = models.ForeignKey(
        "catalog.Resource", models.CASCADE, related_name="classification_findings",
        verbose_name="数据资源",
    )  # fmt: skip
    column = models.CharField("字段名", max_length=63)
    title = models.CharField("数据项", max_length=120)
    kind = models.CharField("发现的内容", max_length=12, choices=KINDS, db_index=True)
    gap = models.CharField("问题", max_length=6, choices=Gap, default=Gap.LEVEL)
    embedded = models.BooleanField("夹在文字中", default=False)
    share = models.FloatField("占非空值的比例")
    hits = models.BigIntegerField("条数")
    filled = models.BigIntegerField("查看的非空值")
    confidence = models.FloatField("把握")
    reason = models.CharField("依据", max_length=300)
    examples = models.JSONField("示例（已脱敏）", default=list)
    declared_level = models.CharField("目录级别", max_length=2)
    proposed_level = models.CharField("建议级别", max_length=2, db_index=True)
    declared_format = models.CharField("目录格式", max_length=12, blank=True)
    proposed_format = models.CharField("建议格式", max_length=12, blank=True)
    national_class = models.CharField("建议国家分级", max_length=10, default="general")
    state = models.CharField(
        "状态", max_length=10, choices=FindingState, default=FindingState.OPEN, db_index=True
    )
    decided_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField("处理时间", null=True)
    decision = models.CharField("处理说明", max_length=300, blank=True)
    first_seen = models.DateTimeField("首次发现", default=timezone.now)
    last_seen = models.DateTimeField("最近发现", default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-confidence", "pk"]
        verbose_name = "扫描发现"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["resource", "column", "kind"], name="classification_finding_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.title}：{self.get_kind_display()}"
