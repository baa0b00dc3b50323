"""The search index: one row per thing that can be found, with its tokens and who may see it."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from chengshu.kernel.identity.models import Account


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


class SearchPlace(models.Model):
    """What narrows and counts results, apart from the long texts: counting reads many of these rows and no text.

    ``facets`` is ``|key=value|key=value|`` in the order of the keys; ``weight`` is the length of the title, because
    the shortest title that holds what was typed is the likeliest.
    """

    document = models.OneToOneField(
        SearchDocument, models.CASCADE, primary_key=True, related_name="place"
    )
    kind = models.CharField(max_length=40)
    organization_path = models.CharField(max_length=255, blank=True)
    permission = models.CharField(max_length=80, blank=True)
    facets = models.CharField(max_length=400, blank=True)
    weight = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = "检索位置"
        indexes: ClassVar = [models.Index(fields=["kind", "facets"], name="search_place_facets")]

    def __str__(self) -> str:
        return f"{self.kind} {self.facets}"


class SynonymGroup(models.Model):
    """Words that mean the same, kept by people; those of ``synonyms.csv`` come with the platform."""

    words = models.JSONField("同义词", default=list)
    text = models.CharField(max_length=400, unique=True, editable=False)
    edited_at = models.DateTimeField("修改时间", auto_now=True)
    edited_by = models.ForeignKey(
        Account, models.SET_NULL, null=True, related_name="+", verbose_name="修改人"
    )

    class Meta:
        ordering: ClassVar = ["text"]
        verbose_name = "同义词"

    def __str__(self) -> str:
        return " = ".join(self.words)
