"""What was said about changes: rounds of review, how consumers are handled, retirements to come."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from chengshu.data.catalog.models import Resource, ResourceVersion
from chengshu.kernel.identity.models import Account


class ReviewRound(models.Model):
    """One return of a version: what the reviewer remarked, and how it was answered.

    Keys of ``remarks`` are version fields, or ``items.<column>``. ``before`` holds what each said when it was
    returned, ``after`` what it said at resubmission, ``answers`` what the submitter wrote; all as people read them.
    """

    version = models.ForeignKey(ResourceVersion, models.CASCADE, related_name="rounds")
    remark = models.CharField("审核意见", max_length=1000)
    remarks = models.JSONField("逐项意见", default=dict)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    answers = models.JSONField("答复", default=dict)
    returned_at = models.DateTimeField("退回时间", default=timezone.now)
    returned_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    resubmitted_at = models.DateTimeField("重新提交时间", null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-returned_at", "-pk"]
        verbose_name = "退回意见"

    def __str__(self) -> str:
        return f"{self.version} {self.returned_at:%F}"


class Handling(models.Model):
    """How those who are hit by a breaking version are handled, as the submitter stated it.

    ``hits`` is who was hit when it was submitted: kind, name, owner, url, effects.
    """

    version = models.OneToOneField(ResourceVersion, models.CASCADE, related_name="handling")
    statement = models.CharField("对使用方的处理", max_length=1000)
    hits = models.JSONField("受影响的使用方", default=list)
    stated_at = models.DateTimeField("说明时间", default=timezone.now)
    stated_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = "使用方处理说明"

    def __str__(self) -> str:
        return self.statement


class PlannedRetirement(models.Model):
    """An entry that is still used and will be retired on a day its users were told."""

    resource = models.OneToOneField(Resource, models.CASCADE, related_name="planned_retirement")
    on = models.DateField("撤销日期")
    reason = models.CharField("原因", max_length=300)
    planned_at = models.DateTimeField("安排时间", default=timezone.now)
    planned_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = "待撤销目录"

    def __str__(self) -> str:
        return f"{self.resource} {self.on:%F}"
