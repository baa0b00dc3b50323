"""Answered look-ups by the hashed key of the record, and people's questions about them."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from chengshu.data.sharing.models import ShareInterface
from chengshu.kernel.identity.models import Account


class CallProfile(models.Model):
    """What many look-ups have in common: who asked which interface in which way for which fields.

    Kept apart because a city has millions of look-ups and a few hundred of these. ``digest`` names the four.
    """

    digest = models.CharField(max_length=64, unique=True)
    application = models.CharField("应用", max_length=64)
    interface = models.CharField("接口", max_length=64)
    kind = models.CharField("调用方式", max_length=12)
    fields = models.TextField("返回的字段", blank=True)

    class Meta:
        verbose_name = "调用概况"

    def __str__(self) -> str:
        return f"{self.application} → {self.interface}"


class RecordUse(models.Model):
    """One record that one answered call was about.

    ``key_hash`` is the gateway's keyed hash of the record's key (:func:`chengshu_gateway.keys.hash_record_key`): the
    key itself, often an identity number, is nowhere. ``found`` is None where the trail does not tell (verification,
    and a batch that found only some).
    """

    key_hash = models.CharField(max_length=32)
    called_at = models.DateTimeField("时间")
    profile = models.ForeignKey(CallProfile, models.PROTECT, related_name="uses", db_index=False)
    found = models.BooleanField("查到", null=True)
    purpose = models.CharField("用途", max_length=200, blank=True)
    request_id = models.CharField("记录编号", max_length=32, blank=True)

    class Meta:
        verbose_name = "数据使用记录"
        indexes: ClassVar = [
            models.Index(fields=["key_hash", "called_at"], name="sharing_uses_key")
        ]

    def __str__(self) -> str:
        return f"{self.called_at:%Y-%m-%d %H:%M} {self.request_id}"


class UseObjection(models.Model):
    """A person asks why an application looked him or her up; the data bureau answers through a ticket."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="use_objections")
    application = models.CharField("应用", max_length=64)
    interface = models.ForeignKey(ShareInterface, models.PROTECT, related_name="use_objections")
    words = models.TextField("疑问")
    key_hashes = models.JSONField(default=list)
    ticket = models.OneToOneField(
        "tickets.Ticket", models.PROTECT, related_name="use_objection", verbose_name="工单"
    )
    asked_at = models.DateTimeField("提出时间", default=timezone.now)

    class Meta:
        verbose_name = "用数疑问"
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{self.application} {self.asked_at:%Y-%m-%d}"
