"""Proposed entries: what was looked at, what was guessed, what became of it."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from chengshu.data.discovery.choices import Origin, ProposalState
from chengshu.kernel.access.rules import AccessRule
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.identity.models import Account, Organization
from chengshu.kernel.jobs.models import Job


class Proposal(models.Model):
    """One table, sheet or file on its way to a catalogue draft.

    ``content`` holds the proposal as ``inference`` gave it and as the person has corrected it since
    (see :mod:`chengshu.data.discovery.documents`); ``revision`` is the optimistic lock of the page. Proposals that were
    asked for together share ``work``.
    """

    ACCESS: ClassVar = AccessRule(organization="owner__path")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    work = models.UUIDField("工作单", default=uuid.uuid4, db_index=True)
    owner = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="提供单位"
    )
    origin = models.CharField("来源", max_length=10, choices=Origin)
    data_source = models.ForeignKey(
        "ingest.DataSource", models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name="数据源",
    )  # fmt: skip
    file = models.ForeignKey(StoredFile, models.SET_NULL, null=True, blank=True, related_name="+")
    object_name = models.CharField("表或文件", max_length=255)
    state = models.CharField(
        "状态", max_length=10, choices=ProposalState, default=ProposalState.QUEUED, db_index=True
    )
    title = models.CharField("资源名称", max_length=120, blank=True)
    content: Any = models.JSONField("内容", default=dict)
    structure: Any = models.JSONField("源结构", default=dict)
    items = models.PositiveIntegerField("数据项", default=0)
    doubtful = models.PositiveIntegerField("要看一眼", default=0)
    rows = models.PositiveIntegerField("抽样行数", default=0)
    error = models.CharField("原因", max_length=500, blank=True)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, blank=True, related_name="+")
    resource = models.ForeignKey(
        "catalog.Resource", models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name="目录",
    )  # fmt: skip
    revision = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField("提出时间", default=timezone.now, db_index=True)
    updated_at = models.DateTimeField("更新时间", default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at", "object_name"]
        verbose_name = "目录建议"

    def __str__(self) -> str:
        return self.title or self.object_name
