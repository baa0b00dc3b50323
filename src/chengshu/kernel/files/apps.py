"""Registers the files package."""

from django.apps import AppConfig


class FilesConfig(AppConfig):
    name = "chengshu.kernel.files"
    label = "files"
    verbose_name = "文件"
