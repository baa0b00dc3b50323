"""Shared standards: the classification of entries and the code tables of their items."""

from typing import ClassVar

from django.db import models

from chengshu.kernel.access.rules import AccessRule

LEAF_LEVEL = 4


class Category(models.Model):
    """One node of 类/项/目/细目 (政务信息资源目录编制指南).

    ``code`` is the path from the top, e.g. ``3/01/002/01``: 类 1 digit, 项 2, 目 3, 细目 of any width. Leaves remember
    the last sequence given below them, so that a code is never given twice.
    """

    ACCESS: ClassVar = AccessRule(everywhere=True)

    code = models.CharField("分类代码", max_length=30, unique=True)
    name = models.CharField("名称", max_length=60)
    level = models.PositiveSmallIntegerField("层级")
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name="上级"
    )
    last_sequence = models.PositiveIntegerField("已用顺序号", default=0)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = "资源分类"

    def __str__(self) -> str:
        return self.name


class CodeTable(models.Model):
    """A value domain: the codes an item may take."""

    ACCESS: ClassVar = AccessRule(everywhere=True)

    key = models.CharField("代码表标识", max_length=60, unique=True)
    name = models.CharField("名称", max_length=120)
    standard = models.CharField("依据标准", max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["key"]
        verbose_name = "代码表"

    def __str__(self) -> str:
        return self.name


class CodeValue(models.Model):
    """One code of a table; codes are text and keep their leading zeros."""

    table = models.ForeignKey(CodeTable, models.CASCADE, related_name="values")
    code = models.CharField("代码", max_length=60)
    name = models.CharField("名称", max_length=120)
    order = models.PositiveIntegerField("顺序", default=0)

    class Meta:
        ordering: ClassVar = ["table", "order", "code"]
        verbose_name = "代码"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["table", "code"], name="catalog_code_once_per_table")
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"
