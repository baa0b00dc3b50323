"""Entries bound to real tables, and what was found to have changed there."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from chengshu.data.discovery.choices import BindingState, FindingKind, FindingState
from chengshu.kernel.access.rules import AccessRule
from chengshu.kernel.identity.models import Account


class SourceBinding(models.Model):
    """The table an entry describes, as it was agreed: ``structure`` is a list of columns with the item each one is."""

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    resource = models.OneToOneField(
        "catalog.Resource", models.CASCADE, related_name="source_binding", verbose_name="数据资源"
    )
    data_source = models.ForeignKey(
        "ingest.DataSource", models.CASCADE, related_name="bindings", verbose_name="数据源"
    )
    object_name = models.CharField("表", max_length=255)
    structure: Any = models.JSONField("约定的结构", default=list)
    fingerprint = models.CharField("指纹", max_length=64)
    state = models.CharField(
        "状态", max_length=10, choices=BindingState, default=BindingState.SAME, db_index=True
    )
    message = models.CharField("说明", max_length=500, blank=True)
    bound_at = models.DateTimeField("绑定时间", default=timezone.now)
    checked_at = models.DateTimeField("最近检查", null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["resource"]
        verbose_name = "来源绑定"

    def __str__(self) -> str:
        return f"{self.resource} ← {self.object_name}"


class DriftFinding(models.Model):
    """Something changed at the source, or in what it delivers; stays until somebody decides.

    ``mark`` identifies the change, so that the same one is found once and an ignored one stays ignored.
    """

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    resource = models.ForeignKey(
        "catalog.Resource", models.CASCADE, related_name="drift_findings", verbose_name="数据资源"
    )
    kind = models.CharField("类型", max_length=10, choices=FindingKind)
    mark = models.CharField(max_length=64)
    changes: Any = models.JSONField("变动", default=list)
    structure: Any = models.JSONField("现在的结构", default=list)
    summary = models.CharField("变动", max_length=300)
    breaking = models.BooleanField("影响归集", default=False)
    state = models.CharField(
        "状态", max_length=10, choices=FindingState, default=FindingState.OPEN, db_index=True
    )
    reason = models.CharField("处理说明", max_length=300, blank=True)
    found_at = models.DateTimeField("发现时间", default=timezone.now, db_index=True)
    decided_at = models.DateTimeField("处理时间", null=True, blank=True)
    decided_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-found_at"]
        verbose_name = "来源变动"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["resource", "kind", "mark"], condition=~Q(state=FindingState.GONE),
                name="discovery_drift_once",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.resource}：{self.summary}"


class BatchFigures(models.Model):
    """Figures of one loaded batch, to see the next one's beside: rows, empty shares, codes in use."""

    resource = models.ForeignKey("catalog.Resource", models.CASCADE, related_name="batch_figures")
    batch = models.OneToOneField("ingest.Batch", models.CASCADE, related_name="figures")
    rows = models.BigIntegerField("行数", default=0)
    columns: Any = models.JSONField("各列", default=dict)
    taken_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering: ClassVar = ["-taken_at"]

    def __str__(self) -> str:
        return f"{self.resource} {self.rows}"
