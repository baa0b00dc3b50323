"""Versions of the agreement, and who was let in under which of them."""

import hashlib
from typing import ClassVar

from django.db import models
from django.db.models import Q, TextChoices
from django.urls import reverse
from django.utils import timezone

from chengshu.data.opening.models import OpenDataset
from chengshu.kernel.access.protocol import AccessRule
from chengshu.kernel.identity.models import Account


class AccessState(TextChoices):
    WAITING = "waiting", "待答复"
    GRANTED = "granted", "已同意"
    REFUSED = "refused", "未同意"
    WITHDRAWN = "withdrawn", "已收回"


class Agreement(models.Model):
    """One version of the terms of use; never changed, the highest number is in force."""

    number = models.PositiveIntegerField("版本", unique=True)
    text = models.TextField("协议内容")
    made_at = models.DateTimeField("生效时间", default=timezone.now)
    made_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-number"]
        verbose_name = "数据利用协议"

    def __str__(self) -> str:
        return f"数据利用协议 第 {self.number} 版"

    @property
    def digest(self) -> str:
        """SHA-256 of the text: what was accepted can be proved."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class RestrictedAccess(models.Model):
    """One person's application for one dataset, the agreement accepted, and the key.

    ``accepted_by`` repeats the person's name and ``accepted_digest`` the text's digest as they were. Of the key only
    the digest is kept.
    """

    ACCESS: ClassVar = AccessRule(organization="dataset__resource__provider__path")

    dataset = models.ForeignKey(
        OpenDataset, models.CASCADE, related_name="accesses", verbose_name="数据集"
    )
    account = models.ForeignKey(Account, models.PROTECT, related_name="+", verbose_name="申请人")
    unit = models.CharField("单位", max_length=80, blank=True)
    purpose = models.TextField("用途")
    agreement = models.ForeignKey(Agreement, models.PROTECT, related_name="+", verbose_name="协议")
    accepted_by = models.CharField("签署人", max_length=80)
    accepted_digest = models.CharField(max_length=64)
    accepted_at = models.DateTimeField("签署时间", default=timezone.now)
    state = models.CharField(
        "状态", max_length=10, choices=AccessState, default=AccessState.WAITING
    )
    due_at = models.DateTimeField("答复期限")
    decided_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField("答复时间", null=True, blank=True)
    remark = models.CharField("说明", max_length=300, blank=True)
    expires_on = models.DateField("有效期至", null=True, blank=True)
    key_digest = models.CharField(max_length=64, blank=True, db_index=True)
    fetched = models.PositiveIntegerField("下载次数", default=0)
    fetched_at = models.DateTimeField("最近下载", null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = "受限开放申请"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["dataset", "account"], condition=Q(state__in=["waiting", "granted"]),
                name="agreements_one_running",
            ),
            models.CheckConstraint(
                condition=~Q(state="granted") | Q(expires_on__isnull=False), name="agreements_granted_ends"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.account} → {self.dataset}"

    def get_absolute_url(self) -> str:
        """Where officials decide."""
        return reverse("opening_agreements:access", args=[self.pk])

    @property
    def expired(self) -> bool:
        """Whether the term is over; its last day still counts."""
        return self.expires_on is not None and timezone.localdate() > self.expires_on

    @property
    def open(self) -> bool:
        """Whether the files may be fetched now."""
        return self.state == AccessState.GRANTED and not self.expired
