"""What a person keeps of the pages: filters of lists under a name."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from chengshu.kernel.identity.models import Account


class SavedFilter(models.Model):
    """Conditions and order of one list that a person comes back to; ``query`` is the list's own query string."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="saved_filters")
    list_key = models.CharField("列表", max_length=60)
    name = models.CharField("名称", max_length=30)
    query = models.CharField("条件", max_length=500)
    created_at = models.DateTimeField("保存时间", default=timezone.now)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "常用筛选"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "list_key", "name"], name="ui_saved_filter_once"
            )
        ]

    def __str__(self) -> str:
        return self.name
