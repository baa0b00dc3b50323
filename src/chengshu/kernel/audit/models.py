"""Audit records, the chain's head and signed checkpoints."""

from typing import Any, ClassVar

from django.db import models


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Refuses bulk changes: the trace is only ever added to."""

    def update(self, **_kwargs: Any) -> int:
        raise TypeError("audit records are never changed")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("audit records are never deleted")


class AuditRecord(models.Model):
    """One act. ``hash`` covers every field and the previous record's hash."""

    seq = models.BigIntegerField("序号", primary_key=True)
    at = models.DateTimeField("时间", db_index=True)
    actor_id = models.CharField("账号", max_length=60, blank=True, db_index=True)
    actor_name = models.CharField("姓名", max_length=60)
    actor_org = models.CharField("单位", max_length=60, blank=True)
    action = models.CharField("动作", max_length=80, db_index=True)
    object_type = models.CharField("对象类别", max_length=60, blank=True)
    object_id = models.CharField("对象编号", max_length=80, blank=True)
    object_name = models.CharField("对象", max_length=200, blank=True)
    before = models.JSONField("之前", null=True)
    after = models.JSONField("之后", null=True)
    reason = models.CharField("原因", max_length=300, blank=True)
    address = models.CharField("来源地址", max_length=45, blank=True)
    request_id = models.CharField("请求编号", max_length=32, blank=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-seq"]
        indexes: ClassVar = [models.Index(fields=["object_type", "object_id"])]
        verbose_name = "审计记录"

    def __str__(self) -> str:
        return f"#{self.seq} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert only."""
        if not self._state.adding:
            raise TypeError("audit records are never changed")
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> tuple[int, dict[str, int]]:
        """Never."""
        raise TypeError("audit records are never deleted")


class AuditHead(models.Model):
    """The end of the chain; its row lock puts writers in one order."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="0" * 64)

    def __str__(self) -> str:
        return f"#{self.seq}"


class AuditCheckpoint(models.Model):
    """A signed statement "at this time the chain ended here"; also appended to a file outside the database.

    A chain alone does not show a cut-off tail. The checkpoint does.
    """

    at = models.DateTimeField()
    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    signature = models.CharField(max_length=200)

    class Meta:
        ordering: ClassVar = ["-seq"]

    def __str__(self) -> str:
        return f"#{self.seq}"
