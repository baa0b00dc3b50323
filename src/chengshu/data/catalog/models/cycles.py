"""How long the update cycles are: the administrator's figures."""

from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from chengshu.kernel.identity.models import Account

_DAYS: list[Any] = [MinValueValidator(1), MaxValueValidator(60)]
_MONTHS: list[Any] = [MinValueValidator(1), MaxValueValidator(36)]


class CyclePolicy(models.Model):
    """The lengths in force (one row; the defaults while there is none): when the next update must have come."""

    realtime = models.PositiveSmallIntegerField("实时（工作日）", default=1, validators=_DAYS)
    daily = models.PositiveSmallIntegerField("每日（工作日）", default=1, validators=_DAYS)
    weekly = models.PositiveSmallIntegerField("每周（自然日）", default=7, validators=_DAYS)
    monthly = models.PositiveSmallIntegerField("每月（月）", default=1, validators=_MONTHS)
    quarterly = models.PositiveSmallIntegerField("每季度（月）", default=3, validators=_MONTHS)
    yearly = models.PositiveSmallIntegerField("每年（月）", default=12, validators=_MONTHS)
    changed_at = models.DateTimeField("修改时间", default=timezone.now)
    changed_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    LENGTHS: ClassVar = ("realtime", "daily", "weekly", "monthly", "quarterly", "yearly")

    class Meta:
        verbose_name = "更新时限"

    def __str__(self) -> str:
        return "更新时限"
