"""A notice, and one copy of it for each person it went to."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from chengshu.kernel.identity.models import Account, Organization


class Notice(models.Model):
    """What was said. ``key`` lets a repeated service say it once."""

    key = models.CharField(max_length=160, unique=True)
    title = models.CharField("标题", max_length=120)
    body = models.TextField("内容", blank=True)
    url = models.CharField("地址", max_length=300, blank=True)
    organization = models.ForeignKey(
        Organization, models.CASCADE, null=True, blank=True, related_name="+",
        verbose_name="发给单位",
    )  # fmt: skip
    created_at = models.DateTimeField("时间", default=timezone.now, db_index=True)

    class Meta:
        verbose_name = "通知"

    def __str__(self) -> str:
        return self.title


class Receipt(models.Model):
    """One person's copy; ``read_at`` stays empty until they open it."""

    notice = models.ForeignKey(Notice, models.CASCADE, related_name="receipts")
    account = models.ForeignKey(Account, models.CASCADE, related_name="notices")
    read_at = models.DateTimeField("阅读时间", null=True, blank=True)

    class Meta:
        verbose_name = "收到的通知"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["notice", "account"], name="notices_receipt_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["account"], condition=Q(read_at=None), name="notices_unread_by_account"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account} · {self.notice}"

    @property
    def state(self) -> str:
        """Key of the state as the list shows it."""
        return "read" if self.read_at else "unread"
