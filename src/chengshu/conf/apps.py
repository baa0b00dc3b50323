"""Makes the programs (``up``, ``web``, ``gateway`` …) known as commands."""

from django.apps import AppConfig


class ConfConfig(AppConfig):
    name = "chengshu.conf"
    label = "conf"
