"""Registers the tokens package."""

from django.apps import AppConfig


class TokensConfig(AppConfig):
    name = "chengshu.kernel.tokens"
    label = "tokens"
    verbose_name = "API 令牌"
