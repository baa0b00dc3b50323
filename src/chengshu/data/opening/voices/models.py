"""One message of the public with its clock and answer, and who follows a dataset."""

import secrets
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.voices.choices import VoiceKind, VoiceState
from chengshu.kernel.access.protocol import AccessRule
from chengshu.kernel.identity.models import Account, Organization


def new_token() -> str:
    """The secret part of the address under which whoever wrote finds the answer."""
    return secrets.token_urlsafe(18)


class Voice(models.Model):
    """A wish, a correction, a question or something made of open data.

    Personal data is masked before it is stored. ``source`` is a keyed digest of the address and the day: it counts how
    much came from one place on one day and tells nothing the day after. Only what was answered is public.
    """

    ACCESS: ClassVar = AccessRule(organization="department__path")

    kind = models.CharField("类别", max_length=12, choices=VoiceKind)
    title = models.CharField("标题", max_length=80)
    text = models.TextField("内容")
    link = models.URLField("网址", max_length=300, blank=True)
    dataset = models.ForeignKey(
        OpenDataset, models.CASCADE, null=True, blank=True, related_name="voices", verbose_name="数据集"
    )  # fmt: skip
    department = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="答复单位"
    )
    author = models.ForeignKey(Account, models.SET_NULL, null=True, blank=True, related_name="+")
    source = models.CharField(max_length=64, blank=True)
    token = models.CharField(max_length=40, unique=True, default=new_token, editable=False)
    state = models.CharField(
        "状态", max_length=10, choices=VoiceState, default=VoiceState.WAITING, db_index=True
    )
    owner = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name="经办人"
    )
    answer = models.TextField("答复", blank=True)
    created_at = models.DateTimeField("提出时间", default=timezone.now)
    due_at = models.DateTimeField("到期")
    answered_at = models.DateTimeField("答复时间", null=True, blank=True)
    on_time = models.BooleanField("按时", null=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = "公众来信"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state=VoiceState.WAITING)
                | (Q(answered_at__isnull=False) & Q(owner__isnull=False) & ~Q(answer="")),
                name="voices_answer_has_owner",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["source"], name="voices_source")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}：{self.title}"

    def get_absolute_url(self) -> str:
        """Where officials answer it."""
        return reverse("opening_voices:voice", args=[self.pk])

    @property
    def overdue(self) -> bool:
        """Whether the answer is late."""
        return self.state == VoiceState.WAITING and timezone.now() >= self.due_at


class Subscription(models.Model):
    """An account that is told of every new release of a dataset."""

    dataset = models.ForeignKey(OpenDataset, models.CASCADE, related_name="subscriptions")
    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "订阅"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["dataset", "account"], name="voices_follow_once")
        ]

    def __str__(self) -> str:
        return f"{self.account_id} → {self.dataset_id}"
