"""Reported wrong values, and who was told that one was corrected."""

from typing import ClassVar

from django.db import models
from django.db.models import TextChoices
from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing.models import Application, ShareInterface
from chengshu.kernel.access.protocol import AccessRule
from chengshu.kernel.identity.models import Account


class Outcome(TextChoices):
    """What became of a report."""

    OPEN = "open", "核实中"
    CORRECTED = "corrected", "已更正"
    REJECTED = "rejected", "不予更正"


class Correction(models.Model):
    """A consumer says that one value of one record is wrong.

    The record's key and the values are sealed, because they are often personal; ``key_hash`` is the gateway's hash of
    the key, by which the trail knows who received the record. ``before_sealed`` is the source's value when it was
    reported: the record counts as corrected when that has changed.
    """

    ACCESS: ClassVar = AccessRule(organization="application__owner__path")

    application = models.ForeignKey(
        Application, models.PROTECT, related_name="corrections", verbose_name="报告应用"
    )
    interface = models.ForeignKey(
        ShareInterface, models.PROTECT, related_name="corrections", verbose_name="接口"
    )
    key_hash = models.CharField(max_length=32, db_index=True)
    key_sealed = models.TextField("记录主键（密文）")
    column = models.CharField("字段", max_length=63)
    wrong_sealed = models.TextField("查到的值（密文）", blank=True)
    right_sealed = models.TextField("应为（密文）")
    before_sealed = models.TextField(blank=True)
    evidence = models.TextField("依据")
    ticket = models.ForeignKey(
        "tickets.Ticket", models.PROTECT, related_name="corrections", verbose_name="工单"
    )
    outcome = models.CharField("结果", max_length=10, choices=Outcome, default=Outcome.OPEN)
    answer = models.TextField("答复", blank=True)
    reported_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    reported_at = models.DateTimeField("报告时间", default=timezone.now)
    closed_at = models.DateTimeField("办结时间", null=True)
    corrected_version = models.BigIntegerField("更正后的入库版本", null=True)
    informed_at = models.DateTimeField("通知时间", null=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = "校核纠错"

    def __str__(self) -> str:
        return f"{self.interface.title}：{self.column_title}"

    def get_absolute_url(self) -> str:
        """Where the report's page is."""
        return reverse("sharing_corrections:correction", args=[self.pk])

    @property
    def column_title(self) -> str:
        """The field's name for people."""
        titles = {c["name"]: c["title"] for c in self.interface.columns}
        return str(titles.get(self.column, self.column))


class Informed(models.Model):
    """One application that had received the wrong value and was told to fetch the record again."""

    correction = models.ForeignKey(Correction, models.CASCADE, related_name="informed")
    application = models.ForeignKey(Application, models.PROTECT, related_name="+")
    uses = models.PositiveIntegerField("查过次数")
    last_at = models.DateTimeField("最近一次")
    request_ids = models.JSONField("留痕编号", default=list)
    at = models.DateTimeField("通知时间", default=timezone.now)

    class Meta:
        ordering: ClassVar = ["application__code"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["correction", "application"], name="sharing_corrections_told_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.application} {self.uses}"
