"""Open datasets, their immutable releases, public interfaces and what was downloaded.

A dataset says what is opened of a resource (fields, rows) and how it is described; a release is what was given
away at one moment: files with checksums and a version of a table in the lake's open zone.
"""

from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from chengshu.data.opening.choices import (
    ApprovalState,
    DatasetState,
    FileFormat,
    InterfaceState,
    Licence,
    Theme,
)
from chengshu.kernel.access.protocol import AccessRule
from chengshu.kernel.identity.models import Account

SLUG_LENGTH = 60


class OpenDataset(models.Model):
    """What is opened of one resource. ``fields`` and ``row_filter`` choose columns and rows.

    ``masks`` hold the declaration (see ``chengshu_gateway.masks``) of each field that leaves masked, ``basis`` the law
    or the subjects' authorisation it rests on; ``changed_by`` last decided on either and cannot approve them.
    ``restricted``: nobody sees its rows but those who applied and accepted the agreement (``opening.agreements``).
    ``privacy`` holds what the provider decided about telling people apart (``disclosure.rules``), ``review`` the record
    of the last look at a release, refused ones included (``disclosure.review``).
    ``rows``, ``formats`` and ``published_at`` repeat the current release for lists; ``search_text`` is what the
    portal searches. ``revision`` is the optimistic lock of the form.
    """

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    slug = models.CharField("网址名", max_length=SLUG_LENGTH, unique=True)
    title = models.CharField("名称", max_length=120)
    summary = models.TextField("摘要")
    resource = models.ForeignKey(
        "catalog.Resource", models.PROTECT, related_name="open_datasets", verbose_name="数据资源"
    )
    fields = models.JSONField("开放字段", default=list)
    row_filter = models.JSONField("行范围", null=True, blank=True)
    masks = models.JSONField("脱敏", default=dict, blank=True)
    basis = models.CharField("开放依据", max_length=500, blank=True)
    privacy = models.JSONField("隐私评估要求", default=dict, blank=True)
    review = models.JSONField("上次检查", default=dict, blank=True)
    changed_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    licence = models.CharField("许可", max_length=20, choices=Licence, default=Licence.CC_BY)
    keywords = models.JSONField("关键词", default=list, blank=True)
    theme = models.CharField("主题", max_length=20, choices=Theme)
    update_cycle = models.CharField("更新周期", max_length=12, blank=True)
    restricted = models.BooleanField("按协议开放", default=False)
    contact = models.CharField("联系方式", max_length=120, blank=True)
    state = models.CharField(
        "状态", max_length=12, choices=DatasetState, default=DatasetState.DRAFT, db_index=True
    )
    state_reason = models.CharField("状态说明", max_length=300, blank=True)
    error = models.TextField("上次发布的问题", blank=True)
    current = models.ForeignKey(
        "DatasetRelease", models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name="当前版本",
    )  # fmt: skip
    job_id = models.UUIDField("发布任务", null=True, blank=True)
    rows = models.BigIntegerField("记录数", default=0)
    formats = models.JSONField("格式", default=list)
    downloads = models.BigIntegerField("下载次数", default=0)
    search_text = models.TextField(blank=True)
    revision = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField("创建时间", default=timezone.now)
    updated_at = models.DateTimeField("修改时间", default=timezone.now)
    published_at = models.DateTimeField("最近发布", null=True, blank=True, db_index=True)

    class Meta:
        ordering: ClassVar = ["slug"]
        verbose_name = "开放数据集"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(state=DatasetState.PUBLISHED) | Q(current__isnull=False),
                name="opening_published_has_release",
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def public(self) -> bool:
        """Whether the public sees it: published, or published before and being renewed."""
        return self.current_id is not None and self.state in PUBLIC_STATES

    @property
    def format_words(self) -> list[str]:
        """Formats of the current release as people write them."""
        return [f.label for f in FileFormat if f.value in self.formats]


PUBLIC_STATES = (DatasetState.PUBLISHED, DatasetState.PUBLISHING)


def opening_root() -> Path:
    """The folder of all release files."""
    return Path(settings.DATA_DIR) / "open"


class DatasetRelease(models.Model):
    """What was given away at one moment; never changes.

    ``columns`` describe the fields as published (name, title, type, definition, codes, mask); ``files`` maps a format
    to ``{"bytes", "sha256"}``; ``profile`` holds counts per field computed over all rows; ``approval`` says on what
    basis, by whom and when it was approved (empty where nothing had to be); ``review`` holds the figures of the look at
    it before it left, without values.
    """

    ACCESS: ClassVar = AccessRule(organization="dataset__resource__provider__path")

    dataset = models.ForeignKey(OpenDataset, models.CASCADE, related_name="releases")
    number = models.PositiveIntegerField("版本号")
    catalogue_version = models.PositiveIntegerField("目录版本")
    lake_version = models.BigIntegerField("入库版本")
    open_table = models.CharField("开放域表", max_length=100)
    open_version = models.BigIntegerField("开放域版本")
    rows = models.BigIntegerField("记录数")
    columns = models.JSONField("字段")
    spec = models.CharField("发布口径", max_length=64)
    files = models.JSONField("文件")
    profile = models.JSONField("概况", default=dict)
    approval = models.JSONField("审批", default=dict, blank=True)
    review = models.JSONField("检查", default=dict, blank=True)
    folder = models.CharField(max_length=200)
    files_kept = models.BooleanField("文件仍保留", default=True)
    job_id = models.UUIDField("发布任务", null=True, blank=True)
    published_at = models.DateTimeField("发布时间", default=timezone.now)
    published_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["dataset", "-number"]
        verbose_name = "数据集版本"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["dataset", "number"], name="opening_release_once")
        ]

    def __str__(self) -> str:
        return f"{self.dataset} 第 {self.number} 版"

    @property
    def path(self) -> Path:
        """Folder of the files."""
        return opening_root() / self.folder

    def file(self, file_format: str) -> Path:
        """The file of a format."""
        return self.path / f"data.{FileFormat(file_format).value}"

    @property
    def column_names(self) -> list[str]:
        """Field names in order."""
        return [column["name"] for column in self.columns]

    @property
    def file_list(self) -> list[dict[str, Any]]:
        """Files with their format's word, in the order of the formats."""
        return [
            {"format": f.value, "label": f.label, **self.files[f.value]}
            for f in FileFormat
            if f.value in self.files
        ]


class Approval(models.Model):
    """One request to open masked or restricted data, and what a second person said to it; kept as history.

    ``digest`` covers fields, masks, rows and basis as they were submitted: another content needs another approval.
    """

    ACCESS: ClassVar = AccessRule(organization="dataset__resource__provider__path")

    dataset = models.ForeignKey(OpenDataset, models.CASCADE, related_name="approvals")
    digest = models.CharField(max_length=64)
    fields = models.JSONField("开放字段")
    masks = models.JSONField("脱敏")
    basis = models.CharField("开放依据", max_length=500)
    state = models.CharField(
        "状态", max_length=10, choices=ApprovalState, default=ApprovalState.WAITING, db_index=True
    )
    submitted_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    submitted_at = models.DateTimeField("提交时间", default=timezone.now)
    decided_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField("审批时间", null=True, blank=True)
    remark = models.CharField("审批意见", max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = "开放审批"

    def __str__(self) -> str:
        return f"{self.dataset}：{self.get_state_display()}"


class OpenInterface(models.Model):
    """A public JSON interface over a resource (开放接口), with or without a downloadable dataset.

    It serves its own copy in the open zone (``open_table`` at ``open_version``), never the city's working tables.
    """

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    slug = models.CharField("网址名", max_length=SLUG_LENGTH, unique=True)
    title = models.CharField("名称", max_length=120)
    summary = models.TextField("摘要", blank=True)
    resource = models.ForeignKey(
        "catalog.Resource", models.PROTECT, related_name="open_interfaces", verbose_name="数据资源"
    )
    dataset = models.ForeignKey(
        OpenDataset, models.SET_NULL, null=True, blank=True, related_name="interfaces",
        verbose_name="对应数据集",
    )  # fmt: skip
    fields = models.JSONField("开放字段", default=list)
    row_filter = models.JSONField("行范围", null=True, blank=True)
    state = models.CharField(
        "状态", max_length=12, choices=InterfaceState, default=InterfaceState.PUBLISHING,
        db_index=True,
    )  # fmt: skip
    state_reason = models.CharField("状态说明", max_length=300, blank=True)
    error = models.TextField("上次发布的问题", blank=True)
    open_table = models.CharField("开放域表", max_length=100, blank=True)
    open_version = models.BigIntegerField("开放域版本", null=True)
    lake_version = models.BigIntegerField("入库版本", null=True)
    columns = models.JSONField("字段", default=list)
    rows = models.BigIntegerField("记录数", default=0)
    job_id = models.UUIDField("发布任务", null=True, blank=True)
    published_at = models.DateTimeField("最近发布", null=True, blank=True)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField("创建时间", default=timezone.now)

    class Meta:
        ordering: ClassVar = ["slug"]
        verbose_name = "开放接口"

    def __str__(self) -> str:
        return self.title

    @property
    def served(self) -> bool:
        """Whether it answers: online, or online before and being renewed."""
        return bool(self.open_table) and self.state != InterfaceState.OFFLINE


class DownloadCount(models.Model):
    """Downloads per dataset, day and format; no trace of who."""

    dataset = models.ForeignKey(OpenDataset, models.CASCADE, related_name="download_counts")
    day = models.DateField("日期")
    format = models.CharField("格式", max_length=10, choices=FileFormat)
    count = models.PositiveIntegerField("次数", default=0)

    class Meta:
        ordering: ClassVar = ["-day"]
        verbose_name = "下载次数"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["dataset", "day", "format"], name="opening_download_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} {self.day} {self.format}"
