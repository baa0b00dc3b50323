"""Hints: one per case, open until somebody has judged it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q, TextChoices
from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing.hints.detection import GUESS, HOURS, SCAN, VOLUME
from chengshu.data.sharing.models import Application
from chengshu.kernel.identity.models import Account


class HintKind(TextChoices):
    """What looks unusual."""

    VOLUME = VOLUME, "调用量突增"
    HOURS = HOURS, "平时不用的时段大量调用"
    SCAN = SCAN, "疑似逐个试主键"
    GUESS = GUESS, "疑似试值"


class HintState(TextChoices):
    """What became of a hint."""

    OPEN = "open", "待查看"
    DISMISSED = "dismissed", "属正常"
    HANDLED = "handled", "已处置"


class CallHint(models.Model):
    """Unusual calls of one application, on one or several days in a row.

    ``evidence`` holds what was found by day. City-wide on purpose (no access rule): whoever judges must not belong to
    the department that called.
    """

    application = models.ForeignKey(
        Application, models.PROTECT, related_name="hints", verbose_name="应用"
    )
    kind = models.CharField("类别", max_length=8, choices=HintKind)
    state = models.CharField("状态", max_length=10, choices=HintState, default=HintState.OPEN)
    first_day = models.DateField("最早")
    last_day = models.DateField("最近")
    score = models.FloatField("程度")
    evidence = models.JSONField("依据", default=dict)
    found_at = models.DateTimeField("发现时间", default=timezone.now)
    reason = models.CharField("判断理由", max_length=300, blank=True)
    decided_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField("判断时间", null=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = "调用异常提示"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["application", "kind"], condition=Q(state="open"),
                name="sharing_hints_one_open",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.application.name}：{self.get_kind_display()}"

    def get_absolute_url(self) -> str:
        """Where the hint's page is."""
        return reverse("sharing_hints:hint", args=[self.pk])
