"""Registers the accounts package."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "chengshu.kernel.accounts"
    label = "accounts"
    verbose_name = "账号与机构"
