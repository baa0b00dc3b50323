"""Shared standards: the classification of entries and the code tables of their items."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from chengshu.data.catalog.choices import (
    FIXED_STANDARD_STATES,
    OPEN_STANDARD_STATES,
    StandardState,
    StandardVersionState,
)
from chengshu.kernel.access.rules import AccessRule
from chengshu.kernel.errors import Conflict
from chengshu.kernel.identity.models import Account, Organization

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
    active = models.BooleanField("启用", default=True)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = "资源分类"

    def __str__(self) -> str:
        return self.name


def fixed_error() -> Conflict:
    """What everybody is told who tries to change a published version of a standard."""
    return Conflict(
        "已发布的标准版本不能改动。", kept="没有做任何改动。", advice="请用“修订”建立新版本。"
    )


class CodeTable(models.Model):
    """A value domain: the codes an item may take.

    ``values`` (rows of :class:`CodeValue`) are those in force; :class:`CodeTableVersion` keeps every version whole.
    ``number`` is the version in force, 0 before the first publication.
    """

    ACCESS: ClassVar = AccessRule(everywhere=True)

    key = models.CharField("代码表标识", max_length=60, unique=True)
    name = models.CharField("名称", max_length=120)
    standard = models.CharField("依据标准", max_length=200, blank=True)
    description = models.CharField("说明", max_length=500, blank=True)
    owner = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name="管理单位",
    )  # fmt: skip
    state = models.CharField(
        "状态", max_length=10, choices=StandardState, default=StandardState.PUBLISHED,
        db_index=True,
    )  # fmt: skip
    state_reason = models.CharField("状态说明", max_length=300, blank=True)
    number = models.PositiveIntegerField("版本", default=1)
    published_at = models.DateTimeField("发布时间", null=True, blank=True)

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


class StandardVersionQuerySet(models.QuerySet[Any]):
    """Refuses to change or delete published versions behind the services' back."""

    def update(self, **values: Any) -> int:
        if set(values) - {"state"} and self.filter(state__in=FIXED_STANDARD_STATES).exists():
            raise fixed_error()
        return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        if self.filter(state__in=FIXED_STANDARD_STATES).exists():
            raise fixed_error()
        return super().delete()


class StandardVersion(models.Model):
    """What versions of data elements and code tables share: number, state, who and when."""

    number = models.PositiveIntegerField("版本")
    state = models.CharField(
        "状态", max_length=10, choices=StandardVersionState, default=StandardVersionState.DRAFT,
        db_index=True,
    )  # fmt: skip
    change_note = models.CharField("修订说明", max_length=500, blank=True)
    remark = models.CharField("退回意见", max_length=500, blank=True)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField("修改时间", default=timezone.now)
    edited_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    submitted_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    published_at = models.DateTimeField("发布日期", null=True, blank=True)
    published_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    objects = StandardVersionQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def fixed(self) -> bool:
        """Whether nothing of it may change any more."""
        return self.state in FIXED_STANDARD_STATES

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuse to write a version the database holds as published, except for superseding it."""
        fields = kwargs.get("update_fields")
        free = fields is not None and set(fields) <= {"state"}
        if self.pk and not free:
            stored = type(self)._default_manager.filter(pk=self.pk, state__in=FIXED_STANDARD_STATES)
            if stored.exists():
                raise fixed_error()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Only open versions can be discarded."""
        stored = type(self)._default_manager.filter(pk=self.pk, state__in=FIXED_STANDARD_STATES)
        if stored.exists():
            raise fixed_error()
        return super().delete(*args, **kwargs)


class CodeTableVersion(StandardVersion):
    """All codes of a table as they stood in one version: ``codes`` is a list of ``[code, name]`` in their order."""

    table = models.ForeignKey(CodeTable, models.CASCADE, related_name="versions")
    codes = models.JSONField("代码", default=list)

    class Meta:
        ordering: ClassVar = ["table", "-number"]
        verbose_name = "代码表版本"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["table", "number"], name="catalog_code_version_once"),
            models.UniqueConstraint(
                fields=["table"], condition=Q(state__in=OPEN_STANDARD_STATES),
                name="catalog_one_open_code_version",
            ),
            models.UniqueConstraint(
                fields=["table"], condition=Q(state="published"),
                name="catalog_one_published_code_version",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.table} v{self.number}"
