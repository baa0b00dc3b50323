"""Information systems: where the data is born, and the business items (事项) they serve."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from chengshu.data.catalog.choices import (
    BusinessKind,
    BusinessStatus,
    ProtectionLevel,
    SystemStatus,
)
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
    cloud_zone = models.CharField("云区", max_length=60, blank=True)
    cloud = models.CharField("部署位置", max_length=120, blank=True)
    security_record = models.CharField("等保备案号", max_length=60, blank=True)
    builder = models.CharField("承建单位", max_length=120, blank=True)
    maintainer = models.CharField("运维单位", max_length=120, blank=True)
    contact = models.CharField("联系人", max_length=60, blank=True)
    contact_phone = models.CharField("联系电话", max_length=40, blank=True)
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


class BusinessItem(models.Model):
    """A 事项: something a department does for people or inside government, and the systems that serve it.

    Which resources come from it is said by the entries and mirrored in ``Resource.business_items``.
    """

    ACCESS: ClassVar = AccessRule(organization="department__path")

    code = models.CharField("事项编码", max_length=60, unique=True)
    name = models.CharField("事项名称", max_length=160)
    department = models.ForeignKey(
        Organization, models.PROTECT, related_name="business_items", verbose_name="实施单位"
    )
    kind = models.CharField("事项类型", max_length=12, choices=BusinessKind)
    status = models.CharField(
        "状态", max_length=10, choices=BusinessStatus, default=BusinessStatus.ACTIVE
    )
    basis = models.CharField("设定依据", max_length=500, blank=True)
    description = models.CharField("说明", max_length=500, blank=True)
    systems = models.ManyToManyField(
        InformationSystem, related_name="business_items", blank=True, verbose_name="支撑系统"
    )
    revision = models.PositiveIntegerField(default=1, editable=False)
    edited_at = models.DateTimeField(default=timezone.now, editable=False)
    edited_by = models.ForeignKey(
        Account, models.SET_NULL, null=True, related_name="+", verbose_name="最后修改人"
    )

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = "业务事项"

    def __str__(self) -> str:
        return self.name
