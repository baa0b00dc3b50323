"""The administrator's own table of holidays and make-up working days."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

FIRST_YEAR, LAST_YEAR = 1990, 2200


class CalendarDay(models.Model):
    """One day that differs from the library or from the week; it always wins."""

    class Kind(models.TextChoices):
        WORKDAY = "workday", "上班"
        HOLIDAY = "holiday", "放假"

    date = models.DateField("日期", unique=True)
    kind = models.CharField("安排", max_length=8, choices=Kind.choices)
    name = models.CharField("名称", max_length=60, help_text="例如：国庆节、国庆节调休上班")
    basis = models.CharField("依据", max_length=200, help_text="放假通知的名称和文号")

    class Meta:
        verbose_name = "特殊日"
        verbose_name_plural = "特殊日"
        ordering = ["date"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["workday", "holiday"]), name="calendar_day_kind"
            )
        ]

    def __str__(self) -> str:
        return f"{self.date:%Y-%m-%d} {self.get_kind_display()} {self.name}"


class CalendarYear(models.Model):
    """The administrator's statement that every special day of a year has been entered.

    Only then may the other days of a year that the library does not know be taken from the week
    without a warning.
    """

    year = models.PositiveSmallIntegerField(
        "年份",
        unique=True,
        validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)],
    )
    basis = models.CharField("依据", max_length=200)

    class Meta:
        verbose_name = "已录全的年份"
        verbose_name_plural = "已录全的年份"
        ordering = ["year"]

    def __str__(self) -> str:
        return f"{self.year} 年"
