"""Registers the package of what the public says about open data."""

from django.apps import AppConfig


class VoicesConfig(AppConfig):
    name = "chengshu.data.opening.voices"
    label = "opening_voices"
    verbose_name = "开放互动"
