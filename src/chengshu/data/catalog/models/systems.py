"""Information systems: where the data is born."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from chengshu.data.catalog.choices import ProtectionLevel, SystemStatus
from chengshu.kernel.access.rules import AccessRule
from chengshu.kernel.identity.models import Account, Organization


class InformationSystem(models.Model):
    """A registered system of one department."""

    ACCESS: ClassVar = AccessRule(organization="owner__path")

    code = models.CharField("系统代码", max_length=40, unique=True)
    name = models.CharField("系统名称", max_length=120)
    owner = models.ForeignKey(
        Organization, models.PROTECT, related_name="systems", verbose_name="责任单位"
    )
    purpose = models.CharField("主要用途", max_length=500)
    security_level = models.CharField("等保级别", max_length=1, choices=ProtectionLevel)
    network = models.CharField("所在网络", max_length=60, blank=True)
    cloud = models.CharField("部署位置", max_length=120, blank=True)
    status = models.CharField(
        "状态", max_length=10, choices=SystemStatus, default=SystemStatus.RUNNING
    )
    online_since = models.DateField("上线日期", null=True, blank=True)
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    edited_at = models.DateTimeField(default=timezone.now, editable=False)
    edited_by = models.ForeignKey(
        Account, models.SET_NULL, null=True, related_name="+", verbose_name="最后修改人"
    )

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = "信息系统"

    def __str__(self) -> str:
        return self.name
