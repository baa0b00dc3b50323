"""Resources (目录条目) and their versions.

The resource is the identity others refer to; a version is what it says. At most one version is open (draft,
submitted or returned) and at most one is published. Frozen versions never change: queries that try are refused
here, not only in the services.
"""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from chengshu.data.catalog.choices import (
    EDITABLE_STATES,
    FROZEN_STATES,
    OPEN_STATES,
    Level,
    NationalClass,
    OpenType,
    ResourceKind,
    ResourceState,
    SharingMethod,
    SharingType,
    Theme,
    UpdateCycle,
    VersionState,
)
from chengshu.data.catalog.models.libraries import Warehouse
from chengshu.data.catalog.models.standards import Category
from chengshu.data.catalog.models.systems import BusinessItem, InformationSystem
from chengshu.kernel.access.rules import AccessRule
from chengshu.kernel.errors import Conflict
from chengshu.kernel.identity.models import Account, Organization

# A frozen version may only pass from published to superseded.
_MUTABLE_WHEN_FROZEN = frozenset({"state"})


def frozen_error() -> Conflict:
    """What everybody is told who tries to change a published version."""
    return Conflict(
        "已发布的目录版本不能改动。", kept="没有做任何改动。", advice="请用“发起变更”建立新版本。"
    )


class Resource(models.Model):
    """One entry of the catalogue: a table, interface, file or stream of one department.

    ``kind``, ``system``, ``warehouse`` and ``business_items`` mirror the version people see. ``fresh_at`` is the last
    time data came in, ``due_at`` the first moment that is too late for the next update (both kept by ``services.due``;
    no ``due_at``: nothing is owed).
    """

    ACCESS: ClassVar = AccessRule(organization="provider__path")

    code = models.CharField("资源代码", max_length=60, unique=True)
    title = models.CharField("资源名称", max_length=120)
    provider = models.ForeignKey(
        Organization, models.PROTECT, related_name="resources", verbose_name="提供单位"
    )
    system = models.ForeignKey(
        InformationSystem, models.PROTECT, null=True, blank=True, related_name="resources",
        verbose_name="所属系统",
    )  # fmt: skip
    warehouse = models.ForeignKey(
        Warehouse, models.PROTECT, null=True, blank=True, related_name="resources",
        verbose_name="数据仓",
    )  # fmt: skip
    category = models.ForeignKey(
        Category, models.PROTECT, related_name="resources", verbose_name="资源分类"
    )
    kind = models.CharField(
        "资源类型", max_length=10, choices=ResourceKind, default=ResourceKind.TABLE, db_index=True
    )
    business_items = models.ManyToManyField(
        BusinessItem, related_name="resources", blank=True, verbose_name="业务事项"
    )
    physical_name = models.CharField("物理表名", max_length=63, unique=True)
    lake_table = models.CharField("湖表", max_length=80, unique=True)
    state = models.CharField(
        "状态", max_length=10, choices=ResourceState, default=ResourceState.DRAFT, db_index=True
    )
    state_reason = models.CharField("状态说明", max_length=300, blank=True)
    published = models.ForeignKey(
        "ResourceVersion", models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name="已发布版本",
    )  # fmt: skip
    working = models.ForeignKey(
        "ResourceVersion", models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name="编辑中的版本",
    )  # fmt: skip
    fresh_at = models.DateTimeField("数据更新时间", null=True, blank=True)
    due_at = models.DateTimeField("应更新时限", null=True, blank=True, db_index=True)
    created_at = models.DateTimeField("创建时间", default=timezone.now, editable=False)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    updated_at = models.DateTimeField("更新时间", default=timezone.now, db_index=True)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = "数据资源"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="draft", published=None)
                | (~Q(state="draft") & ~Q(published=None)),
                name="catalog_resource_published_unless_draft",
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def shown(self) -> "ResourceVersion | None":
        """The version people see: the published one, else the one being written."""
        return self.published or self.working


class ResourceVersionQuerySet(models.QuerySet["ResourceVersion"]):
    """Refuses to change or delete frozen versions behind the services' back."""

    def update(self, **values: Any) -> int:
        touched = set(values) - _MUTABLE_WHEN_FROZEN
        if touched and self.filter(state__in=FROZEN_STATES).exists():
            raise frozen_error()
        return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        if self.filter(state__in=FROZEN_STATES).exists():
            raise frozen_error()
        return super().delete()


class ResourceVersion(models.Model):
    """What a resource says from one publication to the next.

    ``level`` is kept by the services: the highest of the items and ``level_floor`` (就高从严). ``revision`` counts
    edits and is the optimistic lock of the form.
    """

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    resource = models.ForeignKey(Resource, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField("版本号")
    state = models.CharField(
        "状态", max_length=10, choices=VersionState, default=VersionState.DRAFT, db_index=True
    )
    title = models.CharField("资源名称", max_length=120)
    summary = models.TextField("摘要", blank=True)
    kind = models.CharField(
        "资源类型", max_length=10, choices=ResourceKind, default=ResourceKind.TABLE
    )
    keywords = models.JSONField("关键字", default=list, blank=True)
    theme = models.CharField("领域主题", max_length=14, choices=Theme, blank=True)
    spatial = models.CharField("空间范围", max_length=120, blank=True)
    temporal_start = models.DateField("时间范围起", null=True, blank=True)
    temporal_end = models.DateField("时间范围止", null=True, blank=True)
    related = models.JSONField("关联资源", default=list, blank=True)
    is_lead = models.BooleanField("数源单位", default=False)
    source_name = models.CharField("来源数据源", max_length=120, blank=True)
    source_table = models.CharField("来源库表", max_length=160, blank=True)
    access_protocol = models.CharField("协议", max_length=40, blank=True)
    access_method = models.CharField("请求方法", max_length=20, blank=True)
    access_address = models.CharField("地址、路径或主题", max_length=300, blank=True)
    business_codes = models.JSONField("业务事项", default=list, blank=True)
    system = models.ForeignKey(
        InformationSystem, models.PROTECT, null=True, blank=True, related_name="+"
    )
    warehouse = models.ForeignKey(
        Warehouse, models.PROTECT, null=True, blank=True, related_name="+"
    )
    sharing_type = models.CharField("共享类型", max_length=16, choices=SharingType, blank=True)
    sharing_condition = models.CharField("共享条件", max_length=500, blank=True)
    sharing_basis = models.CharField("共享属性依据", max_length=500, blank=True)
    sharing_method = models.CharField(
        "共享方式", max_length=12, choices=SharingMethod, default=SharingMethod.INTERFACE
    )
    open_type = models.CharField("开放类型", max_length=16, choices=OpenType, blank=True)
    open_condition = models.CharField("开放条件", max_length=500, blank=True)
    open_basis = models.CharField("开放属性依据", max_length=500, blank=True)
    update_cycle = models.CharField("更新周期", max_length=12, choices=UpdateCycle, blank=True)
    level_floor = models.CharField("从严定级", max_length=2, choices=Level, blank=True)
    level = models.CharField("安全级别", max_length=2, choices=Level, default=Level.L1)
    national_class = models.CharField(
        "国家分级", max_length=10, choices=NationalClass, default=NationalClass.GENERAL
    )
    level_basis = models.CharField("定级依据", max_length=500, blank=True)
    formats = models.JSONField("数据格式", default=list)
    change_note = models.CharField("变更说明", max_length=500, blank=True)
    item_count = models.PositiveIntegerField("数据项数", default=0)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField("修改时间", default=timezone.now)
    edited_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    submitted_at = models.DateTimeField("提交时间", null=True, blank=True)
    submitted_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    reviewed_at = models.DateTimeField("审核时间", null=True, blank=True)
    reviewed_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    review_remark = models.CharField("审核意见", max_length=1000, blank=True)
    field_remarks = models.JSONField("逐项意见", default=dict, blank=True)
    published_at = models.DateTimeField("发布时间", null=True, blank=True)

    objects = ResourceVersionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["resource", "-number"]
        verbose_name = "目录版本"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource", "number"], name="catalog_version_once"),
            models.UniqueConstraint(
                fields=["resource"], condition=Q(state__in=OPEN_STATES),
                name="catalog_one_open_version",
            ),
            models.UniqueConstraint(
                fields=["resource"], condition=Q(state="published"),
                name="catalog_one_published_version",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.title} v{self.number}"

    @property
    def frozen(self) -> bool:
        """Whether nothing of it may change any more."""
        return self.state in FROZEN_STATES

    @property
    def editable(self) -> bool:
        """Whether its content may be edited now (a submitted one is withdrawn first)."""
        return self.state in EDITABLE_STATES

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuse to write a version that the database holds as frozen, except for superseding it."""
        fields = kwargs.get("update_fields")
        free = fields is not None and set(fields) <= _MUTABLE_WHEN_FROZEN
        if self.pk and not free:
            stored = ResourceVersion.objects.filter(pk=self.pk, state__in=FROZEN_STATES)
            if stored.exists():
                raise frozen_error()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Only open versions can be discarded."""
        if ResourceVersion.objects.filter(pk=self.pk, state__in=FROZEN_STATES).exists():
            raise frozen_error()
        return super().delete(*args, **kwargs)
