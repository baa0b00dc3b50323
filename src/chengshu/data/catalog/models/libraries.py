"""Warehouses (数据仓) and thematic libraries (专题库): how resources are grouped."""

from typing import ClassVar

from django.db import models

from chengshu.kernel.access.rules import AccessRule
from chengshu.kernel.identity.models import Organization


class Warehouse(models.Model):
    """A 数据仓; every resource belongs to at most one."""

    ACCESS: ClassVar = AccessRule(everywhere=True)

    code = models.CharField("代码", max_length=40, unique=True)
    name = models.CharField("名称", max_length=120)
    description = models.CharField("说明", max_length=500, blank=True)
    owner = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name="管理单位",
    )  # fmt: skip
    active = models.BooleanField("启用", default=True)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = "数据仓"

    def __str__(self) -> str:
        return self.name


class ThematicLibrary(models.Model):
    """A 专题库: resources of several departments put together for one purpose."""

    ACCESS: ClassVar = AccessRule(everywhere=True)

    code = models.CharField("代码", max_length=40, unique=True)
    name = models.CharField("名称", max_length=120)
    description = models.CharField("说明", max_length=500, blank=True)
    owner = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name="管理单位",
    )  # fmt: skip
    active = models.BooleanField("启用", default=True)
    resources = models.ManyToManyField("catalog.Resource", related_name="libraries", blank=True)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = "专题库"

    def __str__(self) -> str:
        return self.name
