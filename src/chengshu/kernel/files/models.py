"""Stored files."""

import uuid
from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from chengshu.kernel.access.rules import AccessRule
from chengshu.kernel.identity.models import Account, Organization


class StoredFile(models.Model):
    """One file as a person named it; equal contents share one place on disk."""

    ACCESS: ClassVar = AccessRule(organization="organization__path")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField("文件名", max_length=200)
    size = models.BigIntegerField("大小")
    sha256 = models.CharField(max_length=64, db_index=True)
    purpose = models.CharField("用途", max_length=40)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True)
    organization = models.ForeignKey(Organization, models.SET_NULL, null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = "文件"

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        """Where the content lies."""
        root = Path(settings.DATA_DIR) / "files"
        return root / self.sha256[:2] / self.sha256
