"""Tokens; of their text only a hash is kept."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from chengshu.kernel.belonging import AccessRule
from chengshu.kernel.identity.models import Account


class ApiToken(models.Model):
    """Lets a program act for one person; ``scopes`` name what for (see :mod:`chengshu.kernel.tokens.scopes`)."""

    ACCESS: ClassVar = AccessRule(organization="account__organization__path")

    account = models.ForeignKey(Account, models.CASCADE, related_name="api_tokens")
    name = models.CharField("名称", max_length=80)
    prefix = models.CharField("令牌开头", max_length=12, unique=True)
    secret_hash = models.CharField(max_length=64)
    scopes = models.JSONField("用途", default=list)
    created_at = models.DateTimeField("签发时间", default=timezone.now)
    expires_at = models.DateTimeField("到期时间")
    revoked_at = models.DateTimeField("吊销时间", null=True)
    last_used_at = models.DateTimeField("最近使用", null=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        verbose_name = "API 令牌"

    def __str__(self) -> str:
        return self.name

    @property
    def usable(self) -> bool:
        """Whether it still opens anything."""
        return self.revoked_at is None and self.expires_at > timezone.now()

    @property
    def state_word(self) -> str:
        """Its state as people read it."""
        if self.revoked_at is not None:
            return "已吊销"
        return "有效" if self.usable else "已到期"
