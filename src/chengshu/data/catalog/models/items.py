"""Data items: the columns of a resource version and what they mean."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from chengshu.data.catalog.choices import FROZEN_STATES, ItemFormat, ItemType, Level
from chengshu.data.catalog.models.elements import DataElement
from chengshu.data.catalog.models.resources import ResourceVersion, frozen_error
from chengshu.data.catalog.models.standards import CodeTable


class DataItemQuerySet(models.QuerySet["DataItem"]):
    """Refuses to change or delete items of frozen versions."""

    def update(self, **values: Any) -> int:
        self._refuse_frozen()
        return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._refuse_frozen()
        return super().delete()

    def _refuse_frozen(self) -> None:
        if self.filter(version__state__in=FROZEN_STATES).exists():
            raise frozen_error()


class DataItem(models.Model):
    """One column. Bounds are written as text in the column's own type and are inclusive."""

    version = models.ForeignKey(ResourceVersion, models.CASCADE, related_name="items")
    order = models.PositiveIntegerField("顺序")
    name = models.CharField("字段名", max_length=63, blank=True)
    title = models.CharField("中文名称", max_length=120, blank=True)
    type = models.CharField("类型", max_length=10, choices=ItemType, default=ItemType.TEXT)
    length = models.PositiveIntegerField("长度", null=True, blank=True)
    precision = models.PositiveSmallIntegerField("总位数", null=True, blank=True)
    scale = models.PositiveSmallIntegerField("小数位", null=True, blank=True)
    nullable = models.BooleanField("可空", default=True)
    is_key = models.BooleanField("主键", default=False)
    code_table = models.ForeignKey(
        CodeTable,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="items",
        verbose_name="代码表",
    )
    format = models.CharField("格式", max_length=12, choices=ItemFormat, blank=True)
    minimum = models.CharField("最小值", max_length=40, blank=True)
    maximum = models.CharField("最大值", max_length=40, blank=True)
    pattern = models.CharField("正则", max_length=200, blank=True)
    sensitivity = models.CharField("敏感级别", max_length=2, choices=Level, default=Level.L1)
    definition = models.CharField("定义", max_length=500, blank=True)
    element = models.ForeignKey(
        DataElement,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="items",
        verbose_name="数据元",
    )
    english = models.CharField("英文名称", max_length=160, blank=True)
    unit = models.CharField("计量单位", max_length=30, blank=True)

    objects = DataItemQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["version", "order"]
        verbose_name = "数据项"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "name"], condition=~Q(name=""), name="catalog_item_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.title}（{self.name}）"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuse to write into a frozen version."""
        self._refuse_frozen()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse to remove from a frozen version."""
        self._refuse_frozen()
        return super().delete(*args, **kwargs)

    def _refuse_frozen(self) -> None:
        if ResourceVersion.objects.filter(pk=self.version_id, state__in=FROZEN_STATES).exists():
            raise frozen_error()
