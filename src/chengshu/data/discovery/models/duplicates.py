"""The same item at several departments: clusters, the designated source, and where values differ."""

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from chengshu.data.discovery.choices import ClusterState, MemberRole
from chengshu.kernel.access.rules import AccessRule
from chengshu.kernel.identity.models import Account, Organization


class ItemCluster(models.Model):
    """Data items of different departments that are one data element of one kind of subject.

    ``key`` is what they are: the subject and the identifier of the element, or its title where none is bound.
    """

    ACCESS: ClassVar = AccessRule(everywhere=True)

    key = models.CharField(max_length=160, unique=True)
    title = models.CharField("数据项", max_length=120)
    subject = models.CharField("主体", max_length=10)
    element = models.CharField("数据元", max_length=60, blank=True, db_index=True)
    state = models.CharField(
        "状态", max_length=10, choices=ClusterState, default=ClusterState.PROPOSED, db_index=True
    )
    score = models.FloatField("把握", default=0)
    reasons: Any = models.JSONField("依据", default=list)
    departments = models.PositiveIntegerField("部门", default=0)
    holders = models.PositiveIntegerField("处", default=0)
    compared = models.BigIntegerField("比对", default=0)
    differing = models.BigIntegerField("不一致", default=0)
    note = models.CharField("说明", max_length=300, blank=True)
    found_at = models.DateTimeField("发现时间", default=timezone.now)
    decided_at = models.DateTimeField("确认时间", null=True, blank=True)
    decided_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-departments", "key"]
        verbose_name = "重复采集"

    def __str__(self) -> str:
        return self.title


class ClusterMember(models.Model):
    """One data item of a cluster; ``subject_column`` holds the number of the person or organisation."""

    cluster = models.ForeignKey(ItemCluster, models.CASCADE, related_name="members")
    resource = models.ForeignKey("catalog.Resource", models.CASCADE, related_name="+")
    column = models.CharField("字段", max_length=63)
    title = models.CharField("数据项", max_length=120)
    subject_column = models.CharField("主体字段", max_length=63)
    role = models.CharField("用途", max_length=10, choices=MemberRole, default=MemberRole.HOLDER)
    why = models.CharField("依据", max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["resource__provider__code", "resource__title"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["resource", "column"], name="discovery_item_in_one_cluster"
            )
        ]

    def __str__(self) -> str:
        return f"{self.resource}.{self.column}"


class LeadSource(models.Model):
    """The one authoritative source of a data element (数源): one resource, one column, one department."""

    ACCESS: ClassVar = AccessRule(everywhere=True)

    element = models.CharField("数据元", max_length=160, unique=True)
    title = models.CharField("数据项", max_length=120)
    cluster = models.OneToOneField(
        ItemCluster, models.SET_NULL, null=True, blank=True, related_name="lead"
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="数源单位"
    )
    resource = models.ForeignKey(
        "catalog.Resource", models.PROTECT, related_name="+", verbose_name="权威资源"
    )
    column = models.CharField("字段", max_length=63)
    basis = models.CharField("确定依据", max_length=300)
    designated_at = models.DateTimeField("确定时间", default=timezone.now)
    designated_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["element"]
        verbose_name = "数源"

    def __str__(self) -> str:
        return f"{self.title}：{self.organization}"


class Conflict(models.Model):
    """How often a holder's values differ from the lead source's, for subjects both know."""

    cluster = models.ForeignKey(ItemCluster, models.CASCADE, related_name="conflicts")
    member = models.OneToOneField(ClusterMember, models.CASCADE, related_name="conflict")
    compared = models.BigIntegerField("都有的", default=0)
    differing = models.BigIntegerField("不一致", default=0)
    missing = models.BigIntegerField("对方空缺", default=0)
    counted_at = models.DateTimeField("统计时间", default=timezone.now)
    ticket = models.CharField("工单", max_length=60, blank=True)
    ticket_url = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-differing"]

    def __str__(self) -> str:
        return f"{self.member}: {self.differing}/{self.compared}"

    @property
    def rate(self) -> float:
        """Share of differing values among those both have."""
        return self.differing / self.compared if self.compared else 0.0
