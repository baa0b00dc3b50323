"""Clues (异常线索): one per case, open until somebody has judged it, whoever found it."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q, TextChoices
from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing import anomalies
from chengshu.data.sharing.hints.detection import HOURS, SCAN, VOLUME
from chengshu.data.sharing.models import Application, ShareInterface
from chengshu.kernel.identity.models import Account


class HintKind(TextChoices):
    """What looks unusual: the first three against the application's own past, the others refused by the gateway."""

    VOLUME = VOLUME, "调用量突增"
    HOURS = HOURS, "平时不用的时段大量调用"
    SCAN = SCAN, "疑似逐个试主键"
    SLOWED = anomalies.SLOWED, "查无记录过多，已被暂缓"
    GUESS = anomalies.GUESSED, "疑似试值"
    LOCKED = anomalies.LOCKED, "连续猜测密钥，已被锁定"
    NETWORK = anomalies.NETWORK, "从未登记的网络调用"
    TOKEN = anomalies.TOKEN, "令牌的证明不对"
    UNPROVEN = anomalies.UNPROVEN, "多次证明不了身份"
    REPLAYED = anomalies.REPLAYED, "重复发送同一个请求"
    MISSING = anomalies.MISSING, "查无记录的超过一半"


PAST = (HintKind.VOLUME, HintKind.HOURS, HintKind.SCAN)
"""Found by comparison with the past; about an application, not about one interface."""


class Severity(TextChoices):
    """How soon somebody should look."""

    SEVERE = "severe", "严重"
    NORMAL = "normal", "一般"


class HintState(TextChoices):
    """What became of a clue."""

    OPEN = "open", "待判断"
    DISMISSED = "dismissed", "属正常"
    HANDLED = "handled", "已处置"


class CallHint(models.Model):
    """Unusual or refused calls of one caller, on one or several days.

    ``caller`` and ``asked`` are the codes as they were called with: an attacker may claim an application that is none,
    then ``application`` is empty. ``evidence`` holds what was found by day. City-wide on purpose (no access rule):
    whoever judges must not belong to the department that called.
    """

    caller = models.CharField("调用方", max_length=64)
    asked = models.CharField("接口编号", max_length=64, blank=True)
    application = models.ForeignKey(
        Application, models.PROTECT, null=True, related_name="hints", verbose_name="应用"
    )
    interface = models.ForeignKey(
        ShareInterface, models.PROTECT, null=True, related_name="hints", verbose_name="接口"
    )
    kind = models.CharField("类别", max_length=12, choices=HintKind)
    severity = models.CharField(
        "程度", max_length=8, choices=Severity, default=Severity.NORMAL, db_index=True
    )
    state = models.CharField("状态", max_length=10, choices=HintState, default=HintState.OPEN)
    first_day = models.DateField("最早")
    last_day = models.DateField("最近")
    score = models.FloatField("分值")
    evidence = models.JSONField("依据", default=dict)
    found_at = models.DateTimeField("发现时间", default=timezone.now)
    reason = models.CharField("判断理由", max_length=300, blank=True)
    decided_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField("判断时间", null=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = "异常线索"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["caller", "asked", "kind"], condition=Q(state="open"),
                name="sharing_hints_one_open",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.who}：{self.get_kind_display()}"

    @property
    def who(self) -> str:
        """The caller's name, or what it claimed to be."""
        return self.application.name if self.application else self.caller or "不明来源"

    @property
    def latest(self) -> dict[str, Any]:
        """What was found on the last day."""
        found: dict[str, Any] = self.evidence.get(max(self.evidence, default=""), {})
        return found

    def get_absolute_url(self) -> str:
        """Where the clue's page is."""
        return reverse("sharing_hints:hint", args=[self.pk])
