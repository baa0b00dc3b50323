"""The search index: one row per thing that can be found, with its tokens and who may see it."""

from typing import ClassVar

from django.db import models
from django.utils import timezone


class SearchDocument(models.Model):
    """What a person finds.

    ``permission`` "" is public, otherwise the reader must hold it at ``organization_path`` ("" = anywhere).
    ``title_tokens`` and ``tokens`` are space-separated; migration 0001 keeps a full-text index over both on either
    database (FTS5 on SQLite, tsvector with GIN on PostgreSQL), so nothing else has to write it.
    """

    kind = models.CharField("类别", max_length=40)
    object_id = models.CharField("对象编号", max_length=80)
    title = models.CharField("标题", max_length=200)
    summary = models.TextField("摘要", blank=True)
    url = models.CharField("地址", max_length=300)
    organization_path = models.CharField("机构路径", max_length=255, blank=True)
    permission = models.CharField("所需权限", max_length=80, blank=True)
    title_tokens = models.TextField(blank=True)
    tokens = models.TextField(blank=True)
    updated_at = models.DateTimeField("更新时间", default=timezone.now, db_index=True)

    class Meta:
        verbose_name = "检索条目"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "object_id"], name="search_document_once")
        ]

    def __str__(self) -> str:
        return self.title
