"""Data elements (数据元, DB33/T 2426-2022): what a column means and how it is written, once for the whole city."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from chengshu.data.catalog.choices import (
    OPEN_STANDARD_STATES,
    ItemFormat,
    ItemType,
    Level,
    StandardState,
)
from chengshu.data.catalog.models.standards import CodeTable, StandardVersion
from chengshu.kernel.access.rules import AccessRule
from chengshu.kernel.identity.models import Organization


class DataElement(models.Model):
    """The identity of a data element; what it says is in its versions.

    ``owner`` is the unit that looks after it (管理单位); ``title`` mirrors the version people see.
    """

    ACCESS: ClassVar = AccessRule(organization="owner__path")

    identifier = models.CharField("标识符", max_length=40, unique=True)
    title = models.CharField("中文名称", max_length=120, db_index=True)
    owner = models.ForeignKey(
        Organization, models.PROTECT, related_name="data_elements", verbose_name="管理单位"
    )
    state = models.CharField(
        "状态", max_length=10, choices=StandardState, default=StandardState.DRAFT, db_index=True
    )
    state_reason = models.CharField("状态说明", max_length=300, blank=True)
    published = models.ForeignKey(
        "ElementVersion", models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name="现行版本",
    )  # fmt: skip
    working = models.ForeignKey(
        "ElementVersion", models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name="修订中的版本",
    )  # fmt: skip
    created_at = models.DateTimeField("创建时间", default=timezone.now, editable=False)
    updated_at = models.DateTimeField("更新时间", default=timezone.now, db_index=True)

    class Meta:
        ordering: ClassVar = ["identifier"]
        verbose_name = "数据元"

    def __str__(self) -> str:
        return f"{self.title}（{self.identifier}）"

    @property
    def shown(self) -> "ElementVersion | None":
        """The version people see: the one in force, else the one being written."""
        return self.published or self.working


class ElementVersion(StandardVersion):
    """What a data element says from one publication to the next.

    Name = 对象类词 + 特性词 + 表示词 (GB/T 18391). ``name`` is the column name proposed for it; ``data_format`` is the
    written form, e.g. ``an18``; bounds are text in the element's own type and inclusive.
    """

    ACCESS: ClassVar = AccessRule(organization="element__owner__path")

    element = models.ForeignKey(DataElement, models.CASCADE, related_name="versions")
    title = models.CharField("中文名称", max_length=120)
    english = models.CharField("英文名称", max_length=160, blank=True)
    name = models.CharField("建议字段名", max_length=63, blank=True)
    definition = models.CharField("定义", max_length=500, blank=True)
    object_class = models.CharField("对象类词", max_length=60, blank=True)
    property_word = models.CharField("特性词", max_length=60, blank=True)
    representation = models.CharField("表示词", max_length=60, blank=True)
    type = models.CharField("数据类型", max_length=10, choices=ItemType, default=ItemType.TEXT)
    length = models.PositiveIntegerField("长度", null=True, blank=True)
    precision = models.PositiveSmallIntegerField("总位数", null=True, blank=True)
    scale = models.PositiveSmallIntegerField("小数位", null=True, blank=True)
    data_format = models.CharField("数据格式", max_length=60, blank=True)
    format = models.CharField("校验格式", max_length=12, choices=ItemFormat, blank=True)
    code_table = models.ForeignKey(
        CodeTable, models.PROTECT, null=True, blank=True, related_name="element_versions",
        verbose_name="代码表",
    )  # fmt: skip
    minimum = models.CharField("最小值", max_length=40, blank=True)
    maximum = models.CharField("最大值", max_length=40, blank=True)
    pattern = models.CharField("正则", max_length=200, blank=True)
    value_domain = models.CharField("值域", max_length=300, blank=True)
    unit = models.CharField("计量单位", max_length=30, blank=True)
    sensitivity = models.CharField("敏感级别", max_length=2, choices=Level, default=Level.L1)
    synonyms = models.JSONField("同义名称", default=list, blank=True)
    relation = models.CharField("关系", max_length=300, blank=True)
    source = models.CharField("来源机构", max_length=120, blank=True)
    application = models.CharField("所属应用", max_length=120, blank=True)
    note = models.CharField("备注", max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["element", "-number"]
        verbose_name = "数据元版本"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["element", "number"], name="catalog_element_version_once"),
            models.UniqueConstraint(
                fields=["element"], condition=Q(state__in=OPEN_STANDARD_STATES),
                name="catalog_one_open_element",
            ),
            models.UniqueConstraint(
                fields=["element"], condition=Q(state="published"),
                name="catalog_one_published_element",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.title} v{self.number}"
