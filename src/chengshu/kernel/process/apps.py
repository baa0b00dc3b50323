"""Registers the process package; definitions of the manifests are checked at start-up."""

from django.apps import AppConfig
from django.core import checks


class ProcessConfig(AppConfig):
    name = "chengshu.kernel.process"
    label = "process"
    verbose_name = "流程与待办"

    def ready(self) -> None:
        from chengshu.kernel.process.catalogue import check_definitions

        checks.register(check_definitions)
